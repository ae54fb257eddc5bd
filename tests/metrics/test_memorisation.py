import numpy as np
import pytest
import torch

from gancourse.metrics import nearest_ratio


def normal(n, d=6, seed=0):
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def nearest(x, y, same=False):
    d = (x[:, None] - y[None]).square().sum(2).sqrt()
    if same:
        d.fill_diagonal_(torch.inf)
    return d.amin(1)


@pytest.mark.parametrize("n", [41, 40])
def test_values_are_their_definition(n):
    train, test, made = normal(80), normal(50, seed=1), normal(n, seed=2)
    found = nearest_ratio(train, test, made)
    a, b = nearest(made, train), nearest(made, test)
    c, d = nearest(test, train), nearest(test, test, same=True)
    expected = (np.median(a / b), (a < b).double().mean().item(), np.median(c / d), (c < d).double().mean().item())
    got = (found.ratio, found.share, found.null_ratio, found.null_share)
    assert got == pytest.approx(expected, rel=1e-9)


def test_copies_of_the_training_data_are_found_even_if_they_are_few():
    train, test = normal(200), normal(100, seed=1)
    copies = nearest_ratio(train, test, train[:50])
    assert (copies.ratio, copies.share, copies.p_value) == (0.0, 1.0, 0.001)
    mixed = torch.cat([train[:30], normal(70, seed=2)])
    assert nearest_ratio(train, test, mixed).p_value < 0.05


def test_near_copies_are_found_far_from_the_origin():
    train, test = normal(200) + 1e4, normal(200, seed=1) + 1e4
    near = train[:50] + 1e-3 * normal(50, seed=2)
    found = nearest_ratio(train, test, near)
    assert found.ratio < 0.01
    assert found.share == 1


# Seeds 0 to 199 with 99 permutations: a p-value of at most 0.05 in a share of 0.05 of them. 24 or more of 200 have
# probability 1e-4. The sets differ in size, and the generated samples share their neighbours.
def test_a_generator_that_knows_the_distribution_is_rarely_accused():
    accused = memorisers = 0
    for seed in range(200):
        train, test, made, other = normal(380, 4, seed).split((120, 60, 100, 100))
        accused += nearest_ratio(train, test, made, 99).p_value <= 0.05
        if seed < 20:  # the twin that must be found: two thirds of the samples lie near training data
            copied = torch.cat([train[:66] + 0.1 * other[:66], made[66:]])
            memorisers += nearest_ratio(train, test, copied, 99).p_value <= 0.05
    assert accused < 24
    assert memorisers >= 18


def test_held_out_data_says_what_a_larger_training_set_does_to_ratio_and_share():
    found = nearest_ratio(normal(1000, 4), normal(100, 4, 1), normal(200, 4, 2))
    assert found.null_share > 0.8
    assert abs(found.share - found.null_share) < 0.15
    assert found.p_value > 0.01


def test_samples_that_both_sets_hold_count_half():
    x = normal(20)
    found = nearest_ratio(x, x, x)
    assert (found.ratio, found.share) == (1.0, 0.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"test": torch.zeros(5, 4)}, "train has 6 features, test 4, generated 6"),
        ({"test": torch.zeros(1, 6)}, "test has shape"),
        ({"generated": torch.zeros(0, 6)}, "generated has shape"),
        ({"train": torch.full((3, 6), torch.inf)}, "train has numbers that are not finite"),
        ({"n_permutations": 0}, "n_permutations is 0"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, message):
    arguments = {"train": normal(5), "test": normal(5, seed=1), "generated": normal(5, seed=2)} | change
    with pytest.raises(ValueError, match=message):
        nearest_ratio(**arguments)
