"""A tiny pair that grows: its level is a function of the step, fades in, is averaged, and needs no state to resume."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.functional import avg_pool1d, interpolate
from torch.testing import assert_close

from gancourse.batch import Batch
from gancourse.games import GAN, Consensus, Growing, OneForward, Unrolled
from gancourse.objectives import non_saturating
from gancourse.rng import Noise, initialised_from
from gancourse.theory import fields
from gancourse.training import CheckpointError, Trainer, adam, load_checkpoint, save_checkpoint

N_LEVELS, SIZE = 3, 8  # 2, 4 and then 8 numbers a sample


class Levels(nn.Module):
    """Layers of all levels; level + 1 of them count, the last one by a fraction."""

    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.register_buffer("level", torch.zeros(()))

    def share(self, i):
        """How much the i-th level counts."""
        return (self.level - i + 1).clamp(0, 1)


class Grower(Levels):
    """Doubles the resolution at each level; the new one fades in over the old one's upsampling."""

    latent_size = 4

    def __init__(self):
        super().__init__([nn.Linear(4, 2), nn.Linear(2, 4), nn.Linear(4, SIZE)])

    def forward(self, z):
        x = self.layers[0](z)
        for i, layer in enumerate(self.layers[1:], 1):
            coarse = interpolate(x[:, None], scale_factor=2)[:, 0]
            x = coarse + self.share(i) * (layer(x.tanh()) - coarse)
        return x


class Judge(Levels):
    """Halves the resolution at each level; of a level that doesn't count, only the mean goes through."""

    def __init__(self):
        super().__init__([nn.Linear(2, 1), nn.Linear(4, 2), nn.Linear(SIZE, 4)])

    def forward(self, x):
        for i in (2, 1):
            coarse = avg_pool1d(x[:, None], 2)[:, 0]
            x = coarse + self.share(i) * (self.layers[i](x).tanh() - coarse)
        return self.layers[0](x)[:, 0]


def steps_up(step):
    """Three steps at each level, and two in which the next one fades in."""
    whole, rest = divmod(step, 5)
    return min(whole + max(rest - 2, 0) / 3, N_LEVELS - 1)


def waves(noise):
    return Batch(torch.linspace(0, 3, SIZE).sin() + 0.1 * noise.normal("x", SIZE))


def game(level=steps_up, n_critic=1):
    with initialised_from(0):
        return Growing(GAN(Grower(), Judge(), non_saturating, n_critic=n_critic), level)


def trainer(**options):
    return Trainer(game(**options), waves, batch_size=8, optimiser=adam(0.01), averages={"generator": 0.02})


def state(played):
    networks = [*(p.network for p in played.game.players), played.averages["generator"].network]
    return [value.clone() for network in networks for value in network.state_dict().values()]


def test_the_level_rises_with_the_step_and_is_the_same_for_both_and_the_average():
    played, levels = trainer(), []
    for _ in played.steps(12):
        networks = (*(p.network for p in played.game.players), played.averages["generator"].network)
        assert len({network.level.item() for network in networks}) == 1
        levels.append(networks[0].level.item())
    third = 1 / 3
    expected = [0, 0, 0, third, 2 * third, 1, 1, 1, 1 + third, 1 + 2 * third, 2, 2]
    assert levels == pytest.approx(expected)


def test_all_updates_of_a_step_have_one_level():
    played, levels = trainer(level=lambda step: float(step), n_critic=3), []
    for _ in range(8):
        played.update()
        levels.append([network.level.item() for network in (played.game.generator, played.game.discriminator)])
    assert levels == [[0, 0]] * 4 + [[1, 1]] * 4


def changed(before, after):
    """Levels whose weights differ."""
    pairs = zip(before.layers, after.layers, strict=True)
    return {i for i, (a, b) in enumerate(pairs) if not torch.equal(a.weight, b.weight)}


def test_each_level_s_weights_are_trained_from_its_start_on():
    played = trainer()
    before = copy.deepcopy([p.network for p in played.game.players])
    moved = [
        [changed(was, player.network) for was, player in zip(before, played.game.players, strict=True)]
        for _ in played.steps(12)
    ]
    assert moved[2] == [{0}, {0}]
    assert moved[7] == [{0, 1}, {0, 1}]
    assert moved[-1] == [{0, 1, 2}, {0, 1, 2}]


def test_a_level_that_fades_in_starts_without_a_jump():
    network, z = game().generator, torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    outputs = []
    for level in (0.0, 1e-4, 0.5, 1.0):
        network.level.fill_(level)
        outputs.append(network(z))
    assert_close(outputs[1], outputs[0], rtol=0, atol=1e-3)
    assert_close(outputs[2], (outputs[0] + outputs[3]) / 2)


@pytest.mark.parametrize("stop", [5, 9, 17])
def test_a_growing_training_resumes_bit_equal_within_a_level_a_fade_and_a_step(stop, tmp_path):
    whole, first, second = trainer(), trainer(), trainer()
    for _ in whole.until(12):
        pass
    for _ in range(stop):
        first.update()
    save_checkpoint(tmp_path / "c.safetensors", first)
    load_checkpoint(tmp_path / "c.safetensors", second)
    for _ in second.until(12):
        pass
    assert all(torch.equal(a, b) for a, b in zip(state(whole), state(second), strict=True))


def test_a_checkpoint_knows_that_its_game_grew(tmp_path):
    save_checkpoint(tmp_path / "c.safetensors", trainer())
    flat = Trainer(game().inner, waves, batch_size=8, averages={"generator": 0.02})
    with pytest.raises(CheckpointError, match="growing=True, not False"):
        load_checkpoint(tmp_path / "c.safetensors", flat)


def test_kept_samples_survive_the_next_level():
    """A graph holds the level of the update before: written in place, it could not be differentiated any more."""
    inner = game().inner
    played = Trainer(Growing(OneForward(inner), lambda step: step / 4), waves, batch_size=8)
    for _ in played.steps(3):
        pass
    assert played.game.generator.level == 0.5


def test_fields_and_imagined_steps_are_taken_at_the_level_of_the_noise_and_leave_the_network_s():
    noise = Noise((0, "growing"), 4, update=7)
    found, fixed = (fields.game_field(game(level), waves(noise), noise) for level in (steps_up, lambda step: 1.0))
    assert steps_up(7) == 1.0
    here = fields.weights(game())
    assert_close(found(here), fixed(here))
    played = game()
    fields.game_field(played, waves(noise), noise)(here)
    Consensus(played, 1.0).energy(waves(noise), noise)
    Unrolled(played, 2, 0.1)
    assert played.generator.level == played.discriminator.level == 0


def test_what_can_t_grow_is_refused():
    with pytest.raises(ValueError, match="the game is a Growing already"):
        Growing(game(), steps_up)
    bare = GAN(Grower(), nn.Linear(SIZE, 1), non_saturating)
    with pytest.raises(ValueError, match="the discriminator has no buffer named 'level'"):
        Growing(bare, steps_up)
    wide = Grower()
    wide.level = torch.zeros(2)
    with pytest.raises(ValueError, match=r"levels of shape \[\(2,\)\]; expected buffers of one number"):
        Growing(GAN(wide, Judge(), non_saturating), steps_up)
    with pytest.raises(ValueError, match="the level at step 0 is -1; expected a finite number ≥ 0"):
        Trainer(game(lambda step: -1), waves, batch_size=4).update()
