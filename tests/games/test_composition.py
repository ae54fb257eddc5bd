"""Wrappers stack, train, and resume bit-equal, memories and buffers included."""

import pytest
import torch

from gancourse import data
from gancourse.games import (
    GAN,
    VAE,
    BoundaryEquilibrium,
    Consensus,
    FeatureMatching,
    HistoricalAveraging,
    ModeRegularised,
    PullAway,
    Several,
    Unrolled,
    annealed,
    instance_noise,
    label_flipping,
    packing,
    penalty,
)
from gancourse.models import AutoencoderCritic, VirtualBatchNorm, WithReference, mlp
from gancourse.objectives import non_saturating, r1
from gancourse.rng import Noise, initialised_from
from gancourse.training import Trainer, load_checkpoint, save_checkpoint

RING = data.ring(std=0.1)


def gan(views=(), penalties=(), dimensions=2, **options):
    return GAN(mlp.Generator(4, 8), mlp.Discriminator(8, 2, dimensions, **options), non_saturating, penalties, 1, views)


def several(n=3):
    generator = mlp.Generator(4, 8)
    return Several([GAN(generator, mlp.Discriminator(8), non_saturating) for _ in range(n)], temper=1.0)


def matching():
    game = gan(dropout=0.3, n_kernels=4)
    return PullAway(FeatureMatching(game, game.discriminator.features, replace=False), game.discriminator.features)


def virtual():
    reference = torch.randn(6, 2)
    critic = WithReference(mlp.Discriminator(8, norm=lambda n: VirtualBatchNorm(n, 6)), reference)
    return GAN(mlp.Generator(4, 8, norm=torch.nn.BatchNorm1d), critic, non_saturating)


GAMES = {
    "unrolled, penalised, packed": lambda: Unrolled(gan([packing(2)], [penalty(r1, 0.1, 2)], 4), 3, 0.1),
    "bound, with several": lambda: HistoricalAveraging(several(), 1.0),
    "bound, unrolled, with several": lambda: HistoricalAveraging(Unrolled(several(2), 2, 0.1), 1.0),
    "noisy and flipped": lambda: gan([instance_noise(annealed(0.5, 0.01, 4)), label_flipping(0.2)]),
    "dropout, kernels, matching, pull-away": matching,
    "consensus over unrolled over bound": lambda: Consensus(
        Unrolled(HistoricalAveraging(gan(dropout=0.3), 1.0), 2, 0.1), 0.1
    ),
    "mode-regularised consensus": lambda: ModeRegularised(Consensus(gan(), 0.1), mlp.Encoder(4, 8), 0.1, 0.1),
    "virtual batch norm": virtual,
    "boundary equilibrium": lambda: BoundaryEquilibrium(
        mlp.Generator(4, 8), AutoencoderCritic(mlp.Encoder(2, 8), mlp.Generator(2, 8), 1), rate=0.1, gamma=0.9
    ),
    "vae": lambda: VAE(mlp.Encoder(6, 8), mlp.Generator(3, 8), 0.3),
}


def trainer(name):
    with initialised_from(0):
        return Trainer(GAMES[name](), RING, batch_size=8)


def state(played):
    found = {}
    for player in played.game.players:
        memory = player.memory.state_dict() if player.memory is not None else {}
        found |= {f"{player.name}.{k}": v.clone() for k, v in player.network.state_dict().items()}
        found |= {f"{player.name} remembers {k}": v.clone() for k, v in memory.items()}
    return found


@pytest.mark.parametrize("name", GAMES)
def test_three_steps_change_every_player_and_resume_bit_equal_from_any_turn(name, tmp_path):
    whole = trainer(name)
    before = state(whole)
    for _ in whole.steps(3):
        pass
    expected = state(whole)
    for player in whole.players:
        assert any(not torch.equal(expected[k], before[k]) for k in expected if k.startswith(f"{player}."))
    for stop in range(1, len(whole.turns) * 2):
        first, second = trainer(name), trainer(name)
        for _ in range(stop):
            first.update()
        save_checkpoint(tmp_path / "c.safetensors", first)
        load_checkpoint(tmp_path / "c.safetensors", second)
        for _ in second.until(3):
            pass
        found = state(second)
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert torch.equal(found[key], value), (stop, key)


@pytest.mark.parametrize(("name", "what"), [("bound, with several", "mean_0"), ("boundary equilibrium", "k")])
def test_the_comparison_notices_a_memory_that_was_not_restored(name, what, tmp_path):
    """The twin of the above: without its memory a resumed run ends elsewhere."""
    whole, resumed = trainer(name), trainer(name)
    for _ in whole.steps(3):
        pass
    for _ in range(4):
        resumed.update()
    for player in resumed.game.players:
        for key, buffer in player.memory.named_buffers() if player.memory is not None else ():
            if key.endswith(what):
                buffer.zero_()
    for _ in resumed.until(3):
        pass
    expected, found = state(whole), state(resumed)
    assert any(not torch.equal(found[key], value) for key, value in expected.items())


def test_torch_s_global_randomness_plays_no_part():
    states = []
    for seed in (0, 1):
        played = trainer("consensus over unrolled over bound")
        torch.manual_seed(seed)
        for _ in played.steps(2):
            pass
        states.append(state(played))
    assert all(torch.equal(states[1][key], value) for key, value in states[0].items())


def terms_of(game, name="generator"):
    noise = Noise((0, "twice"), 8, 1)
    return next(player for player in game.players if player.name == name).terms(RING(noise), noise)


@pytest.mark.parametrize(
    ("wrap", "name"),
    [
        (lambda game: PullAway(game, game.discriminator.features, 0.5), "pull_away"),
        (lambda game: FeatureMatching(game, game.discriminator.features, replace=False), "feature_matching"),
        (lambda game: HistoricalAveraging(game, 1.0), "historical_averaging"),
        (lambda game: Consensus(game, 0.1), "consensus"),
    ],
)
def test_a_wrapper_that_stands_twice_counts_twice(wrap, name):
    once = terms_of(wrap(gan()))
    twice = terms_of(wrap(wrap(gan())))
    assert list(once) == ["adversarial", name]
    assert list(twice) == ["adversarial", name, f"{name} 2"]


def test_terms_and_players_of_several_games_keep_apart_whatever_their_names():
    generator = mlp.Generator(4, 8)
    inner = [GAN(generator, mlp.Discriminator(8), non_saturating) for _ in range(4)]
    game = Several([Several(inner[:2]), Several(inner[2:])])
    assert len({player.name for player in game.players}) == len(game.players) == 5
    assert len(terms_of(game)) == 4
    total = sum(term.mean() for term in terms_of(game).values())
    torch.testing.assert_close(total, sum(term.mean() for term in terms_of(Several(inner)).values()))
