import math

import pytest
import torch
from torch.testing import assert_close

from gancourse.models import MinibatchDiscrimination, mlp
from gancourse.rng import initialised_from


def layer(*sizes):
    with initialised_from(0):
        return MinibatchDiscrimination(*sizes).double()


def features(n, size, seed=0):
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_closeness_is_the_paper_s_sum_over_the_batch():
    found, x = layer(3, 2, 5), features(4, 3)
    matrices = [(row @ found.tensor).view(2, 5) for row in x]
    for i, row in enumerate(found(x)):
        expected = [sum(math.exp(-(matrices[i][b] - m[b]).abs().sum().item()) for m in matrices) for b in range(2)]
        assert_close(row, torch.cat([x[i], torch.tensor(expected, dtype=torch.float64)]))


def test_a_collapsed_batch_is_as_close_as_can_be_and_a_spread_one_is_not():
    found = layer(3, 4)
    assert_close(found(features(1, 3).expand(6, 3))[:, 3:], torch.full((6, 4), 6.0, dtype=torch.float64))
    assert (found(100 * features(6, 3))[:, 3:] < 1.5).all()


def test_permuting_the_batch_permutes_the_output():
    found, x, order = layer(3, 4), features(5, 3), torch.tensor([3, 0, 4, 1, 2])
    assert_close(found(x[order]), found(x)[order])


def test_the_gradient_reaches_features_and_kernels_from_the_neighbours_too():
    found, x = layer(3, 4), features(5, 3).requires_grad_()
    (slope,) = torch.autograd.grad(found(x)[0, 3:].sum(), x)
    assert (slope[1:].abs().sum(1) > 0).all()


def test_a_discriminator_with_kernels_tells_copies_from_variety_which_a_plain_one_cannot():
    copies = torch.zeros(8, 2)
    mixed = torch.cat([copies[:1], torch.randn(7, 2, generator=torch.Generator().manual_seed(0))])
    with initialised_from(0):
        plain, kernels = mlp.Discriminator(8), mlp.Discriminator(8, n_kernels=4)
    assert_close(plain(copies)[0], plain(mixed)[0])
    assert abs(kernels(copies)[0] - kernels(mixed)[0]) > 0.1


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"features has shape \(5, 2\); expected \[batch, 3\]"):
        layer(3, 4)(features(5, 2))
    with pytest.raises(ValueError, match="pass at least 1 each"):
        MinibatchDiscrimination(3, 0)
