"""What turns images into features: the package's classifiers, torchvision's Inception, or any network."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from gancourse.data import MissingDataError
from gancourse.evaluation_mode import evaluating
from gancourse.names import lookup
from gancourse.zoo.storage import load

BATCH = 500
CLASSIFIERS = ("digits-classifier", "fashion-classifier", "faces-regressor", "faces-sketch-regressor")
INCEPTION = "inception-torchvision"
INCEPTION_FILE = "inception_v3_google-0cc3c7bd.pth"  # its name holds the first digits of its SHA-256


class Extractor:
    """Maps images to features, in batches, without gradients; carries the name that labels of metrics show.

    Args:
        name: what metrics call it.
        network: maps images [n, channels, height, width] in [−1, 1] to features [n, ...], which are flattened. A
            module is put into evaluation mode during a call, and back.
        sha256: digest of its weights, if they aren't a module's own; `reference` needs one.
        batch_size: images at a time.

    >>> pixels = Extractor("pixels", torch.nn.Flatten())
    >>> pixels.name, pixels(torch.zeros(2, 1, 28, 28)).shape
    ('pixels', torch.Size([2, 784]))
    """

    def __init__(
        self, name: str, network: Callable[[Tensor], Tensor], sha256: str | None = None, batch_size: int = BATCH
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; expected at least 1")
        self.name, self.network, self.batch_size = name, network, batch_size
        self.sha256 = sha256 or (digest(network) if isinstance(network, nn.Module) else None)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Features of images, [n, features]; on the CPU.

        Raises:
            ValueError: there is no image, or the network returns another number of rows.
        """
        if not len(images):
            raise ValueError(f"images have shape {tuple(images.shape)}; expected at least one")
        with evaluating(*([self.network] if isinstance(self.network, nn.Module) else [])):
            features = torch.cat([self.network(part).cpu() for part in images.split(self.batch_size)])
        if len(features) != len(images):
            raise ValueError(f"{self.name} made {len(features)} rows of {len(images)} images; expected one an image")
        return features.flatten(1)


def digest(network: nn.Module) -> str:
    """SHA-256 of a network's class, weights and buffers, in hexadecimal."""
    sha256 = hashlib.sha256(repr(network).encode())
    for name, value in sorted(network.state_dict().items()):
        sha256.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        sha256.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return sha256.hexdigest()


def extractor(name: str) -> Extractor:
    """Feature extractor: the name of a classifier or regressor of the zoo, or "inception-torchvision".

    The classifiers' 64 and the regressors' 256 features are those before their last ReLU. Inception's 2,048 are
    torchvision's, which differ from those of the original FID: its numbers compare with each other only.

    Raises:
        ValueError: there is none; the message suggests the nearest.
        MissingDataError: Inception's weights are not on this machine; the message says how to get them.

    >>> extractor("digits-classifier")(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 64])
    """
    known = dict.fromkeys(CLASSIFIERS, _classifier) | {INCEPTION: _inception}
    return lookup(known, name, "extractor")(name)


def _classifier(name: str) -> Extractor:
    network = load(name)
    return Extractor(name, network.features, digest(network))


def _inception(name: str) -> Extractor:
    path = _inception_weights()
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    if not sha256.startswith(INCEPTION_FILE.removesuffix(".pth").split("-")[1]):
        raise MissingDataError(f"{path} is damaged: its SHA-256 begins with {sha256[:8]}; delete it and get it again")
    from torchvision.models import inception_v3

    network = inception_v3(weights=None, init_weights=False, transform_input=False)
    network.load_state_dict(torch.load(path, weights_only=True))
    network.fc = nn.Identity()
    network.eval().requires_grad_(False)

    def features(images: Tensor) -> Tensor:
        # Its weights expect [−1, 1], as our images are: no other normalisation.
        large = nn.functional.interpolate(images, (299, 299), mode="bilinear", antialias=True, align_corners=False)
        return network(large.expand(-1, 3, -1, -1))

    return Extractor(name, features, sha256, batch_size=50)


def _inception_weights() -> Path:
    folders = [Path(torch.hub.get_dir()) / "checkpoints"]
    if "GANCOURSE_DATA" in os.environ:
        folders.insert(0, Path(os.environ["GANCOURSE_DATA"]))
    for folder in folders:
        if (folder / INCEPTION_FILE).is_file():
            return folder / INCEPTION_FILE
    raise MissingDataError(
        f"{INCEPTION_FILE} is not on this machine; with a connection, "
        "`python -c \"import torchvision; torchvision.models.inception_v3(weights='DEFAULT')\"` puts it into "
        f"{folders[-1]}, or copy it into the folder that GANCOURSE_DATA names"
    )
