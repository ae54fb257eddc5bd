import pytest
import torch
from torch.testing import assert_close

from gancourse.objectives import began, ebgan, magan, next_k


def test_beyond_the_margin_generated_samples_are_left_alone():
    far = torch.tensor([-12.0], requires_grad=True)  # energy 12
    for margin, slope in ((10.0, 0.0), (20.0, 1.0)):
        (found,) = torch.autograd.grad(ebgan(margin).discriminator(torch.zeros(1), far).sum(), far)
        assert_close(found, torch.tensor([slope]))


def test_a_margin_of_magan_is_the_game_of_ebgan():
    r, f = torch.randn(2, 9, generator=torch.Generator().manual_seed(0))
    assert_close(magan(2.5).discriminator(r, f), ebgan(2.5).discriminator(r, f))


def test_began_s_balance_rests_where_the_energies_have_the_ratio_asked_for_and_moves_towards_it():
    real = torch.tensor([-6.0, -2.0])  # mean energy 4
    assert next_k(0.4, real, torch.tensor([-2.0]), diversity=0.5) == 0.4
    assert next_k(0.4, real, torch.tensor([-1.0]), diversity=0.5, rate=0.1) == pytest.approx(0.5)
    assert next_k(0.4, real, torch.tensor([-3.0]), diversity=0.5, rate=0.1) == pytest.approx(0.3)


def test_began_s_balance_stays_between_zero_and_one():
    assert next_k(0.0, torch.zeros(1), torch.tensor([-9.0]), rate=1.0) == 0
    assert next_k(1.0, torch.tensor([-9.0]), torch.zeros(1), rate=1.0) == 1


@pytest.mark.parametrize("margin", [0.0, -1.0, float("inf"), float("nan")])
def test_margins_that_are_not_positive_are_refused(margin):
    for game in (ebgan, magan):
        with pytest.raises(ValueError, match=r"margin is .*; expected a positive number"):
            game(margin)


@pytest.mark.parametrize("k", [-0.1, 1.5])
def test_balances_out_of_range_are_refused(k):
    with pytest.raises(ValueError, match="expected 0 ≤ k ≤ 1"):
        began(k)
