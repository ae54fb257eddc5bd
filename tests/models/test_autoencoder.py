import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse.models import AutoencoderCritic, ImageEncoder, dcgan, mlp
from gancourse.rng import initialised_from


def x(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("power", [1, 2])
def test_a_critic_s_score_is_minus_the_mean_error_of_its_reconstruction(power):
    with initialised_from(0):
        critic = AutoencoderCritic(mlp.Encoder(3), mlp.Generator(3), power)
    made = critic.decoder(critic.encoder(x(5, 2)))
    assert_close(critic(x(5, 2)), -((made - x(5, 2)).abs() ** power).mean(1))
    assert_close(critic.features(x(5, 2)), critic.encoder(x(5, 2)))


def test_what_is_reconstructed_perfectly_scores_highest():
    assert_close(AutoencoderCritic(nn.Identity(), nn.Identity())(x(4, 3)), torch.zeros(4))
    assert (AutoencoderCritic(nn.Identity(), nn.Tanh())(x(4, 3)) < 0).all()


def test_images_have_a_critic_too():
    with initialised_from(0):
        critic = AutoencoderCritic(ImageEncoder(4, width=2), dcgan.Generator(4, width=2))
    assert critic(x(3, 1, 28, 28)).shape == (3,)


def test_an_image_encoder_does_not_look_at_other_images_in_evaluation_mode():
    with initialised_from(0):
        encoder = ImageEncoder(6, width=2).eval()
    images = x(4, 1, 28, 28)
    assert_close(encoder(images)[1:3], encoder(images[1:3]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: AutoencoderCritic(nn.Identity(), nn.Identity(), 3), "power is 3; pass 2 for squared or 1"),
        (lambda: AutoencoderCritic(mlp.Encoder(3), mlp.Generator(3, dimensions=1))(x(5, 2)), "they must agree"),
        (lambda: ImageEncoder(4, width=2)(x(3, 1, 32, 32)), r"expected \[batch, 1, 28, 28\]"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
