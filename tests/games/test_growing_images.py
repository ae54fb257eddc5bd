"""Growing by images seen: phases, real images that fade with the generated ones, and bugs that public code had."""

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool2d, interpolate
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.games import GAN, Growing, at_resolution, penalty, phases
from gancourse.models.progan import Discriminator, Generator, at_level
from gancourse.objectives import gradient_penalty, wasserstein
from gancourse.processes import Part
from gancourse.recipes import recipe
from gancourse.rng import Noise, initialised_from
from gancourse.training import CheckpointError, Trainer, adam, load_checkpoint, save_checkpoint

LEVEL = phases(3, fade_kimg=0.032, stable_kimg=0.016)


def images(noise):
    return Batch(noise.normal("x", 1, 16, 16).cumsum(3).tanh())


def game(level=LEVEL, in_images=True, n_critic=1):
    with initialised_from(0):
        generator, critic = Generator(3, [4, 4, 4], 1), Discriminator([4, 4, 4], 1)
    terms = [penalty(gradient_penalty, 10.0)]
    inner = GAN(generator, critic, wasserstein, terms, n_critic, views=[at_resolution(critic)])
    return Growing(inner, level, in_images)


def levels(batch_size, n_steps, **options):
    """The generator's level after each step, by the number of images before that step."""
    played = Trainer(game(**options), images, batch_size=batch_size, optimiser=adam(1e-3))
    return {step.index * batch_size: played.game.generator.level.item() for step in played.steps(n_steps)}


# Phases


def test_a_level_is_stable_then_fades_linearly_and_is_stable_again():
    level = phases(3, fade_kimg=0.8, stable_kimg=0.2)
    expected = {0: 0, 199: 0, 200: 0, 400: 0.25, 999: 799 / 800, 1000: 1, 1199: 1, 1200: 1, 1600: 1.5, 2000: 2, 9000: 2}
    assert {n: level(n) for n in expected} == pytest.approx(expected)


def test_a_share_that_stays_zero_until_the_end_is_not_what_fades():
    """akanimax's issue 2, `alpha = int(epoch / epochs)`; gapeng000's issue 20, a level that is constant meanwhile."""
    level = phases(2, fade_kimg=0.8, stable_kimg=0.2)
    shares = [level(images) for images in range(200, 1001, 80)]
    assert shares == pytest.approx([i / 10 for i in range(11)])
    assert [int(share) for share in shares] == [0] * 10 + [1]  # the bug


def test_the_first_level_does_not_fade():
    """As it did in rosinality's issue 23."""
    assert phases(4, fade_kimg=1, stable_kimg=0)(0) == 0.0


def test_no_fade_is_a_jump_and_no_phases_are_the_whole_network():
    jump = phases(3, fade_kimg=0, stable_kimg=1)
    assert [jump(n) for n in (0, 999, 1000, 1999, 2000, 9000)] == [0, 0, 1, 1, 2, 2]
    assert phases(3, 0, 0)(0) == 2.0


@pytest.mark.parametrize(
    "arguments", [(0, 1.0, 1.0), (2, -1.0, 1.0), (2, 1.0, float("nan")), (2, float("inf"), 1.0)], ids=str
)
def test_phases_that_can_t_be_are_refused(arguments):
    with pytest.raises(ValueError, match=r"levels, .* kimg of fading and .* pass at least 1 level and numbers ≥ 0$"):
        phases(*arguments)


# Images seen


@pytest.mark.parametrize("n_critic", [1, 2])
def test_another_batch_size_has_the_same_level_after_as_many_images(n_critic):
    small, large = levels(4, 24, n_critic=n_critic), levels(8, 12, n_critic=n_critic)
    assert {n: small[n] for n in large} == large
    assert set(large.values()) >= {0.0, 1.0}


def test_the_twin_in_steps_has_another():
    """Phases in iterations: rosinality's issue 12, where another batch size collapsed after each transition."""
    in_steps = {"level": lambda step: LEVEL(8 * step), "in_images": False}
    small, large = levels(4, 24, **in_steps), levels(8, 12, **in_steps)
    assert any(small[n] != large[n] for n in large)


def test_processes_count_the_images_of_all_of_them():
    played = game()
    noise = Noise((0,), 4, update=5, part=Part(0, 2))
    played.set_level(0)
    played.players[0].terms(images(noise), noise)
    assert played.generator.level.item() == pytest.approx(LEVEL(5 * 8))


def test_a_checkpoint_knows_what_the_level_is_a_function_of(tmp_path):
    save_checkpoint(tmp_path / "c.safetensors", Trainer(game(), images, batch_size=4))
    with pytest.raises(CheckpointError, match="growing_in_images=True, not False"):
        load_checkpoint(tmp_path / "c.safetensors", Trainer(game(in_images=False), images, batch_size=4))


# The discriminator's input


def seen(level, x, fake):
    played = game()
    with at_level(played.discriminator, level):
        real, generated = played.seen(Batch(x), Batch(fake), Noise((0,), len(x)), "discriminator")
    return real.x, generated.x


@pytest.mark.parametrize("level", [0.0, 0.25, 1.0, 1.6, 2.0])
def test_real_images_are_averaged_to_the_resolution_and_fade_as_generated_ones_do(level):
    x = images(Noise((0,), 4)).x
    below, alpha = int(level), level % 1
    top = below + bool(alpha)
    expected = avg_pool2d(x, 2 ** (2 - top))
    if alpha:
        expected = (1 - alpha) * interpolate(avg_pool2d(x, 2 ** (2 - below)), scale_factor=2) + alpha * expected
    assert_close(seen(level, x, x)[0], expected)


def fine(x):
    """Energy that is lost by halving images."""
    return (x - interpolate(avg_pool2d(x, 2), scale_factor=2)).square().mean().item()


def test_at_the_start_of_a_fade_neither_real_nor_generated_images_have_fine_detail():
    """Real ones do if they don't fade, as in rosinality's progressive-gan-pytorch: then they are told apart by it."""
    x, level = images(Noise((0,), 4)).x, 1.001
    generator = game().generator
    with at_level(generator, level):
        real, generated = seen(level, x, generator(torch.randn(4, 3)))
    assert fine(real) < 1e-5
    assert fine(generated) < 1e-4
    assert fine(x) > 1e-2  # the twin: real images that don't fade


def test_generated_images_are_seen_as_their_level_made_them_bit_by_bit():
    generator = game().generator
    z = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    with at_level(generator, 1.0):
        image = generator(z)
        own = generator.to_image[1](generator.blocks[0](generator.start(z)))
    assert torch.equal(seen(1.0, image, image)[1], own)


def test_the_share_of_a_fade_is_not_the_gradient_penalty_s():
    """One name for both: in SB-GAN's issue 9 the penalty overwrote the fade's α."""
    played = Trainer(game(), images, batch_size=4, optimiser=adam(1e-3))
    for step in played.steps(9):
        assert played.game.discriminator.level.item() == pytest.approx(LEVEL(4 * step.index))
    assert 0 < played.game.discriminator.alpha < 1


def test_gradients_reach_the_generator_through_the_view():
    played = game()
    with at_level(played.generator, 0.5), at_level(played.discriminator, 0.5):
        terms = played.inner.generator_terms(images(Noise((0,), 4)), Noise((0,), 4))
    terms["adversarial"].mean().backward()
    assert all(w.grad.any() for w in played.generator.to_image[0].parameters())
    assert all(w.grad is None for w in played.generator.to_image[2].parameters())


def test_penalties_are_of_the_resolution_in_use():
    """At full size the gradient would be spread over the squares' pixels: half as long at half the resolution."""
    played = game()
    x = images(Noise((0,), 4)).x
    with at_level(played.discriminator, 1.0):
        real, _ = seen(1.0, x, x)
        assert real.shape == (4, 1, 8, 8)
        lengths = []
        for input_ in (real, x):
            input_ = input_.detach().requires_grad_()
            (gradient,) = torch.autograd.grad(played.discriminator(input_).sum(), input_)
            lengths.append(gradient.norm())
    assert_close(lengths[1], lengths[0] / 2)


def test_what_does_not_grow_or_fit_is_refused():
    with pytest.raises(ValueError, match="Linear has no resolution and alpha, so it doesn't grow; take a family"):
        at_resolution(nn.Linear(2, 1))
    chosen = recipe("dcgan-digits").changed(remedies=recipe("progan-faces").play.remedies)
    with pytest.raises(ValueError, match="Discriminator has no resolution and alpha, so it doesn't grow"):
        chosen.play.game(chosen.signature())
    with pytest.raises(ValueError, match=r"real images are \(4, 1, 16, 16\) and generated ones \(4, 1, 8, 8\)"):
        seen(1.0, torch.zeros(4, 1, 16, 16), torch.zeros(4, 1, 8, 8))
    with pytest.raises(ValueError, match="expected equal shapes of a multiple of 16 pixels"):
        seen(2.0, torch.zeros(4, 1, 24, 24), torch.zeros(4, 1, 24, 24))
    with pytest.raises(ValueError, match="the level at image 0 is -1; expected a finite number ≥ 0"):
        Trainer(game(lambda images: -1), images, batch_size=4).update()
