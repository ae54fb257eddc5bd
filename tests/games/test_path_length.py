"""The path length as a term: which samples, which directions, and the running mean."""

import pytest
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.data import ring
from gancourse.games import GAN, path_length
from gancourse.models import StyleGAN2, mlp
from gancourse.objectives import non_saturating, path_length_penalty, path_lengths
from gancourse.rng import Noise, initialised_from
from gancourse.signature import Signature
from gancourse.training import Trainer, adam

FITS = Signature((3, 8, 8))
FAMILY = StyleGAN2(5, (4, 4), depth=1, group=2)


def game(*terms):
    with initialised_from(0):
        return GAN(*FAMILY.pair(FITS, FITS), non_saturating, terms)


def images(noise):
    return Batch(noise.normal("x", 3, 8, 8).tanh())


def played(term, n_steps, n=8, rate=1e-3):
    """The lengths' running mean and the reported losses after some steps of training."""
    own_game = game(term)
    trainer = Trainer(own_game, images, batch_size=n, optimiser=adam(rate))
    losses = [step.losses["generator"] for step in trainer.steps(n_steps)]
    return term.memory.mean.item(), losses, own_game


def by_hand(own_game, noise, divisor):
    """The samples' lengths by the formula, from the same draws."""
    generator = own_game.generator
    rows = own_game.latents(noise)[::divisor]
    w = generator.styles(rows)
    x = generator.synthesis(w, generator.row(rows).noise)
    y = noise.normal("path length", 3, 8, 8)[::divisor] / 8
    return path_lengths(x, w, y)


@pytest.mark.parametrize("divisor", [1, 2])
def test_the_first_penalty_is_that_of_zero_and_then_the_mean_follows_the_lengths(divisor):
    term = path_length(weight=3.0, every=2, decay=0.9, divisor=divisor)
    own_game, noise = game(term), Noise((0, "generator"), 8)
    lengths = by_hand(own_game, noise, divisor)
    terms = own_game.generator_terms(images(noise), noise)
    assert_close(terms["path_length"], (3.0 * 2 * path_length_penalty(lengths, 0.0).mean()).expand(8))
    assert_close(term.memory.mean, 0.1 * lengths.mean())
    before = term.memory.mean.clone()
    second = own_game.generator_terms(images(noise), noise)
    expected = 3.0 * 2 * path_length_penalty(by_hand(own_game, noise, divisor), before).mean()
    assert_close(second["path_length"][0], expected)
    term.memory.eval()
    own_game.generator_terms(images(noise), noise)
    assert_close(term.memory.mean, 0.9 * before + 0.1 * lengths.mean())


def test_the_gradient_reaches_the_mapping_and_not_the_mean():
    term = path_length(every=1)
    own_game, noise = game(term), Noise((0, "generator"), 8)
    own_game.generator_terms(images(noise), noise)["path_length"].mean().backward()
    linear = own_game.generator.mapping.layers[1].parametrizations.weight.original
    assert linear.grad.abs().max() > 0
    assert not term.memory.mean.requires_grad


def test_it_is_computed_at_every_eighth_update_from_the_one_it_begins_at():
    _, losses, _ = played(path_length(every=3, since=4), 10)
    assert [i for i, terms in enumerate(losses) if "path_length" in terms] == [6, 9]
    mean, losses, _ = played(path_length(every=8), 9)
    assert ["path_length" in terms for terms in losses] == [True, *[False] * 7, True]
    assert mean > 0


def test_it_makes_lengths_more_equal():
    """Against a twin that is trained without it; their relative deviation over 400 samples."""
    deviations = []
    for weight in (20.0, 0.0):
        _, _, own_game = played(path_length(weight, every=1, decay=0.5), 120, n=16, rate=2e-2)
        lengths = by_hand(own_game, Noise((1, "judge"), 400), 1)
        deviations.append((lengths.std() / lengths.mean()).item())
    assert deviations[0] < 0.8 * deviations[1]


@pytest.mark.parametrize(
    ("term", "message"),
    [
        (lambda: path_length(decay=1.0), "decay 1.0 and divisor 1; pass a decay in"),
        (lambda: path_length(divisor=0), "decay 0.99 and divisor 0; pass a decay in"),
        (lambda: game(path_length(since=-1)), "term 'path_length' is due since update -1; pass at least 0"),
        (lambda: played(path_length(divisor=3), 1), "a batch of 8 can't be divided by 3; pass a divisor of the batch"),
    ],
)
def test_bad_settings_are_named(term, message):
    with pytest.raises(ValueError, match=message):
        term()


def test_a_generator_without_styles_is_refused():
    with initialised_from(0):
        own_game = GAN(mlp.Generator(4, 8), mlp.Discriminator(8), non_saturating, [path_length()])
    with pytest.raises(ValueError, match="Generator has no styles, whose paths the term measures; leave out the path"):
        next(Trainer(own_game, ring(), batch_size=8).steps(1))
