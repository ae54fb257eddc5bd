"""Games whose discriminator is an autoencoder and whose balance adapts: BEGAN."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gancourse import processes
from gancourse.batch import Batch
from gancourse.games.game import Player, Samples, TwoNetworks, View
from gancourse.rng import Noise


class _Balance(nn.Module):
    """The current weight k of generated samples in the discriminator's loss."""

    k: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("k", torch.zeros(()))


class BoundaryEquilibrium(TwoNetworks):
    """BEGAN: the discriminator reconstructs real data well, and generated data badly up to a balance of the two.

    With L(x) = −D(x), the reconstruction error, D minimises L(x) − k·L(G(z)) and G minimises L(G(z)). After each update
    of D, k changes by rate · (γ L(x) − L(G(z))) and is clamped to [0, 1], which drives L(G(z)) towards γ L(x). k is in
    the discriminator's memory and starts at 0. The paper updates k with the samples of the generator's update; here it
    is updated with those of the discriminator's, so that each turn needs one batch.

    Args:
        generator: maps latents [batch, generator.latent_size] to data.
        discriminator: maps data to minus its reconstruction error, [batch]: `models.AutoencoderCritic`.
        gamma: ratio of the reconstruction errors at balance, in [0, 1]; low values reduce variety.
        rate: how fast k adapts.
        n_critic: discriminator updates per generator update.
        views: changes of the discriminator's input.

    Raises:
        ValueError: gamma is not in [0, 1], rate is not positive, n_critic is below one, or a view names an unknown
            player; during training, if a score is positive.

    Source: Berthelot, Schumm, Metz 2017 (BEGAN), section 3.4; γ from 0.3 to 0.7 and rate 0.001 there.
    """

    def __init__(
        self,
        generator: nn.Module,
        discriminator: nn.Module,
        gamma: float = 0.5,
        rate: float = 1e-3,
        n_critic: int = 1,
        views: Sequence[View] = (),
    ) -> None:
        if not 0 <= gamma <= 1 or not 0 < rate < float("inf") or n_critic < 1:
            raise ValueError(
                f"gamma {gamma}, rate {rate}, n_critic {n_critic}; pass gamma in [0, 1], rate > 0 and n_critic ≥ 1"
            )
        super().__init__(generator, discriminator, views)
        self.gamma, self.rate = gamma, rate
        self.balance = _Balance()
        self.players = (
            Player("discriminator", discriminator, self.discriminator_terms, n_critic, memory=self.balance),
            Player("generator", generator, self.generator_terms),
        )

    def errors(
        self, batch: Batch, noise: Noise, turn: str, samples: Samples | None = None, together: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Reconstruction errors of real and of generated data, [batch] each; of these samples, or of new ones."""
        samples = self.sample(batch, noise) if samples is None else samples
        of_real, of_fake = self.scores(*self.seen(batch, samples, noise, turn), together)
        if of_real.max() > 0:
            raise ValueError(
                "the discriminator returns positive scores; BEGAN needs minus a reconstruction error: "
                "pass an AutoencoderCritic"
            )
        return -of_real, -of_fake

    def discriminator_terms(
        self, batch: Batch, noise: Noise, *, samples: Samples | None = None, together: bool = False
    ) -> dict[str, Tensor]:
        """The real data's error, and the generated data's times −k, [batch] each; arguments as those of a GAN's."""
        real, fake = self.errors(batch, noise, "discriminator", samples, together)
        k = self.balance.k.clone()  # its value before this update
        if self.balance.training:
            with torch.no_grad():
                self.balance.k += self.rate * processes.mean(self.gamma * real.mean() - fake.mean())
                self.balance.k.clamp_(0, 1)
        return {"real": real, "generated": -k * fake}

    def generator_terms(self, batch: Batch, noise: Noise, *, samples: Samples | None = None) -> dict[str, Tensor]:
        """The generated data's error, [batch]; of these samples, or of new ones."""
        return {"adversarial": self.errors(batch, noise, "generator", samples)[1]}

    @torch.no_grad()
    def convergence(self, batch: Batch, noise: Noise) -> float:
        """The paper's measure of convergence, L(x) + |γ L(x) − L(G(z))|: lower is better."""
        real, fake = (error.mean() for error in self.errors(batch, noise, "generator"))
        return (real + (self.gamma * real - fake).abs()).item()
