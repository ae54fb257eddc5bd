import math

import pytest
import torch
from scipy import stats

from gancourse.data import Images, StackedDigits, stacked_digits
from gancourse.rng import Noise


def tiny() -> Images:
    """One image a class, whose bytes are all 20 times its label."""
    pixels = (20 * torch.arange(10, dtype=torch.uint8)).view(10, 1, 1, 1).expand(10, 1, 28, 28).clone()
    return Images(pixels, torch.arange(10), "0123456789")


def test_the_label_names_the_digits_of_the_three_channels():
    batch = StackedDigits(tiny())(Noise((0,), 50))
    digits = ((batch.x[:, :, 0, 0] + 1) * 127.5 / 20).round().long()
    assert torch.equal((digits * torch.tensor([100, 10, 1])).sum(1), batch.y)


def test_the_channels_are_independent():
    """Chi-square test of each pair of channels at a level of 0.001, seed 0; it rejects channels that are equal."""

    def p_value(a: torch.Tensor, b: torch.Tensor) -> float:
        table = torch.zeros(10, 10).index_put_((a, b), torch.ones(len(a)), accumulate=True)
        return stats.chi2_contingency(table.numpy()).pvalue

    y = stacked_digits()(Noise((0,), 20_000)).y
    red, green, blue = y // 100, y // 10 % 10, y % 10
    for a, b in ((red, green), (green, blue), (red, blue)):
        assert p_value(a, b) > 0.001
    assert p_value(red, red) < 0.001


def test_the_modes_shares_are_products_of_the_digits_shares():
    source = stacked_digits()
    shares = source.source.labels.bincount().double() / len(source.source)
    kl = 3 * (shares * (10 * shares).log()).sum().item()
    y = source(Noise((1,), 200_000)).y
    found = y.bincount(minlength=1000).double() / len(y)
    of_sample = torch.special.xlogy(found, 1000 * found).sum().item()
    assert math.isclose(of_sample, kl + 999 / (2 * len(y)), abs_tol=0.001)
    assert round(kl, 3) == 0.007


def test_batches_depend_on_the_noise_alone():
    a, b = (stacked_digits()(Noise((0, "d"), 8, 3)) for _ in range(2))
    assert torch.equal(a.x, b.x)
    assert torch.equal(a.y, b.y)
    assert torch.equal(stacked_digits().first(4).x, stacked_digits().first(4).x)


def test_a_source_without_digits_is_refused():
    images = Images(torch.zeros(3, 3, 28, 28, dtype=torch.uint8), torch.zeros(3).long(), "0123456789")
    with pytest.raises(ValueError, match="3 channels and 10 classes"):
        StackedDigits(images)
    empty = Images(torch.zeros(0, 1, 28, 28, dtype=torch.uint8), torch.zeros(0).long(), "0123456789")
    with pytest.raises(ValueError, match="no images"):
        StackedDigits(empty)(Noise((0,), 1))
