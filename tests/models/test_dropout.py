import copy

import pytest
import torch
from torch.testing import assert_close

from gancourse.models import Dropout, mlp
from gancourse.rng import initialised_from

N = 40_000


def test_the_share_is_dropped_and_the_mean_kept():
    # Standard error of the share 0.0023, of the mean 0.0033; 5 of each.
    out = Dropout(0.3)(torch.ones(N))
    assert abs((out == 0).float().mean().item() - 0.3) < 0.0115
    assert abs(out.mean().item() - 1) < 0.017
    assert_close(out.max(), torch.tensor(1 / 0.7))


def test_every_call_draws_another_mask_and_a_copy_draws_the_same_ones():
    layer = Dropout(0.5, "a")
    twin, other = copy.deepcopy(layer), Dropout(0.5, "b")
    x = torch.ones(100)
    first, second = layer(x), layer(x)
    assert not torch.equal(first, second)
    assert torch.equal(twin(x), first)
    assert torch.equal(twin(x), second)
    assert not torch.equal(other(x), first)


def test_masks_do_not_depend_on_torch_s_global_state_nor_change_it():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    a = Dropout(0.5)(torch.ones(50))
    assert torch.equal(torch.rand(1), expected)
    torch.manual_seed(4)
    assert torch.equal(Dropout(0.5)(torch.ones(50)), a)


def test_a_loaded_state_goes_on_where_it_was_saved():
    layer, x = Dropout(0.5), torch.ones(100)
    layer(x)
    resumed = Dropout(0.5)
    resumed.load_state_dict(layer.state_dict())
    assert torch.equal(resumed(x), layer(x))


def test_in_evaluation_mode_nothing_is_dropped_or_counted():
    layer = Dropout(0.5).eval()
    assert torch.equal(layer(torch.ones(9)), torch.ones(9))
    assert layer.drawn == 0


def test_the_layers_of_a_discriminator_have_masks_of_their_own():
    with initialised_from(0):
        D = mlp.Discriminator(64, dropout=0.5)
    first, second = (layer for layer in D.layers if isinstance(layer, Dropout))
    assert not torch.equal(first(torch.ones(64)), second(torch.ones(64)))


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_impossible_shares_are_refused(share):
    with pytest.raises(ValueError, match="expected at least 0 and below 1"):
        Dropout(share)
