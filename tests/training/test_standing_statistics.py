"""Standing statistics of BatchNorm against torch's own."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import batch_norm
from torch.testing import assert_close

from gancourse.training import standing_statistics


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 1), nn.BatchNorm2d(3, affine=False)
    ).eval()


def batches(n=3, rows=5):
    return torch.randn(n, rows, 2, 6, 6, generator=torch.Generator().manual_seed(1))


def statistics(layers):
    norms = (layer for layer in layers.modules() if isinstance(layer, nn.BatchNorm2d))
    return [buffer.clone() for norm in norms for buffer in (norm.running_mean, norm.running_var)]


def test_they_are_torch_s_cumulative_averages_but_for_the_variance_s_correction():
    """With momentum None, torch averages batches equally too; its variances are the unbiased ones, of n − 1."""
    ours, theirs = network(), network().train()
    for norm in (theirs[1], theirs[4]):
        norm.reset_running_stats()
        norm.momentum = None
    with standing_statistics(ours):
        for x in batches():
            outputs = ours(x), theirs(x)
            assert_close(*outputs)
    n = 5 * 4 * 4
    for norm, other in ((ours[1], theirs[1]), (ours[4], theirs[4])):
        assert_close(norm.running_mean, other.running_mean)
        assert_close(norm.running_var, other.running_var * (n - 1) / n)


def test_a_batch_normalised_by_its_own_standing_statistics_is_as_in_training():
    layer, x = nn.BatchNorm2d(2).eval(), batches(1)[0]
    with standing_statistics(layer):
        layer(x)
    assert_close(layer(x), batch_norm(x, None, None, training=True))


def test_parts_of_other_sizes_count_by_their_rows():
    layer, x = nn.BatchNorm1d(1).eval(), torch.tensor([[1.0], [3.0], [7.0], [8.0], [9.0]])
    with standing_statistics(layer):
        layer(x[:2]), layer(x[2:])
    assert_close(layer.running_mean, torch.tensor([(2 * 2 + 3 * 8) / 5]))
    assert_close(layer.running_var, torch.tensor([(2 * 1 + 3 * 2 / 3) / 5]))


def test_the_network_is_otherwise_what_it_was():
    layers = network()
    weights = {name: value.clone() for name, value in layers.named_parameters()}
    kinds = [type(m) for m in layers.modules()]
    before = statistics(layers)
    with standing_statistics(layers):
        assert not layers.training
        layers(batches(1)[0])
    assert [type(m) for m in layers.modules()] == kinds
    assert all(torch.equal(value, weights[name]) for name, value in layers.named_parameters())
    assert not any(torch.equal(a, b) for a, b in zip(before, statistics(layers), strict=True))
    twin = copy.deepcopy(layers)
    assert torch.equal(twin(batches(1)[0]), layers(batches(1)[0]))


def test_without_a_batch_or_after_an_error_nothing_changes():
    layers = network()
    before = statistics(layers)
    with standing_statistics(layers):
        pass
    with pytest.raises(RuntimeError, match="expected input"), standing_statistics(layers):
        layers(torch.cat([layers(batches(1)[0])] * 3, 1))
    assert all(torch.equal(a, b) for a, b in zip(before, statistics(layers), strict=True))
    assert all(type(m) is nn.BatchNorm2d for m in (layers[1], layers[4]))


def test_an_input_of_one_axis_is_named():
    layer = nn.BatchNorm1d(3)
    with (
        pytest.raises(ValueError, match=r"x has shape \(3,\); expected \[batch, features, …\]"),
        standing_statistics(layer),
    ):
        layer(torch.zeros(3))
