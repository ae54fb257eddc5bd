"""The game of a network that reads factors: its losses in closed form, and what it refuses."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.games import FactorRegression
from gancourse.games.regression import class_of
from gancourse.rng import Noise

NOISE = Noise((0,), n=2)


class Fixed(nn.Module):
    """Reads what it is told: three classes and a number of each sample."""

    n_classes = (3, 0)

    def __init__(self, logits, values):
        super().__init__()
        self.logits, self.values = torch.tensor(logits), torch.tensor(values)

    def readings(self, x):
        return [self.logits, self.values]


def test_losses_are_minus_the_log_likelihood_of_classes_and_normal_errors():
    network = Fixed([[0.0, 0.0, 0.0], [2.0, 0.0, 0.0]], [0.3, 0.9])
    y = torch.tensor([[0.1, 0.3], [0.9, 0.7]])  # classes 0 and 2
    terms = FactorRegression(network, tolerance=0.2).terms(Batch(torch.zeros(2, 1), y), NOISE)
    assert_close(terms["cross_entropy"], torch.tensor([math.log(3), math.log(math.e**2 + 2)]))
    errors = -torch.distributions.Normal(network.values, 0.2).log_prob(y[:, 1])
    constant = math.log(0.2 * math.sqrt(2 * math.pi))
    assert_close(terms["squared_error"], errors - constant, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("n_classes", "names"), [((3,), ["cross_entropy"]), ((0,), ["squared_error"])])
def test_a_kind_of_factor_that_is_not_there_has_no_term(n_classes, names):
    network = Fixed([[0.0, 0.0, 0.0]] * 2, [0.3, 0.9])
    network.n_classes = n_classes
    network.readings = lambda x: [network.logits if n_classes[0] else network.values]
    assert list(FactorRegression(network).terms(Batch(torch.zeros(2, 1), torch.rand(2, 1)), NOISE)) == names


def test_parts_of_the_range_are_classes_with_their_ends():
    assert class_of(torch.tensor([0.0, 0.3333, 0.3334, 0.6666, 0.6667, 1.0]), 3).tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("y", [None, torch.zeros(2), torch.zeros(2, 3)])
def test_other_conditions_are_refused(y):
    network = Fixed([[0.0, 0.0, 0.0]] * 2, [0.3, 0.9])
    with pytest.raises(ValueError, match="expected 2 factors for each of 2 samples"):
        FactorRegression(network).terms(Batch(torch.zeros(2, 1), y), NOISE)


@pytest.mark.parametrize("tolerance", [0.0, -1.0, math.nan])
def test_a_tolerance_is_positive(tolerance):
    with pytest.raises(ValueError, match="pass a positive share"):
        FactorRegression(nn.Identity(), tolerance)
