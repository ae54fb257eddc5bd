"""AC-GAN: who minimises what, and the bugs of public code."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from gancourse import data, games
from gancourse.batch import Batch
from gancourse.games import ACGAN, class_losses, penalty
from gancourse.models import AuxiliaryMLP, ConditionalMLP, mlp
from gancourse.objectives import hinge, minimax, non_saturating, r1, r2, relativistic_pairing
from gancourse.rng import Noise, initialised_from
from gancourse.training import Trainer, adam

SOURCE, N = data.two_classes(), 6
FITS = SOURCE.signature


def new_game(*terms, objective=non_saturating, **options):
    with initialised_from(0):
        family = AuxiliaryMLP(4, 8)
        networks = (*family.pair(FITS, FITS), family.class_head(FITS))
        return ACGAN(*networks, objective, terms, **options)


def noise():
    return Noise((0, "acgan"), N)


def parts(game):
    """The batch, the samples, and the discriminator and classifier as they stand."""
    batch = SOURCE(noise())
    fake = game.generator(noise().normal("z", 4), batch.y)
    return batch, fake, game.discriminator, lambda x: game.classifier(game.discriminator.features(x))


def log_probability(logits, y):
    return torch.distributions.Categorical(logits=logits).log_prob(y)


def test_the_discriminator_maximises_source_plus_classes_and_the_generator_classes_minus_source():
    """Odena et al. 2017, eq. 2 and 3, with the log-probabilities of torch.distributions."""
    game = new_game(objective=minimax)
    batch, fake, D, C = parts(game)
    source = D(batch.x).sigmoid().log() + (1 - D(fake).sigmoid()).log()
    classes = log_probability(C(batch.x), batch.y) + log_probability(C(fake), batch.y)
    of_d, of_g = game.discriminator_terms(batch, noise()), game.generator_terms(batch, noise())
    assert_close(sum(of_d.values()), -(source + classes))
    # Of the source's value and of the classes', the generator's weights reach only the terms of samples.
    assert_close(sum(of_g.values()), (1 - D(fake).sigmoid()).log() - log_probability(C(fake), batch.y))


def test_weights_scale_the_classes_of_either_player():
    plain, weighted = new_game(), new_game(weight=0.5, generator_weight=3.0)
    batch = SOURCE(noise())
    for name, factor in (("discriminator", 0.5), ("generator", 3.0)):
        ours, theirs = (getattr(g, f"{name}_terms")(batch, noise())["classes"] for g in (weighted, plain))
        assert_close(ours, factor * theirs)


@pytest.mark.parametrize("objective", [non_saturating, relativistic_pairing, hinge])
def test_without_classes_it_is_a_gan_of_a_conditional_generator(objective):
    game = new_game(penalty(r1, 0.5), objective=objective, weight=0.0, generator_weight=0.0)
    plain = games.GAN(game.generator, game.discriminator, objective, [penalty(r1, 0.5)])
    batch = SOURCE(noise())
    for ours, theirs in zip(game.players, plain.players, strict=True):
        terms, expected = ours.terms(batch, noise()), theirs.terms(batch, noise())
        assert not terms.pop("classes").any()
        assert terms.keys() == expected.keys()
        for name, value in expected.items():
            assert_close(terms[name], value)


def test_one_batch_for_data_and_samples_changes_nothing():
    game, batch = new_game(penalty(r1, 0.5), penalty(r2, 0.2)), SOURCE(noise())
    apart, together = (game.discriminator_terms(batch, noise(), together=t) for t in (False, True))
    for name, value in apart.items():
        assert_close(together[name], value)


def test_the_classifier_is_a_part_of_the_discriminator_s_network_alone():
    game = new_game()
    discriminator, generator = game.players
    own = {id(w) for w in discriminator.network.parameters()}
    assert {id(w) for w in game.classifier.parameters()} <= own
    assert not own & {id(w) for w in generator.network.parameters()}


def test_samples_are_classified_by_the_labels_that_they_were_made_for():
    """The bug of crcrpar #23, planted: other labels for the discriminator than for the generator."""
    game = new_game()
    batch, fake, _, C = parts(game)
    expected = class_losses(C(batch.x), batch.y) + class_losses(C(fake), batch.y)
    assert_close(game.discriminator_terms(batch, noise())["classes"], expected)
    redrawn = class_losses(C(batch.x), batch.y) + class_losses(C(fake), 1 - batch.y)
    assert not torch.allclose(redrawn, expected)


def test_swapped_samples_keep_their_classes():
    game = new_game(views=[games.label_flipping(1.0)])
    batch, fake, D, _ = parts(game)
    terms = game.discriminator_terms(batch, noise())
    assert_close(terms["adversarial"], non_saturating.discriminator(D(fake), D(batch.x)))
    assert_close(terms["classes"], new_game().discriminator_terms(batch, noise())["classes"])


# Cross-entropy


def test_the_cross_entropy_is_torch_s_of_logits():
    logits, y = torch.randn(5, 10, generator=torch.Generator().manual_seed(0)), torch.arange(5)
    assert_close(class_losses(logits, y), cross_entropy(logits, y, reduction="none"))
    assert_close(class_losses(logits, y), -log_probability(logits, y))


def test_the_cross_entropy_of_certain_logits_is_zero_and_after_a_softmax_it_is_stuck_at_1_461():
    """PyTorch-GAN #141: a softmax in the network, and another one in the loss."""
    certain, y = 100 * torch.eye(10), torch.arange(10)
    assert_close(class_losses(certain, y), torch.zeros(10))
    assert_close(class_losses(certain.softmax(1), y), torch.full((10,), math.log(math.e + 9) - 1))
    assert math.log(math.e + 9) - 1 == pytest.approx(1.4611, abs=1e-4)


def test_the_gradient_of_the_cross_entropy_at_50_is_finite_and_that_of_the_log_of_a_softmax_isn_t():
    logits = torch.tensor([[50.0, -60.0]]).requires_grad_()
    (gradient,) = torch.autograd.grad(class_losses(logits, torch.tensor([1])).sum(), logits)
    assert_close(gradient, torch.tensor([[1.0, -1.0]]))
    (naive,) = torch.autograd.grad(-logits.softmax(1)[0, 1].log(), logits)
    assert not naive.isfinite().all()


# What doesn't fit


def conditional_discriminator():
    return ConditionalMLP(4, 8).discriminator(FITS)


def of_unlabelled_data():
    return new_game().discriminator_terms(Batch(SOURCE(noise()).x), noise())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: new_game(weight=-1.0), "the weight of the discriminator's classes is -1.0; expected a finite number"),
        (lambda: new_game(generator_weight=math.nan), "the weight of the generator's classes is nan"),
        (
            lambda: ACGAN(mlp.Generator(), conditional_discriminator(), nn.Linear(8, 2), hinge),
            "AC-GAN's discriminator recognises the condition, so it must not see it",
        ),
        (
            lambda: ACGAN(mlp.Generator(), mlp.Discriminator(), nn.Linear(8, 2), hinge),
            "by a second head, but Discriminator has no head; pass one whose output is head",
        ),
        (of_unlabelled_data, "Generator is conditional, but the batch has no y; pass data with labels"),
        (lambda: class_losses(torch.zeros(3, 2), torch.zeros(3)), r"labels are torch.float32 \(3,\) for logits"),
        (lambda: class_losses(torch.zeros(3, 2), torch.zeros(3, 2).long()), "one integer a sample: pass data whose y"),
        (lambda: class_losses(torch.zeros(2, 2), torch.tensor([0, 2])), "labels run from 0 to 2 but the classifier kn"),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# What it does to the classes


def agreement(game, steps, seed=0):
    """Share of samples that the data's exact posterior assigns to their class, after some training."""
    trainer = Trainer(game, SOURCE, batch_size=128, seed=seed, optimiser=adam(2e-3, 0.0, 0.99))
    for _ in trainer.steps(steps):
        pass
    y = torch.arange(4000) % 2
    with torch.no_grad():
        x = game.generator(torch.randn(4000, 4, generator=torch.Generator().manual_seed(0)), y)
    return (SOURCE.posterior(x).argmax(1) == y).double().mean().item()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_acgan_separates_overlapping_classes_and_projection_does_not(seed):
    """The data's own agreement is Φ(1) = 0.841; seeds 0 and 1; offline, ten of ten seeds pass."""
    with initialised_from(seed):
        family = AuxiliaryMLP(4, 32)
        networks = (*family.pair(FITS, FITS), family.class_head(FITS))
        auxiliary = ACGAN(*networks, non_saturating, [penalty(r1, 0.5)])
    with initialised_from(seed):
        projection = games.GAN(*ConditionalMLP(4, 32).pair(FITS, FITS), non_saturating, [penalty(r1, 0.5)])
    assert agreement(auxiliary, 300, seed) > 0.97
    assert agreement(projection, 300, seed) == pytest.approx(0.841, abs=0.07)
