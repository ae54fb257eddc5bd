"""Diffusion-GAN: noise at random times on what the discriminator sees."""

import pytest
import torch
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.diffusion import VariancePreserving
from gancourse.games import GAN, DiffusedRemedy, diffused
from gancourse.models import mlp
from gancourse.objectives import non_saturating
from gancourse.rng import Noise

PROCESS = VariancePreserving("cosine", 10)
N = 20_000


def both(x, **settings):
    view = diffused(PROCESS, **settings)
    real, fake = view.function(Batch(x), Batch(x), Noise((0, "diffused"), len(x)))
    return real.x, fake.x


def test_samples_have_the_moments_of_the_process_over_its_times():
    """Of one point c: the mean of α times c, and of σ² besides; 20,000 samples, five standard errors."""
    c = 3.0
    signal, noise = PROCESS.level(torch.arange(10))
    for x in both(torch.full((N, 1), c)):
        variance = (noise.square() + (signal * c).square()).mean() - (signal.mean() * c).square()
        assert abs(x.mean() - signal.mean() * c) < 5 * (variance / N) ** 0.5
        assert abs(x.square().mean() - (noise.square() + (signal * c).square()).mean()) < 5 * 12 / N**0.5


def test_a_real_and_a_generated_sample_share_their_time_and_not_their_noise():
    """Of a large point, x tells the time: pairs agree in it. Their noise is independent."""
    real, fake = both(torch.full((N, 1), 1e4))
    assert (((real - fake) / 1e4).abs() < 1e-3).all()
    real, fake = both(torch.zeros(N, 1), most=0.1)
    assert abs((real * fake).mean()) < 5 * PROCESS.level(torch.tensor(0)).noise ** 2 / N**0.5


@pytest.mark.parametrize(("clean", "expected"), [(0.0, 0), (0.25, 0.25), (1.0, 1)])
def test_a_share_of_the_samples_stays_clean(clean, expected):
    real, fake = both(torch.ones(N, 2), clean=clean)
    for x in (real, fake):
        assert abs((x == 1).all(1).double().mean().item() - expected) <= 5 * (0.25 * 0.75 / N) ** 0.5
    assert torch.equal((real == 1).all(1), (fake == 1).all(1))


def test_with_a_smaller_share_of_the_times_the_noise_is_smaller():
    least = PROCESS.level(torch.tensor(0)).noise.item()
    real, _ = both(torch.zeros(N, 1), most=0.1)
    assert_close(real.std().item(), least, rtol=0.03, atol=0)
    assert both(torch.zeros(N, 1))[0].std() > 4 * least


def test_the_generator_s_gradient_is_multiplied_by_the_signal():
    x = torch.zeros(N, 1, requires_grad=True)
    _, fake = both(x)
    (gradient,) = torch.autograd.grad(fake.sum(), x)
    signal = PROCESS.level(torch.arange(10)).signal
    assert_close(gradient.unique().double(), signal.float().unique().double(), rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"clean": 1.5}, "clean is 1.5 and most is 1.0; expected shares from 0 to 1"),
        ({"most": -0.1}, "most is -0.1; expected shares"),
        ({"most": 0.01}, "most is 0.01 of 10 times, so none occurs; pass a larger share"),
    ],
)
def test_mistakes_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        diffused(PROCESS, **settings)


def test_the_remedy_is_the_view():
    (view,) = DiffusedRemedy(n_times=10, most=1.0, clean=0.0).views()
    game = GAN(mlp.Generator(2, 4), mlp.Discriminator(4), non_saturating, views=[view])
    batch, noise = Batch(torch.ones(6, 2)), Noise((0,), 6)
    real, _ = game.seen(batch, game.sample(batch, noise), noise, "generator")
    expected, _ = diffused(VariancePreserving("linear", 10)).function(batch, batch, noise)
    assert torch.equal(real.x, expected.x)
