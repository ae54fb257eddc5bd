"""BigGAN's orthogonal regularisation: which Gram matrix, which gradient, and which weight of a normalised layer."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import orthogonal, spectral_norm
from torch.testing import assert_close

from gancourse.objectives import off_diagonal, orthogonality

BOTH = pytest.mark.parametrize("function", [orthogonality, off_diagonal])


def layer_of(weight):
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
    layer.weight.data.copy_(weight)
    return layer


def weights(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("shape", [(5, 7), (7, 5), (6, 6)])
def test_rows_or_columns_make_no_difference_to_the_full_form_but_a_constant(shape):
    """‖W Wᵀ − I‖² = ‖Wᵀ W − I‖² + outputs − inputs, with the same gradient."""
    rows, columns = layer_of(weights(*shape)), layer_of(weights(*shape).T)
    assert_close(orthogonality(rows) - orthogonality(columns), torch.tensor(float(shape[0] - shape[1])).double())
    (of_rows,) = torch.autograd.grad(orthogonality(rows), rows.weight)
    (of_columns,) = torch.autograd.grad(orthogonality(columns), columns.weight)
    assert_close(of_rows, of_columns.T)


def test_they_do_to_the_relaxed_form():
    """Rows are filters here, as in the public code; equation 3 leaves it open. 5 × 7 numbers tell the two apart."""
    rows, columns = layer_of(weights(5, 7)), layer_of(weights(5, 7).T)
    assert abs(off_diagonal(rows) / off_diagonal(columns) - 1) > 0.05
    (of_rows,) = torch.autograd.grad(off_diagonal(rows), rows.weight)
    (of_columns,) = torch.autograd.grad(off_diagonal(columns), columns.weight)
    assert (of_rows - of_columns.T).norm() > 0.1 * of_rows.norm()


def test_the_relaxed_form_is_the_full_one_with_its_diagonal_left_out():
    weight = weights(5, 7)
    gram, layer = weight @ weight.T, layer_of(weight)
    mask = 1 - torch.eye(5, dtype=torch.float64)
    assert_close(off_diagonal(layer).detach(), (gram * mask).square().sum())
    lengths = (gram.diagonal() - 1).square().sum()
    assert_close(orthogonality(layer).detach(), off_diagonal(layer).detach() + lengths)


def test_gradients_are_four_times_a_product_and_not_twice_as_in_public_code():
    """∇ ‖W Wᵀ ⊙ (1 − I)‖² = 4 (W Wᵀ ⊙ (1 − I)) W: code that adds 2 (…) W by hand has half of the paper's β."""
    layer = layer_of(weights(5, 7))
    gram, weight = layer.weight.detach() @ layer.weight.detach().T, layer.weight.detach()
    off = gram - gram.diagonal().diag()
    (relaxed,) = torch.autograd.grad(off_diagonal(layer), layer.weight)
    (full,) = torch.autograd.grad(orthogonality(layer), layer.weight)
    assert_close(relaxed, 4 * off @ weight)
    assert_close(full, 4 * (gram - torch.eye(5).double()) @ weight)
    with pytest.raises(AssertionError, match="not close"):
        assert_close(relaxed, 2 * off @ weight, rtol=0.1, atol=0)


def test_both_are_zero_for_torch_s_orthogonal_layers():
    layer = orthogonal(nn.Linear(7, 5, bias=False, dtype=torch.float64))
    zero = torch.zeros((), dtype=torch.float64)
    assert_close(orthogonality(layer).detach(), zero, rtol=0, atol=1e-20)
    assert_close(off_diagonal(layer).detach(), zero, rtol=0, atol=1e-20)


def test_gradient_descent_on_the_relaxed_form_leaves_lengths_free_and_on_the_full_form_makes_them_one():
    lengths = {}
    for function in (orthogonality, off_diagonal):
        layer = layer_of(weights(5, 7))
        optimiser = torch.optim.SGD(layer.parameters(), 0.01)
        for _ in range(2000):
            optimiser.zero_grad()
            function(layer).backward()
            optimiser.step()
        assert off_diagonal(layer) < 1e-6
        lengths[function] = layer.weight.detach().norm(dim=1)
    assert_close(lengths[orthogonality], torch.ones(5).double(), rtol=0, atol=1e-3)
    assert (lengths[off_diagonal] - 1).abs().max() > 0.5


@BOTH
def test_of_a_spectrally_normalised_layer_the_normalised_weight_counts(function):
    """So the penalty can't be lowered by smaller weights, which normalisation would undo: it has no radial gradient.

    The public code's penalty is on the weights before normalisation, and shrinks them as well.
    """
    layer = spectral_norm(layer_of(weights(5, 7)), n_power_iterations=1).eval()
    for _ in range(200):
        layer.train().weight  # noqa: B018
    layer.eval()
    assert_close(function(layer), function(layer_of(layer.weight.detach())))
    stored = layer.parametrizations.weight.original
    (gradient,) = torch.autograd.grad(function(layer), stored)
    assert (gradient * stored).sum().abs() < 1e-9 * gradient.norm() * stored.norm()
    (plain,) = torch.autograd.grad(function(raw := layer_of(stored.detach())), raw.weight)
    assert (plain * stored).sum() > 0.3 * plain.norm() * stored.norm()
