"""The variational autoencoder, a game of one player."""

from __future__ import annotations

import math

from torch import Tensor, nn

from gancourse.batch import Batch
from gancourse.games.game import Player, conditioned
from gancourse.rng import Noise


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL divergence of N(mean, diag(exp(log_variance))) from N(0, I) in nats, [batch].

    Args:
        mean: [batch, dimensions].
        log_variance: logarithm of the variances, of the same shape.

    Source: Kingma and Welling 2014, appendix B.

    >>> import torch
    >>> gaussian_kl(torch.tensor([[1.0, 2.0]]), torch.zeros(1, 2))
    tensor([2.5000])
    """
    return (mean.square() + log_variance.exp() - log_variance - 1).sum(1) / 2


class VAE:
    """One player with an encoder and a decoder, which maximises a lower bound of the data's log-likelihood.

    The decoder's density is p(x|z) = N(decoder(z), std² I), the encoder's q(z|x) = N(mean, diag(variance)). With
    beta = 1 the terms sum to −ELBO in nats, constants included.

    Args:
        encoder: maps data to [batch, 2 · latent_size]: means, and then logarithms of variances; (data, y) if it is
            `conditional`.
        decoder: maps latents [batch, decoder.latent_size] to the mean of the data; (latents, y) if `conditional`.
        std: standard deviation of the decoder's density, in the data's units.
        beta: factor on the KL term; below 1 reconstructions are sharper, above 1 latents are closer to N(0, I).

    Raises:
        ValueError: std is not positive or beta negative; during training, if encoder and decoder don't fit, or
            one is conditional but the batch has no y.

    Source: Kingma and Welling 2014, eq. 10; beta: Higgins et al. 2017, eq. 4.

    >>> from gancourse import models
    >>> game = VAE(models.mlp.Encoder(n_out=6), models.mlp.Generator(latent_size=3), std=0.1)
    >>> [player.name for player in game.players]
    ['vae']
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, std: float, beta: float = 1.0) -> None:
        if not 0 < std < math.inf or not 0 <= beta < math.inf:
            raise ValueError(f"std {std} and beta {beta}; pass a positive std and beta ≥ 0")
        self.encoder, self.decoder, self.std, self.beta = encoder, decoder, std, beta
        both = nn.ModuleDict({"encoder": encoder, "decoder": decoder})
        self.players = (Player("vae", both, self.terms),)

    def posterior(self, x: Tensor, y: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z|x), or q(z|x, y), [batch, latent_size] each.

        Raises:
            ValueError: the encoder's output is not of twice the latent size.
        """
        out, width = conditioned(self.encoder, y)(x), 2 * self.decoder.latent_size
        if out.ndim != 2 or out.shape[1] != width:
            raise ValueError(f"the encoder returns {tuple(out.shape)}; expected [batch, {width}]: means, log variances")
        mean, log_variance = out.chunk(2, dim=1)
        return mean, log_variance

    def terms(self, batch: Batch, noise: Noise) -> dict[str, Tensor]:
        """−log p(x|z) at one z of q(z|x), and beta · KL(q(z|x) ‖ N(0, I)); in nats, [batch] each."""
        mean, log_variance = self.posterior(batch.x, batch.y)
        # Reparameterised: z is a differentiable function of mean and variance, and of noise that depends on neither.
        z = mean + (log_variance / 2).exp() * noise.normal("z", mean.shape[1])
        mean_x = conditioned(self.decoder, batch.y)(z)
        if mean_x.shape != batch.x.shape:
            raise ValueError(
                f"the decoder returns {tuple(mean_x.shape)} but x is {tuple(batch.x.shape)}; they must agree: pass a "
                "decoder for this data"
            )
        error = ((batch.x - mean_x) / self.std).square().flatten(1)
        constant = error.shape[1] * math.log(self.std * math.sqrt(2 * math.pi))
        return {"reconstruction": error.sum(1) / 2 + constant, "kl": self.beta * gaussian_kl(mean, log_variance)}
