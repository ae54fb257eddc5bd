import pytest
import torch
from torch.testing import assert_close

from gancourse.objectives import ebgan, magan


def test_beyond_the_margin_generated_samples_are_left_alone():
    far = torch.tensor([-12.0], requires_grad=True)  # energy 12
    for margin, slope in ((10.0, 0.0), (20.0, 1.0)):
        (found,) = torch.autograd.grad(ebgan(margin).discriminator(torch.zeros(1), far).sum(), far)
        assert_close(found, torch.tensor([slope]))


def test_a_margin_of_magan_is_the_game_of_ebgan():
    r, f = torch.randn(2, 9, generator=torch.Generator().manual_seed(0))
    assert_close(magan(2.5).discriminator(r, f), ebgan(2.5).discriminator(r, f))


@pytest.mark.parametrize("margin", [0.0, -1.0, float("inf"), float("nan")])
def test_margins_that_are_not_positive_are_refused(margin):
    for game in (ebgan, magan):
        with pytest.raises(ValueError, match=r"margin is .*; expected a positive number"):
            game(margin)
