"""The path length of a style-based generator, as a term with the mean length in its memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gancourse import processes
from gancourse.games.terms import Term, Turn
from gancourse.objectives import path_length_penalty, path_lengths


class PathLengths(nn.Module):
    """Path length penalty of a generator's samples, and the running mean of the lengths, which starts at zero.

    The penalty compares with the mean of the lengths before this update. Directions are standard normal numbers divided
    by √(height · width), and a length is a mean over layers, so that neither depends on the size of images.

    Args:
        decay: of the mean, at each of the term's own updates.
        divisor: the penalty takes one of so many samples of the batch, which saves time and memory.

    Raises:
        ValueError: the decay isn't in [0, 1), or the divisor below one; during training, if the generator isn't
            style-based, or the divisor doesn't divide the batch.
    """

    mean: Tensor

    def __init__(self, decay: float = 0.99, divisor: int = 1) -> None:
        super().__init__()
        if not 0 <= decay < 1 or divisor < 1:
            raise ValueError(f"decay {decay} and divisor {divisor}; pass a decay in [0, 1) and a divisor of at least 1")
        self.decay, self.divisor = decay, divisor
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, turn: Turn) -> Tensor:
        """The mean penalty of the samples, a scalar."""
        generator = turn.generator
        if not hasattr(generator, "in_two"):
            raise ValueError(
                f"{type(generator).__name__} has no styles, whose paths the term measures; leave out the path length, "
                "or take a style-based family, such as StyleGAN2"
            )
        if len(turn.z) % self.divisor:
            raise ValueError(
                f"a batch of {len(turn.z)} can't be divided by {self.divisor}; pass a divisor of the batch size"
            )
        # Every divisor-th sample, not the first ones: these are the same ones however many processes share the batch.
        w, synthesis = generator.in_two(turn.z[:: self.divisor])
        images = synthesis(w)
        y = turn.noise.normal("path length", *images.shape[1:])[:: self.divisor]
        lengths = path_lengths(images, w, y / images[0, 0].numel() ** 0.5)
        before = self.mean.clone()
        if self.training:
            with torch.no_grad():
                self.mean.lerp_(processes.mean(lengths.detach().mean()).to(self.mean), 1 - self.decay)
        return path_length_penalty(lengths, before).mean()


def path_length(weight: float = 2.0, every: int = 8, decay: float = 0.99, divisor: int = 1, since: int = 0) -> Term:
    """Path length regularisation of a style-based generator, as a term.

    Args:
        weight: factor on the penalty.
        every: it is computed every `every` updates of the generator, and multiplied by that: see `Term`.
        decay: of the running mean of the lengths.
        divisor: it takes one of so many samples of the batch.
        since: the first update at which it is computed.

    Raises:
        ValueError: as for `PathLengths`.

    Source: Karras et al. 2020 (StyleGAN2), section 3.2 and appendix B: every 8, decay 0.99; the weight 2 is the paper's
    γ, see `objectives.path_length_weight`.

    >>> path_length(every=4).every
    4
    """
    memory = PathLengths(decay, divisor)
    return Term("path_length", "generator", memory, weight, every, memory, since)
