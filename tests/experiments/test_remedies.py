"""The table of remedies: same data, same budget, one change a row."""

import pytest
import torch
from torch import nn

from gancourse import data
from gancourse.experiments import remedies
from gancourse.experiments.remedies import REMEDIES, judge, mixture
from gancourse.recipes import build
from gancourse.rng import Noise


def tiny(name, target="ring", **changes):
    return remedies.trial(name, target, **{"width": 8, "depth": 1, "steps": 2, "batch_size": 16} | changes)


def trainer_of(trial):
    return build(trial.recipe, arithmetic=trial.arithmetic).trainer


@pytest.mark.parametrize("name", REMEDIES)
def test_every_remedy_plays_and_changes_every_player(name):
    trainer = trainer_of(tiny(name))
    before = {n: [w.detach().clone() for w in p.network.parameters()] for n, p in trainer.players.items()}
    for _ in trainer.steps(2):
        pass
    for player, weights in before.items():
        assert any(
            not torch.equal(a, b) for a, b in zip(weights, trainer.players[player].network.parameters(), strict=True)
        )


@pytest.mark.parametrize("name", [name for name in REMEDIES if name != "GAN"])
def test_a_remedy_changes_what_the_plain_gan_does(name):
    def weights(which):
        trainer = trainer_of(tiny(which, batch_size=64))
        for _ in trainer.steps(2):
            pass
        return torch.cat([w.detach().flatten() for w in trainer.players["generator"].network.parameters()])

    plain, changed = weights("GAN"), weights(name)
    assert plain.shape != changed.shape or not torch.equal(plain, changed)


@pytest.mark.parametrize(("target", "exact"), [("ring", data.ring(8, 1.0, 0.01)), ("grid", data.grid(5, 2.0, 0.05))])
def test_the_mixtures_are_the_papers_in_other_units(target, exact):
    ours = mixture(target)
    scale = (exact.means.norm(dim=1).max() / ours.means.norm(dim=1).max()).item()
    torch.testing.assert_close(ours.means * scale, exact.means)
    assert ours.std * scale == pytest.approx(exact.std)
    assert ours.means.square().mean().item() == pytest.approx(1.0)


class Copy(nn.Module):
    """A generator that turns latents into samples of the mixture, of some modes only."""

    latent_size = 3

    def __init__(self, target, n_modes):
        super().__init__()
        self.exact, self.n_modes = mixture(target), n_modes
        self.anything = nn.Parameter(torch.zeros(1))

    def forward(self, z):
        mode = (torch.special.ndtr(z[:, 0]) * self.n_modes).long().clamp(max=self.n_modes - 1)
        return self.exact.means[mode] + self.exact.std * z[:, 1:]


@pytest.mark.parametrize(("target", "n_modes"), [("ring", 8), ("grid", 25)])
def test_a_perfect_generator_is_judged_perfect_and_a_collapsed_one_isn_t(target, n_modes):
    perfect = judge(Copy(target, n_modes), target, 2500)
    assert perfect["modes"] == n_modes
    # 0.989 of the mixture itself lies within 3σ; the standard error of 2,500 samples is 0.002.
    assert perfect["share within 3σ"] == pytest.approx(0.989, abs=0.01)
    assert perfect["reverse KL"] < 0.02
    assert (perfect["alarm"], perfect["lost"], perfect["truly lost"]) == (0, 0.0, 0.0)
    half = judge(Copy(target, n_modes // 2), target, 2500)
    assert half["modes"] == n_modes // 2
    assert half["alarm"] == 1
    assert half["lost"] == pytest.approx(1 - (n_modes // 2) / n_modes, abs=0.05)
    assert half["truly lost"] == pytest.approx(1 - (n_modes // 2) / n_modes)


def test_a_row_depends_on_its_seed_alone():
    first, again = (remedies.play("GAN", tiny("GAN"), 200)["metrics"] for _ in range(2))
    assert first == again
    assert remedies.play("GAN", tiny("GAN", seed=1), 200)["metrics"] != first


def test_tables_hold_ten_seeds_and_the_same_rows_for_both_targets():
    ring, grid = remedies.ring_remedies, remedies.grid_remedies
    assert list(ring.methods) == list(grid.methods)
    assert len(ring.seeds) == len(grid.seeds) == 10
    small = [m for name, m in ring.methods.items() if "larger" not in name]
    sizes = {(m.recipe.play.family.width, m.recipe.play.family.depth) for m in small}
    assert sizes == {(remedies.HIDDEN, 2)}
    assert len({m.recipe.training for m in small}) == len({m.arithmetic for m in small}) == 1


def test_only_the_generator_of_two_time_scales_is_slowed():
    rates = {n: o.param_groups[0]["lr"] for n, o in trainer_of(tiny("two time scales")).optimisers.items()}
    assert rates["generator"] == rates["discriminator"] / 4
    rates = {o.param_groups[0]["lr"] for o in trainer_of(tiny("GAN")).optimisers.values()}
    assert len(rates) == 1


def test_networks_start_from_the_seed_alone():
    noise = Noise((0,), 4).normal("z", remedies.LATENT_SIZE)
    a, b, c = (trainer_of(tiny("GAN", seed=s)).players["generator"].network(noise) for s in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_an_averaged_generator_is_judged_in_place_of_the_last_one():
    last, averaged = (remedies.play("GAN", tiny("GAN", steps=4, average_kimg=k), 200)["metrics"] for k in (0.0, 0.1))
    assert last != averaged
