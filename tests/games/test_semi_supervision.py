"""The semi-supervised game: its losses as those of K + 1 classes, who sees which data, and the bugs of public code."""

import math

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy
from torch.testing import assert_close

from gancourse import data, games
from gancourse.batch import Batch
from gancourse.games import Classification, FeatureMatching, SemiSupervised, real_logit
from gancourse.models import mlp
from gancourse.rng import Noise, initialised_from
from gancourse.training import Trainer, adam

RING, N = data.ring(std=0.1), 8
FEW = data.few_labels(RING, 16)


def new_game(weight=1.0, **options):
    with initialised_from(0):
        return SemiSupervised(mlp.Generator(4, 8), mlp.Encoder(8, 16), weight, **options)


def noise():
    return Noise((0, "semi"), N)


def logits(n=N, k=8):
    return 3 * torch.randn(n, k, generator=torch.Generator().manual_seed(0))


def with_zero(l_k):
    """The logits of K + 1 classes, the last of which is fixed to 0."""
    return torch.cat([l_k, torch.zeros(len(l_k), 1)], 1)


# The loss


def test_the_logit_of_real_is_that_of_a_softmax_over_k_plus_one_classes():
    l_k = logits()
    real = with_zero(l_k).softmax(1)[:, :-1].sum(1)
    assert_close(real_logit(l_k).sigmoid(), real)
    z = l_k.exp().sum(1)
    assert_close(real_logit(l_k).sigmoid(), z / (z + 1))


def test_binary_cross_entropy_of_it_is_the_cross_entropy_of_k_plus_one_classes():
    """Of generated samples exactly; of real ones, summed over the classes that they may have."""
    l_k = logits()
    generated = cross_entropy(with_zero(l_k), torch.full((N,), 8), reduction="none")
    assert_close(binary_cross_entropy_with_logits(real_logit(l_k), torch.zeros(N), reduction="none"), generated)
    real = -with_zero(l_k).log_softmax(1)[:, :-1].logsumexp(1)
    assert_close(binary_cross_entropy_with_logits(real_logit(l_k), torch.ones(N), reduction="none"), real)
    # And the labelled loss is that of K + 1 classes, given that the sample is real.
    y = torch.arange(N)
    given_real = cross_entropy(with_zero(l_k), y, reduction="none") - real
    assert_close(games.class_losses(l_k, y), given_real)


def test_the_losses_are_those_of_the_authors_code():
    game, batch = new_game(0.7), FEW(noise())
    fake = game.generator(noise().normal("z", 4))
    C = game.discriminator
    l_lab, l_unl, l_gen = C(batch.x), torch.logsumexp(C(batch.other), 1), torch.logsumexp(C(fake), 1)
    softplus = torch.nn.functional.softplus
    terms = game.discriminator_terms(batch, noise())
    assert_close(terms["labelled"], -l_lab[torch.arange(N), batch.y] + torch.logsumexp(l_lab, 1))
    unlabelled = -0.5 * l_unl + 0.5 * softplus(l_unl) + 0.5 * softplus(l_gen)
    assert_close(terms["unlabelled"] + terms["generated"], 0.7 * unlabelled)
    assert_close(game.generator_terms(batch, noise())["adversarial"], -(l_gen.sigmoid().log()))


def test_losses_and_gradients_are_finite_at_50_where_a_loss_without_softplus_falls_without_bound():
    """LDOUBLEV #7 and improved-gan #25: the sign of the labelled loss, and the missing softplus."""
    game = new_game()
    for value in (50.0, -50.0):
        x = torch.full((N, 8), value).requires_grad_()
        game.discriminator.forward = lambda _, x=x: x
        terms = game.discriminator_terms(FEW(noise()), noise())
        assert all((term >= 0).all() and term.isfinite().all() for term in terms.values())
        (gradient,) = torch.autograd.grad(sum(term.sum() for term in terms.values()), x)
        assert gradient.isfinite().all()
    assert (-0.5 * real_logit(torch.full((1, 8), 50.0))).item() < -25  # the twin


# Who sees which data


def test_only_the_labelled_loss_sees_labels_and_only_the_others_the_unlabelled_data():
    game, batch = new_game(), FEW(noise())
    before = game.discriminator_terms(batch, noise())
    other_labels = game.discriminator_terms(batch._replace(y=(batch.y + 1) % 8), noise())
    assert not torch.allclose(before["labelled"], other_labels["labelled"])
    assert_close(before["unlabelled"], other_labels["unlabelled"])
    other_data = game.discriminator_terms(batch._replace(other=batch.other + 1), noise())
    assert_close(before["labelled"], other_data["labelled"])
    assert not torch.allclose(before["unlabelled"], other_data["unlabelled"])


def test_features_are_matched_with_the_unlabelled_data():
    game, batch = new_game(), FEW(noise())
    matching = FeatureMatching(game, lambda x: x)
    fake = game.generator(noise().normal("z", 4))
    expected = (batch.other.mean(0) - fake.mean(0)).square().sum()
    assert_close(matching.generator_terms(batch, noise())["feature_matching"], expected.expand(N))
    with_labelled = (batch.x.mean(0) - fake.mean(0)).square().sum()
    assert not torch.allclose(expected, with_labelled)


def test_at_weight_zero_it_is_the_supervised_classifier_on_the_same_batches():
    """The twin of the comparison: same network, same draws."""
    game = new_game(0.0)
    with initialised_from(0):
        mlp.Generator(4, 8)
        alone = Classification(mlp.Encoder(8, 16))
    alone.players = (alone.players[0]._replace(name="discriminator"),)
    first, second = (Trainer(g, FEW, batch_size=8, seed=3, optimiser=adam(1e-2)) for g in (game, alone))
    for _ in range(5):
        next(first.steps(1))
        next(second.steps(1))
    assert set(first.losses["discriminator"]) == {"labelled"}
    for ours, theirs in zip(game.discriminator.parameters(), alone.network.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_views_change_the_unlabelled_part_alone():
    batch = FEW(noise())
    plain, noisy = (
        new_game(**options).discriminator_terms(batch, noise())
        for options in ({}, {"views": [games.instance_noise(1.0)]})
    )
    assert_close(plain["labelled"], noisy["labelled"])
    assert not torch.allclose(plain["unlabelled"], noisy["unlabelled"])


def test_one_batch_for_data_and_samples_changes_nothing():
    game, batch = new_game(), FEW(noise())
    apart, together = (game.discriminator_terms(batch, noise(), together=t) for t in (False, True))
    for name, value in apart.items():
        assert_close(together[name], value)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: new_game(-1.0), "the weight of the unlabelled data is -1.0; expected a finite number"),
        (lambda: new_game(math.nan), "the weight of the unlabelled data is nan"),
        (
            lambda: new_game().discriminator_terms(RING(noise()), noise()),
            "semi-supervised learning needs unlabelled data as the batch's other, but there is none; pass data",
        ),
        (
            lambda: new_game().discriminator_terms(Batch(torch.zeros(8, 2), None, torch.zeros(8, 2)), noise()),
            "the batch has no labels; a classifier needs some: pass data with few labels",
        ),
        (
            lambda: new_game().discriminator_terms(FEW(noise())._replace(y=torch.full((8,), 8)), noise()),
            "labels run from 8 to 8 but the classifier knows 8 classes",
        ),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
