import pytest
import torch
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.games import GAN, FeatureMatching, PullAway, packing, pull_away
from gancourse.models import mlp
from gancourse.objectives import non_saturating
from gancourse.rng import Noise, initialised_from


def inner(**options):
    with initialised_from(0):
        return GAN(mlp.Generator(4, 8), mlp.Discriminator(8, **options), non_saturating)


def batch(n=6):
    return Batch(torch.randn(n, 2, generator=torch.Generator().manual_seed(0)))


def noise(n=6):
    return Noise((0, "matching"), n)


def generator_terms(game):
    return game.players[-1].terms(batch(), noise())


def test_the_term_is_the_squared_distance_of_mean_features_and_stands_alone():
    game = inner()
    D, fake = game.discriminator, game.generator(noise().normal("z", 4))
    terms = generator_terms(FeatureMatching(game, D.features, weight=3.0))
    gap = sum(D.features(x[None])[0] for x in batch().x) / 6 - sum(D.features(x[None])[0] for x in fake) / 6
    assert terms.keys() == {"feature_matching"}
    assert_close(terms["feature_matching"], (3 * gap.square().sum()).expand(6))


def test_it_can_be_added_to_the_inner_terms():
    game = inner()
    terms = generator_terms(FeatureMatching(game, game.discriminator.features, replace=False))
    assert terms.keys() == {"adversarial", "feature_matching"}
    assert_close(terms["adversarial"], game.generator_terms(batch(), noise())["adversarial"])


def test_added_with_weight_zero_it_is_the_inner_game():
    game = inner()
    assert FeatureMatching(game, game.discriminator.features, 0.0, replace=False).players == game.players
    assert FeatureMatching(game, game.discriminator.features).players[0] == game.players[0]


def test_it_vanishes_if_the_generator_makes_the_data_and_ignores_their_order():
    game = inner()
    made = game.generator(noise().normal("z", 4)).detach()
    matching = FeatureMatching(game, game.discriminator.features)
    terms = matching.generator_terms(Batch(made.flip(0)), noise())
    assert_close(terms["feature_matching"], torch.zeros(6), atol=1e-10, rtol=0)


def test_features_are_those_of_what_the_discriminator_sees():
    with initialised_from(0):
        G, D = mlp.Generator(4, 8), mlp.Discriminator(8, dimensions=4)
    terms = generator_terms(FeatureMatching(GAN(G, D, non_saturating, views=[packing(2)]), D.features))
    assert terms["feature_matching"].shape == (3,)


def test_pull_away_is_the_mean_squared_cosine_of_all_pairs():
    features = torch.randn(5, 3, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    rows = features.flatten(1)
    cosines = [
        (a @ b / (a.norm() * b.norm())).item() ** 2 for i, a in enumerate(rows) for j, b in enumerate(rows) if i != j
    ]
    assert pull_away(features).item() == pytest.approx(sum(cosines) / 20)


@pytest.mark.parametrize("scale", [0.1, 1.0, 1e4])
def test_pull_away_ignores_the_features_scale(scale):
    features = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert_close(pull_away(scale * features), pull_away(features))


def test_pulling_away_adds_a_term_and_not_with_weight_zero():
    game = inner()
    terms = generator_terms(PullAway(game, game.discriminator.features, 0.5))
    fake = game.generator(noise().normal("z", 4))
    assert_close(terms["pull_away"], (pull_away(game.discriminator.features(fake)) / 2).expand(6))
    assert_close(terms["adversarial"], game.generator_terms(batch(), noise())["adversarial"])
    assert PullAway(game, game.discriminator.features, 0.0).players == game.players


def test_one_sample_cannot_be_pulled_away_from_itself():
    with pytest.raises(ValueError, match="compares samples, but the batch has 1"):
        pull_away(torch.ones(1, 3))


@pytest.mark.parametrize("wrapper", [FeatureMatching, PullAway])
def test_impossible_weights_are_refused(wrapper):
    game = inner()
    with pytest.raises(ValueError, match="expected a finite number ≥ 0"):
        wrapper(game, game.discriminator.features, -1.0)


def test_features_with_dropout_and_minibatch_discrimination_have_their_sizes():
    assert inner(n_kernels=3, dropout=0.5).discriminator.features(batch().x).shape == (6, 11)
