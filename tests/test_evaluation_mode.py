import pytest
from torch import nn

from gancourse.evaluation_mode import evaluating


def modes(network):
    return [module.training for module in network.modules()]


def test_each_submodule_is_in_evaluation_mode_inside_and_in_its_own_afterwards():
    shared = nn.Dropout()
    first, second = nn.Sequential(shared, nn.BatchNorm1d(2).eval()), nn.Sequential(nn.Dropout().eval(), shared).eval()
    shared.train()
    before = modes(first), modes(second)
    with evaluating(first, second):
        assert not any(modes(first) + modes(second))
    assert (modes(first), modes(second)) == before == ([True, True, False], [False, False, True])


def test_modes_return_after_an_error_too():
    network = nn.Sequential(nn.Dropout(), nn.Dropout().eval())
    with pytest.raises(ZeroDivisionError), evaluating(network):
        _ = 1 / sum(modes(network))  # none is in training mode
    assert modes(network) == [True, True, False]


def test_without_a_network_no_other_one_changes():
    other = nn.Sequential(nn.Dropout(), nn.Dropout().eval())
    with evaluating():
        assert modes(other) == [True, True, False]
    assert modes(other) == [True, True, False]
