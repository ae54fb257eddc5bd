"""Adversarial flow models' term: a generator moves each latent no farther than it has to."""

from __future__ import annotations

from torch import Tensor

from gancourse.games.terms import Term, Turn
from gancourse.games.wrapper import check_weight


def transport(weight: float = 1.0, end: float = 0.0, updates: int = 1000) -> Term:
    """A term of the generator: the squared distance of its samples from their latents, which are of the data's size.

    An adversarial loss compares distributions, so it has the same value for every map from latents to data that reaches
    the data's distribution. Of these maps, the cheapest one minimises the mean of this term: it is the optimal
    transport of W₂. The value is a mean over a sample's numbers; the weight falls linearly, since at a constant one the
    samples stay nearer to the latents than the data is.

    Args:
        weight: at the first update.
        end: weight from the last update on.
        updates: number of updates from the first weight to the last.

    Raises:
        ValueError: a weight is negative or not finite, or updates is below one; during training, if latents are of
            another size than samples.

    Source: Lin et al. 2025 (adversarial flow models), whose networks also see times between noise and data.

    >>> transport().of
    'generator'
    """
    check_weight(weight, "the transport")
    check_weight(end, "the transport")
    if updates < 1:
        raise ValueError(f"the weight falls over {updates} updates; pass at least 1")

    def of_turn(turn: Turn) -> Tensor:
        z, x = turn.z, turn.fake.flatten(1)
        if x.shape != z.shape:
            raise ValueError(
                f"latents are {tuple(z.shape)} and samples {tuple(x.shape)}; pass latent_size={x.shape[1]}, and no "
                "view that changes the size"
            )
        share = min(turn.noise.update / updates, 1.0)
        return (weight + share * (end - weight)) * (x - z).square().mean(1)

    return Term("transport", "generator", of_turn)
