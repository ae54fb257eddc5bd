"""Three digits as the colour channels of one image: a thousand modes that a classifier can count."""

from __future__ import annotations

import torch

from gancourse.batch import Batch
from gancourse.data.images import Images, digits, to_floats
from gancourse.rng import Noise
from gancourse.signature import Classes, Signature

CHANNELS = ("red", "green", "blue")


class StackedDigits:
    """Images [3, 28, 28] whose channels are digits drawn independently of each other; stacked when they are drawn.

    The label of an image is 100 · red + 10 · green + blue. The digits are not quite equally frequent, so neither are
    the modes: the set's own labels have a reverse KL divergence of about 0.007 nats from equal shares.

    Args:
        source: images of one channel and ten classes.

    Raises:
        ValueError: the source has more channels or other classes.

    Source: Metz, Poole, Pfau, Sohl-Dickstein 2017 (Unrolled GANs), section 3.3.1; Srivastava et al. 2017.

    >>> batch = stacked_digits()(Noise((0,), n=2))
    >>> batch.x.shape, batch.y.shape
    (torch.Size([2, 3, 28, 28]), torch.Size([2]))
    """

    def __init__(self, source: Images) -> None:
        if source.images.shape[1] != 1 or len(source.classes) != 10:
            raise ValueError(
                f"the source has {source.images.shape[1]} channels and {len(source.classes)} classes; expected 1 and 10"
            )
        self.source = source
        self.classes = tuple(f"{label:03}" for label in range(1000))

    def __len__(self) -> int:
        return len(self.source) ** 3

    @property
    def signature(self) -> Signature:
        """Shape of an image, and the thousand classes."""
        return Signature((3, *self.source.images.shape[2:]), Classes(self.classes))

    @property
    def n_samples(self) -> int:
        """Number of different stacks."""
        return len(self)

    def __call__(self, noise: Noise) -> Batch:
        """Images drawn with replacement, float [n, 3, 28, 28] in [−1, 1], and their labels [n]."""
        if not len(self):
            raise ValueError("the set holds no images; pass a set with images")
        index = torch.stack([noise.integers(name, len(self.source)) for name in CHANNELS], 1)
        index = index.to(self.source.images.device)
        y = (self.source.labels[index] * index.new_tensor([100, 10, 1])).sum(1)
        return Batch(to_floats(self.source.images[index].squeeze(2)).to(noise.device), y.to(noise.device))

    def report(self) -> str:
        """An empty line: no image is left out."""
        return ""

    def first(self, n: int) -> Batch:
        """Always the same n images and labels.

        Raises:
            ValueError: n is below one.
        """
        return self(Noise(("stacked digits",), n))

    def to(self, device: torch.device) -> StackedDigits:
        """The same set with its images on another device."""
        return StackedDigits(self.source.to(device))


def stacked_digits(split: str = "train", full: bool = False, download: bool = False) -> StackedDigits:
    """Stacked MNIST; arguments and errors as for `digits`.

    >>> stacked_digits().classes[42]
    '042'
    """
    return StackedDigits(digits(split, full, download))
