"""Path length: against the whole Jacobian, for linear maps, in both conventions, and its mistakes in public code."""

import math

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse.objectives import path_length_penalty, path_length_weight, path_lengths

SIDE = 6


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def network(w):
    """Images [batch, 2, SIDE, SIDE] of styles [batch, layers, d], nonlinear and different in each layer."""
    layers = w.shape[1]
    maps = drawn(layers, w.shape[2], 2 * SIDE * SIDE, seed=7)
    parts = torch.einsum("nld,ldp->nlp", w, maps).sin()
    return (parts.prod(1) + parts.sum(1)).view(-1, 2, SIDE, SIDE)


def test_lengths_are_those_of_the_whole_jacobian_transposed_times_y():
    w, y = drawn(4, 3, 5).requires_grad_(), drawn(4, 2, SIDE, SIDE, seed=1)
    lengths = path_lengths(network(w), w, y)
    for i in range(4):
        jacobian = torch.func.jacrev(lambda own: network(own[None])[0])(w[i])  # [2, SIDE, SIDE, layers, d]
        gradient = torch.einsum("chw,chwld->ld", y[i], jacobian)
        assert_close(lengths[i], gradient.square().sum(1).mean().sqrt())


def test_without_layers_it_is_the_norm_of_a_vector_jacobian_product():
    w, y = drawn(4, 5).requires_grad_(), drawn(4, 2, SIDE, SIDE, seed=1)
    _, pull = torch.func.vjp(lambda w: network(w[:, None]), w)
    assert_close(path_lengths(network(w[:, None]), w, y), pull(y)[0].norm(dim=1))


def test_the_penalty_can_be_differentiated_again():
    layer = nn.Linear(5, 2 * SIDE * SIDE).double()
    w, y = drawn(4, 5).requires_grad_(), drawn(4, 2, SIDE, SIDE, seed=1)

    def penalty(weight):
        images = torch.sin(w @ weight.T).view(-1, 2, SIDE, SIDE)
        return path_length_penalty(path_lengths(images, w, y), 1.0).sum()

    assert torch.autograd.gradcheck(penalty, layer.weight)


def test_a_linear_generator_s_squared_length_is_its_squared_frobenius_norm_on_average():
    """E‖Aᵀy‖² = ‖A‖²_F. The deviation of one squared length gives the tolerance: five standard errors."""
    matrix = drawn(3 * SIDE * SIDE, 8)
    n = 4000
    w, y = drawn(n, 8, seed=1).requires_grad_(), drawn(n, 3, SIDE, SIDE, seed=2)
    squares = path_lengths((w @ matrix.T).view(n, 3, SIDE, SIDE), w, y).square()
    error = squares.std().item() / n**0.5
    assert squares.mean().item() == pytest.approx(matrix.square().sum().item(), abs=5 * error)


def relative_deviation(matrix, n=4000):
    w, y = drawn(n, matrix.shape[1], seed=1).requires_grad_(), drawn(n, len(matrix), seed=2)
    lengths = path_lengths(w @ matrix.T, w, y)
    return (lengths.std() / lengths.mean()).item()


def test_equal_lengths_of_all_directions_cost_least():
    """What the penalty sees: an orthogonal map's lengths vary by chance alone, a badly conditioned one's by more."""
    orthogonal = torch.linalg.qr(drawn(108, 8)).Q
    # A chi distribution of 8 degrees of freedom has the relative deviation √(8/m² − 1), m its mean.
    mean = math.sqrt(2) * math.gamma(4.5) / math.gamma(4)
    assert relative_deviation(orthogonal) == pytest.approx(math.sqrt(8 / mean**2 - 1), abs=0.01)
    assert relative_deviation(orthogonal * torch.logspace(0, -3, 8, dtype=torch.float64)) > 0.6


@pytest.mark.parametrize("size", [4, 16, 32, 256, 1024])
def test_the_paper_s_weight_is_two_over_the_pixels_and_layers(size):
    layers = 2 * math.log2(size) - 2
    assert path_length_weight(size) == pytest.approx(2 / (size**2 * layers))


def test_the_paper_s_convention_and_that_of_directions_divided_by_the_size_are_one_penalty():
    """In the paper's, directions have unit numbers, squares are summed over layers, and the weight is γ."""
    size, n_layers = 8, 4
    w, y = drawn(5, n_layers, 3).requires_grad_(), drawn(5, 1, size, size, seed=1)
    maps = drawn(n_layers, 3, size * size, seed=2)
    images = torch.einsum("nld,ldp->nlp", w, maps).sin().sum(1).view(5, 1, size, size)
    (gradient,) = torch.autograd.grad((images * y).sum(), w, retain_graph=True)
    lengths = gradient.square().sum((1, 2)).sqrt()
    papers = path_length_weight(size) * path_length_penalty(lengths, lengths.mean())
    ours = path_lengths(images, w, y / size)
    assert_close(2.0 * path_length_penalty(ours, ours.mean()), papers)


def test_lengths_are_a_sample_s_own_and_not_a_mean_over_the_batch():
    """Public code has averaged gradients over the batch before the root; then all lengths are equal."""
    w, y = drawn(4, 3, 5).requires_grad_(), drawn(4, 2, SIDE, SIDE, seed=1)
    lengths = path_lengths(network(w), w, y)
    assert lengths.shape == (4,)
    assert lengths.std() > 0.1
    own = w[:1].detach().requires_grad_()
    assert_close(path_lengths(network(own), own, y[:1]), lengths[:1])


def test_penalty_is_the_squared_distance_from_the_mean():
    assert_close(path_length_penalty(torch.tensor([1.0, 4.0]), torch.tensor(2.0)), torch.tensor([1.0, 4.0]))


@pytest.mark.parametrize(("shape", "w_shape"), [((3, 2, 4, 4), (3, 5)), ((2, 2, 6, 6), (2, 1, 1, 5))])
def test_shapes_that_disagree_are_named(shape, w_shape):
    images, w = torch.zeros(w_shape[0], 2, SIDE, SIDE), torch.zeros(w_shape, requires_grad=True)
    with pytest.raises(ValueError, match=r"images \(\d, 2, 6, 6\), w .*; expected y like the images, and w \[batch, d"):
        path_lengths(images, w, torch.zeros(shape))


def test_images_of_less_than_four_pixels_have_no_weight():
    with pytest.raises(ValueError, match="images of 2 × 2; the weight is for 4 × 4 and more"):
        path_length_weight(2)
