"""Truncated latents: samples that are more typical, and vary less."""

from __future__ import annotations

import math
import sys
from typing import Literal

import torch
from torch import Tensor, nn

TruncationRule = Literal["resample", "clamp", "scale"]
HUB_THRESHOLD = 2.0  # of the truncated normal numbers that the public demonstration multiplies


def _resampled(z: Tensor, threshold: float) -> Tensor:
    """Standard normal numbers, of which those beyond the threshold are drawn again within it.

    Of a normal number beyond τ, the share of its tail that lies between τ and it is uniform. So the new number needs no
    further randomness: it has its sign, and cuts off the same share of the half-normal distribution up to τ.
    """
    exact, root = z.double(), math.sqrt(2)
    beyond = max(math.erfc(threshold / root), sys.float_info.min)  # the share of both tails, 0 from τ = 38 on
    tail = (torch.erfc(exact.abs() / root) / beyond).clamp(max=1)
    size = root * torch.erfinv((1 - tail) * math.erf(threshold / root))
    redrawn = exact.sign() * size.clamp(max=threshold)
    return torch.where(exact.abs() <= threshold, exact, redrawn).to(z)


def truncated(z: Tensor, threshold: float, rule: TruncationRule = "resample") -> Tensor:
    """Truncated latents, as a function of standard normal ones; of the shape of z.

    Args:
        z: standard normal.
        threshold: τ, positive.
        rule: "resample" draws numbers with |z| > τ again until they are within, as in the paper, so that their
            distribution is the truncated normal one; "clamp" sets them to ±τ; "scale" is what the public demonstration
            of BigGAN does: τ times numbers that are truncated at 2. At τ = 0.5, the standard deviations are 0.284,
            0.430 and 0.440.

    Raises:
        ValueError: the threshold isn't a positive number, or there is no such rule.

    Source: Brock, Donahue, Simonyan 2019, section 3.1.

    >>> truncated(torch.tensor([0.25, -1.0]), 0.5, "clamp")
    tensor([ 0.2500, -0.5000])
    >>> truncated(torch.tensor([0.25, -1.0, 40.0]), 0.5)
    tensor([ 0.2500, -0.2353,  0.5000])
    """
    if not (threshold > 0 and math.isfinite(threshold)):
        raise ValueError(f"the truncation is {threshold}; pass a positive number, such as 0.5")
    if rule == "clamp":
        return z.clamp(-threshold, threshold)
    if rule == "scale":
        return threshold * _resampled(z, HUB_THRESHOLD)
    if rule != "resample":
        raise ValueError(f"the rule of truncation is {rule!r}; pass 'resample', 'clamp' or 'scale'")
    return _resampled(z, threshold)


class TruncatedLatents(nn.Module):
    """A generator that truncates its latents.

    Args:
        generator: maps latents, and conditions if it is `conditional`, to samples.
        threshold: as for `truncated`.
        rule: as for `truncated`.

    Raises:
        ValueError: it is no generator of latents; the threshold isn't a positive number, or there is no such rule.
    """

    def __init__(self, generator: nn.Module, threshold: float, rule: TruncationRule = "resample") -> None:
        super().__init__()
        if not hasattr(generator, "latent_size"):
            raise ValueError(f"{type(generator).__name__} has no latents to truncate; leave the truncation out")
        truncated(torch.zeros(1), threshold, rule)
        self.generator, self.threshold, self.rule = generator, threshold, rule
        self.latent_size, self.conditional = generator.latent_size, getattr(generator, "conditional", False)

    def forward(self, z: Tensor, *y: Tensor) -> Tensor:
        """Samples of truncated latents."""
        return self.generator(truncated(z, self.threshold, self.rule), *y)
