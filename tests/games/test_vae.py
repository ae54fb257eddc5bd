"""The VAE's terms against independent densities, and its bound against a likelihood that is known exactly."""

import math

import pytest
import torch
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.games import VAE, gaussian_kl
from gancourse.models import ImageEncoder, dcgan, mlp
from gancourse.rng import Noise, initialised_from

DOUBLE = torch.float64
STD = 0.5


def noise(n=5):
    return Noise((0, "vae"), n)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=DOUBLE)


def test_the_kl_is_that_of_torch_distributions():
    mean, log_variance = random(7, 3), random(7, 3, seed=1)
    q, p = Normal(mean, (log_variance / 2).exp()), Normal(torch.zeros_like(mean), torch.ones_like(mean))
    assert_close(gaussian_kl(mean, log_variance), kl_divergence(Independent(q, 1), Independent(p, 1)))


def test_the_kl_is_that_of_quadrature():
    mean, variance = 0.8, 0.3
    z = torch.linspace(-12, 12, 40001, dtype=DOUBLE)
    q, p = Normal(mean, math.sqrt(variance)), Normal(0.0, 1.0)
    integral = torch.trapezoid(q.log_prob(z).exp() * (q.log_prob(z) - p.log_prob(z)), z)
    got = gaussian_kl(torch.tensor([[mean]], dtype=DOUBLE), torch.tensor([[math.log(variance)]], dtype=DOUBLE))
    assert_close(got, integral[None])


def test_the_kl_is_zero_at_the_prior_only_and_finite_with_its_gradient_far_away():
    assert gaussian_kl(torch.zeros(1, 2), torch.zeros(1, 2)) == 0
    for log_variance in (-50.0, 50.0):
        at = torch.tensor([[log_variance]], requires_grad=True)
        value = gaussian_kl(torch.zeros(1, 1), at)
        (slope,) = torch.autograd.grad(value.sum(), at)
        assert value > 0
        assert torch.isfinite(slope).all()


class Linear(nn.Module):
    """x = W z."""

    latent_size = 2

    def __init__(self, matrix):
        super().__init__()
        self.matrix = nn.Parameter(matrix)

    def forward(self, z):
        return z.to(DOUBLE) @ self.matrix.T


class Posterior(nn.Module):
    """The exact posterior of one latent given x, where W has orthogonal columns; `off` spoils its variance."""

    def __init__(self, matrix, off=0.0):
        super().__init__()
        self.matrix, self.off = matrix, off

    def forward(self, x):
        precision = 1 + self.matrix.square().sum(0) / STD**2
        mean = x @ self.matrix / STD**2 / precision
        return torch.cat([mean, (self.off - precision.log()).expand_as(mean)], 1)


def linear_model(off=0.0):
    matrix = torch.linalg.qr(random(3, 2))[0] * torch.tensor([0.5, 2.0], dtype=DOUBLE)
    exact = MultivariateNormal(torch.zeros(3, dtype=DOUBLE), matrix @ matrix.T + STD**2 * torch.eye(3, dtype=DOUBLE))
    return VAE(Posterior(matrix, off), Linear(matrix), STD), exact


def bounds(game, x, n=4000):
    """ELBO of each row, its standard error included, from n draws of z."""
    values = []
    for row in x:
        terms = game.terms(Batch(row.expand(n, -1)), noise(n))
        values.append(-sum(terms.values()))
    values = torch.stack(values)
    return values.mean(1), values.std(1) / math.sqrt(n)


def test_with_the_exact_posterior_the_bound_is_the_exact_log_likelihood():
    # log p(x, z) − log q(z|x) is then the same for every z; ours uses the closed KL, so that only its mean is.
    game, exact = linear_model()
    x = random(4, 3, seed=2)
    mean, error = bounds(game, x)
    assert ((mean - exact.log_prob(x)).abs() < 5 * error).all()


def test_with_another_posterior_the_bound_is_lower_by_their_divergence():
    game, exact = linear_model(off=1.0)
    x = random(4, 3, seed=2)
    mean, error = bounds(game, x)
    gap = (math.e - 1 - 1) / 2 * 2  # KL of a Gaussian with e times the variance, in two latents
    assert ((exact.log_prob(x) - mean - gap).abs() < 5 * error).all()


def test_reconstruction_is_minus_the_log_density_of_the_decoder_s_gaussian():
    with initialised_from(0):
        game = VAE(mlp.Encoder(6), mlp.Generator(3), std=0.3)
    x = random(5, 2).float()
    mean, log_variance = game.posterior(x)
    z = mean + (log_variance / 2).exp() * noise().normal("z", 3)
    terms = game.terms(Batch(x), noise())
    assert_close(terms["reconstruction"], -Normal(game.decoder(z), 0.3).log_prob(x).sum(1))
    assert_close(terms["kl"], gaussian_kl(mean, log_variance))


def test_beta_scales_the_kl_term_alone():
    with initialised_from(0):
        E, G = mlp.Encoder(6), mlp.Generator(3)
    x = Batch(random(5, 2).float())
    one, four = (VAE(E, G, 0.3, beta).terms(x, noise()) for beta in (1.0, 4.0))
    assert_close(four["kl"], 4 * one["kl"])
    assert_close(four["reconstruction"], one["reconstruction"])


def test_the_gradient_reaches_both_networks_through_the_sample():
    with initialised_from(0):
        game = VAE(ImageEncoder(8, width=2), dcgan.Generator(4, width=2), 0.3)
    (player,) = game.players
    assert player.name == "vae"
    x = Batch(random(3, 1, 28, 28).float().clamp(-1, 1))
    game.terms(x, noise(3))["reconstruction"].mean().backward()
    assert {name.split(".")[0] for name, w in player.network.named_parameters() if w.grad is not None} == {
        "encoder",
        "decoder",
    }
    assert game.encoder.head[1].weight.grad.abs().sum() > 0


@pytest.mark.parametrize("options", [{"std": 0.0}, {"std": -1.0}, {"std": 1.0, "beta": -1.0}, {"std": float("nan")}])
def test_impossible_options_are_refused(options):
    with pytest.raises(ValueError, match="pass a positive std and beta ≥ 0"):
        VAE(mlp.Encoder(6), mlp.Generator(3), **options)


def test_networks_that_do_not_fit_are_refused():
    x = Batch(torch.zeros(5, 2))
    with pytest.raises(ValueError, match=r"the encoder returns \(5, 3\); expected \[batch, 6\]"):
        VAE(mlp.Encoder(3), mlp.Generator(3), 1.0).terms(x, noise())
    with pytest.raises(ValueError, match=r"the decoder returns \(5, 4\) but x is \(5, 2\)"):
        VAE(mlp.Encoder(6), mlp.Generator(3, dimensions=4), 1.0).terms(x, noise())
