"""Check of the negative ELBO of a VAE with one reparameterised sample."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.engine.comparison import PRECISIONS, Gradients, Mistake, Values, reductions
from gancourse.checks.engine.probe import Case
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import OF_EVERY_KIND, drawn, in_double, sizes

Decode = Callable[[Tensor], Tensor]
LOG_TAU = math.log(2 * math.pi)


def reconstruction(x: Tensor, z: Tensor, decode: Decode, std: float) -> Tensor:
    """−log N(x; decode(z), std²), [batch]."""
    return ((x - decode(z)) / std).square().sum(1) / 2 + x.shape[1] * (math.log(std) + LOG_TAU / 2)


def kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(mean, variance) ‖ N(0, 1)), [batch]."""
    return (log_variance.exp() + mean.square() - 1 - log_variance).sum(1) / 2


def sample(mean: Tensor, log_variance: Tensor, epsilon: Tensor) -> Tensor:
    """Latents of q(z|x), reparameterised."""
    return mean + (log_variance / 2).exp() * epsilon


def negative_elbo(x: Tensor, mean: Tensor, log_variance: Tensor, epsilon: Tensor, decode: Decode, std: float) -> Tensor:
    """The right answer of ex-01-elbo."""
    return reconstruction(x, sample(mean, log_variance, epsilon), decode, std) + kl(mean, log_variance)


def curved(z: Tensor) -> Tensor:
    """A decoder from two latents to three numbers."""
    matrix = torch.tensor([[1.0, -0.5, 0.25], [0.5, 1.0, -1.0]], dtype=z.dtype)
    return (z @ matrix).sin() + z.sum(1, keepdim=True) / 4


def zeros(z: Tensor) -> Tensor:
    """A decoder whose only number is 0."""
    return torch.zeros_like(z[:, :1])


def bent(n: int) -> Decode:
    """A decoder to n numbers, from latents of any size."""

    def decode(z: Tensor) -> Tensor:
        matrix = drawn(n, z.shape[1], n).to(z.dtype) / z.shape[1] ** 0.5
        return (z @ matrix).tanh()

    return decode


def _swept() -> list[Case]:
    """Batches of up to 9, up to 20 numbers and 12 latents, variances from 1e-5 to 1e3, decoders from 0.01 to 10."""
    cases = []
    for k in range(20):
        batch, n, latent_size = sizes(k, 9, 20, 12)
        dtype = PRECISIONS[k % 2]
        mean, spread, epsilon = (part.to(dtype) for part in drawn(k, 3, batch, latent_size))
        args = {"x": drawn(k + 50, batch, n).to(dtype), "mean": 2 * mean, "log_variance": 3 * spread}
        std = 10 ** ((k % 7) / 2 - 2)
        about = f"a batch of {batch}, {n} numbers, {latent_size} latents and std {std:.3g}"
        cases.append(Case(args | {"epsilon": epsilon, "decode": bent(n), "std": std}, about))
    return cases


def _cases() -> list[Case]:
    generator = torch.Generator().manual_seed(0)
    cases = []
    for dtype in PRECISIONS:
        zero = torch.zeros(1, 1, dtype=dtype)
        names = ("x", "mean", "log_variance", "epsilon")
        cases.append(Case(dict.fromkeys(names, zero) | {"decode": zeros, "std": 1.0}, "the task's example"))
        for n, std, about in ((2, 0.5, "two points"), (5, 0.1, "a narrow decoder"), (1, 2.0, "a wide decoder")):
            x = torch.randn(n, 3, generator=generator, dtype=dtype)
            mean, log_variance, epsilon = (torch.randn(n, 2, generator=generator, dtype=dtype) for _ in range(3))
            args = {"x": x, "mean": mean, "log_variance": log_variance, "epsilon": epsilon}
            cases.append(Case(args | {"decode": curved, "std": std}, about))
    return cases


def _with(
    latent: Callable[[Tensor, Tensor, Tensor], Tensor] = sample,
    rec: Callable[[Tensor, Tensor, Decode, float], Tensor] = reconstruction,
    divergence: Callable[[Tensor, Tensor], Tensor] = kl,
) -> Callable[..., Tensor]:
    """The negative ELBO, with one of its three parts replaced."""
    return lambda x, m, v, e, decode, std: rec(x, latent(m, v, e), decode, std) + divergence(m, v)


def _error(x: Tensor, z: Tensor, decode: Decode, std: float) -> Tensor:
    return ((x - decode(z)) / std).square().sum(1) / 2


MISTAKES = [
    Mistake(
        _with(latent=lambda m, v, e: m + v.exp() * e),
        "That scales the noise by the variance e^log_variance; a Gaussian's noise is scaled by its standard deviation "
        "e^(log_variance / 2).",
    ),
    Mistake(
        _with(latent=lambda m, v, e: m + v * e),
        "That scales the noise by log_variance itself; take e^(log_variance / 2).",
    ),
    Mistake(
        _with(latent=lambda m, v, e: m),
        "That decodes the mean: ε plays no part. The bound averages over samples of q.",
    ),
    Mistake(
        _with(latent=lambda m, v, e: e),
        "That decodes ε itself, a sample of the prior; z = mean + standard deviation · ε.",
    ),
    Mistake(
        _with(divergence=lambda m, v: -kl(m, v)),
        "That subtracts the KL term: it pays the encoder for leaving the prior. −ELBO = reconstruction + KL.",
    ),
    Mistake(
        _with(divergence=lambda m, v: ((1 + m.square()) * (-v).exp() - 1 + v).sum(1) / 2),
        "That is the KL term the other way round, KL(prior ‖ q); the bound has KL(q ‖ prior).",
    ),
    Mistake(
        _with(divergence=lambda m, v: (v.exp() - 1 - v).sum(1) / 2),
        "That leaves mean² out of the KL term: the encoder could put its means anywhere.",
    ),
    Mistake(
        _with(divergence=lambda m, v: 2 * kl(m, v)),
        "That has the KL term without its ½: ½ Σ (variance + mean² − 1 − log variance).",
    ),
    Mistake(
        _with(divergence=lambda m, v: (v.exp() + m.square() - 1 - v).mean(1) / 2),
        "That averages the KL term over the latents; a divergence of independent coordinates adds up.",
    ),
    Mistake(
        _with(divergence=lambda m, v: (v.exp() + m.square() - 1 + v).sum(1) / 2),
        "That has + log variance in the KL term; it is −log variance: a narrow posterior costs.",
    ),
    Mistake(
        _with(divergence=lambda m, v: (v.exp().square() + m.square() - 1 - 2 * v).sum(1) / 2),
        "That takes e^log_variance for the standard deviation in the KL term; it is the variance.",
    ),
    Mistake(
        _with(divergence=lambda m, v: torch.zeros_like(m[:, 0])), "That is the reconstruction term alone: add the KL."
    ),
    Mistake(
        lambda x, m, v, e, decode, std: kl(m, v), "That is the KL term alone: add −log p(x|z), the reconstruction."
    ),
    Mistake(
        _with(rec=lambda x, z, decode, std: _error(x, z, decode, std) / x.shape[1] + math.log(std) + LOG_TAU / 2),
        "That averages the reconstruction over the numbers of x, and so weighs the KL term by as many; log densities "
        "of independent numbers add up.",
    ),
    Mistake(
        _with(rec=lambda x, z, decode, std: (x - decode(z)).square().mean(1)),
        "That is the mean squared error: no std, no ½, a mean where a sum belongs. Start from "
        "log N(x; decode(z), std²).",
    ),
    Mistake(
        _with(rec=lambda x, z, decode, std: (x - decode(z)).square().sum(1)),
        "That is the squared error without 1 / (2 std²) and without the constant.",
    ),
    Mistake(
        _with(rec=_error),
        "That leaves out the Gaussian's constant, log(std √(2π)) for each number: the gradient is right, the bound "
        "isn't.",
    ),
    Mistake(
        _with(rec=lambda x, z, decode, std: _error(x, z, decode, std) + x.shape[1] * LOG_TAU / 2),
        "That has ½ log 2π for each number of x but not log std: the Gaussian's constant is log(std √(2π)).",
    ),
    Mistake(
        _with(rec=lambda x, z, decode, std: _error(x, z, decode, std) + math.log(std) + LOG_TAU / 2),
        "That adds the Gaussian's constant once; each of the numbers of x has its own.",
    ),
    Mistake(
        _with(rec=lambda x, z, decode, std: reconstruction(x, z, decode, std**0.5)),
        "That takes std for the variance of the decoder's Gaussian; its variance is std².",
    ),
    Mistake(lambda *args: -negative_elbo(*args), "That is the ELBO, which is maximised; return its negative, a loss."),
    *reductions(negative_elbo),
]


DETACHED = (
    "The sample z was cut off from the encoder (a detach, no_grad, or .sample() of a distribution): build it from "
    "mean, log_variance and epsilon"
)
NEGATIVE_ELBO = Exercise(
    "ex-01-elbo",
    "negative_elbo(x, mean, log_variance, epsilon, decode, std)",
    points=2,
    steps=[
        Values(_cases, negative_elbo, MISTAKES),
        Gradients(_cases, negative_elbo, free=["epsilon"], hint=DETACHED),
        Values(_swept, negative_elbo, hint=OF_EVERY_KIND),
        Gradients(in_double(_swept), negative_elbo, free=["epsilon"], hint=OF_EVERY_KIND),
        NoSideEffects(_cases),
    ],
    description="Values and gradients for decoders of many sizes and widths, in single and double precision.",
)
