import pytest
import torch
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.games import GAN, HistoricalAveraging, Unrolled
from gancourse.models import mlp
from gancourse.objectives import non_saturating
from gancourse.rng import Noise, initialised_from


def inner():
    with initialised_from(0):
        return GAN(mlp.Generator(4, 8), mlp.Discriminator(8), non_saturating)


def batch(n=6):
    return Batch(torch.randn(n, 2, generator=torch.Generator().manual_seed(0)))


def noise(n=6):
    return Noise((0, "history"), n)


def weights(network):
    return torch.cat([w.detach().flatten() for w in network.parameters()])


def move(network, seed):
    with torch.no_grad():
        for w in network.parameters():
            w += torch.randn(w.shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("index", [0, 1])
def test_the_term_is_the_squared_distance_from_the_mean_of_all_weights_so_far(index):
    player = HistoricalAveraging(inner(), 3.0).players[index]
    seen = []
    for seed in range(4):
        move(player.network, seed)
        seen.append(weights(player.network))
        got = player.terms(batch(), noise())["historical_averaging"]
        expected = 3 * (seen[-1] - torch.stack(seen).mean(0)).square().sum()
        assert_close(got.detach(), expected.expand(6), rtol=1e-4, atol=1e-5)


def test_its_gradient_is_twice_the_distance_the_mean_being_a_constant():
    player = HistoricalAveraging(inner(), 1.0).players[0]
    first = weights(player.network)
    player.terms(batch(), noise())
    move(player.network, 0)
    term = player.terms(batch(), noise())["historical_averaging"].mean()
    slope = torch.cat([s.flatten() for s in torch.autograd.grad(term, list(player.network.parameters()))])
    # Half way between the only two positions there have been: 2 · (now − mean) = now − first.
    assert_close(slope, weights(player.network) - first)


def test_at_the_first_update_it_is_zero():
    player = HistoricalAveraging(inner(), 5.0).players[0]
    assert_close(player.terms(batch(), noise())["historical_averaging"].detach(), torch.zeros(6))


def test_out_of_training_mode_the_memory_stands_still_and_an_empty_one_asks_nothing():
    player = HistoricalAveraging(inner(), 5.0).players[0]
    player.memory.eval()
    assert_close(player.terms(batch(), noise())["historical_averaging"].detach(), torch.zeros(6))
    assert player.memory.count == 0


def test_imagined_updates_of_an_unrolled_game_are_not_remembered():
    game = Unrolled(HistoricalAveraging(inner(), 1.0), 3, 0.1)
    discriminator, generator = game.players
    generator.terms(batch(), noise())
    assert discriminator.memory.count == 0
    assert discriminator.memory.training
    assert generator.memory.count == 1


def test_a_memory_that_was_there_is_kept_beside_it():
    first = HistoricalAveraging(inner(), 1.0)
    second = HistoricalAveraging(first, 1.0)
    assert second.players[0].memory[0] is first.players[0].memory
    assert len(second.players[0].memory) == 2


def test_a_weight_of_zero_gives_the_inner_game():
    game = inner()
    assert HistoricalAveraging(game, 0.0).players == game.players


def test_an_impossible_weight_is_refused():
    with pytest.raises(ValueError, match="the weight of historical averaging is nan"):
        HistoricalAveraging(inner(), float("nan"))
