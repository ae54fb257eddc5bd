import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse.models.blocks import Flatten, check_shape, n_parameters


@pytest.mark.parametrize("shape", [(3, 1), (3, 1, 1, 1), (1, 1)])
def test_flatten_makes_one_score_a_sample(shape):
    x = torch.randn(shape)
    assert_close(Flatten()(x), x.view(len(x)))


@pytest.mark.parametrize("shape", [(3, 2), (3, 1, 2, 2)])
def test_flatten_refuses_more_than_one_score_a_sample(shape):
    with pytest.raises(ValueError, match=r"one score a sample has shape \(3, .\); expected \[batch, 1\]"):
        Flatten()(torch.zeros(shape))


@pytest.mark.parametrize("n", [0, 1, 7])
def test_any_batch_size_has_the_right_shape(n):
    check_shape(torch.zeros(n, 2, 3), (2, 3), "x")


@pytest.mark.parametrize("shape", [(2, 3), (5, 3, 2), (5, 2, 3, 1)])
def test_any_other_shape_is_named_with_the_expected_one(shape):
    with pytest.raises(ValueError, match=r"latent has shape .*; expected \[batch, 2, 3\]"):
        check_shape(torch.zeros(shape), (2, 3), "latent")


def test_frozen_parameters_and_buffers_do_not_count():
    network = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.Linear(2, 2))
    network[2].requires_grad_(False)
    assert n_parameters(network) == (3 * 2 + 2) + (2 + 2)
