import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse.functional import call_at


def lines():
    return nn.Linear(2, 1, dtype=torch.float64), nn.Linear(1, 1, dtype=torch.float64)


def test_the_result_is_that_of_networks_which_hold_the_given_weights():
    (a, b), (other_a, other_b) = lines(), lines()
    x = torch.randn(4, 2, dtype=torch.float64)
    got = call_at([a, b], [dict(other_a.named_parameters()), dict(other_b.named_parameters())], lambda: b(a(x)))
    assert_close(got, other_b(other_a(x)))


def test_the_networks_hold_their_own_weights_again_even_after_an_error():
    a, _ = lines()
    before = a.weight.detach().clone()
    with pytest.raises(ZeroDivisionError):
        call_at([a], [{"weight": torch.zeros(1, 2, dtype=torch.float64)}], lambda: 1 / 0)
    assert torch.equal(a.weight, before)


def test_the_result_is_differentiable_in_the_given_weights_twice():
    a, _ = lines()
    weight = torch.tensor([[2.0, 3.0]], dtype=torch.float64, requires_grad=True)
    value = call_at([a], [{"weight": weight}], lambda: a.weight.pow(3).sum())
    (slope,) = torch.autograd.grad(value, weight, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.sum(), weight)
    assert_close(slope, 3 * weight**2)
    assert_close(curvature, 6 * weight.detach())


def test_replaced_buffers_are_changed_in_place_of_the_network_s_own():
    norm = nn.BatchNorm1d(1)
    copy = {name: buffer.clone() for name, buffer in norm.named_buffers()}
    call_at([norm], [copy], norm, torch.tensor([[1.0], [3.0]]))
    assert norm.running_mean.item() == 0
    assert_close(copy["running_mean"], torch.tensor([0.2]))


def test_weights_that_the_network_has_not_are_refused():
    a, _ = lines()
    with pytest.raises(ValueError, match=r"Linear has no weights named \['wait'\]; it has \['bias', 'weight'\]"):
        call_at([a], [{"wait": torch.zeros(1)}], lambda: None)
    with pytest.raises(ValueError, match="2 networks but weights for 1"):
        call_at(lines(), [{}], lambda: None)
