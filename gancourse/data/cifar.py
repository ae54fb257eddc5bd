"""CIFAR-10: small photographs of ten kinds of things. The package has none of them; torchvision reads them."""

from __future__ import annotations

import torch

from gancourse.data.images import Images, check_split, read_by_torchvision
from gancourse.signature import Classes, Signature

OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR10 = Signature((3, 32, 32), Classes(OBJECTS))
"""What it returns, for networks that are built before it is read."""


def cifar10(split: str = "train", download: bool = False) -> Images:
    """CIFAR-10: 50,000 training and 10,000 test photographs, 32 × 32, in colour, equally many of each of ten classes.

    Args:
        split: "train" or "test".
        download: whether to download it (170 MB) if it is missing.

    Raises:
        ValueError: the split is unknown.
        MissingDataError: it is not on this machine, or damaged.

    Source: Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images.
    """
    check_split(split)
    # Its files are pickles, which torchvision only opens if their checksums are those of the published ones.
    full = read_by_torchvision("CIFAR10", split, download, "take data of the same shape (--data faces-by-hair)")
    return Images(torch.from_numpy(full.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(full.targets), OBJECTS)
