"""Trainings that continue from the checkpoint of another one."""

import pytest
import torch

from gancourse.recipes import Arithmetic, branch, build, recipe
from gancourse.recipes.terms import OffDiagonal, Orthogonality
from gancourse.training import CheckpointError, save_checkpoint

TINY = recipe("biggan-faces").changed(width=2, latent_size=4, embedding_size=4, batch_size=4, steps=6)
CUT = 4


def state(built):
    trainer = built.trainer
    networks = {name: player.network for name, player in trainer.players.items()}
    networks |= {f"average of {name}": average.network for name, average in trainer.averages.items()}
    return {f"{name}.{k}": v.clone() for name, network in networks.items() for k, v in network.state_dict().items()}


def equal(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)


def trained(built, steps):
    for _ in built.trainer.until(steps):
        pass
    return state(built)


@pytest.fixture
def checkpoint(tmp_path):
    base = build(TINY)
    trained(base, CUT)
    save_checkpoint(tmp_path / "base.safetensors", base.trainer)
    return tmp_path / "base.safetensors"


def test_a_branch_without_a_change_has_the_bits_of_the_whole_training(checkpoint):
    branched = branch(checkpoint, TINY)
    assert branched.trainer.step == CUT
    assert equal(trained(branched, 6), trained(build(TINY), 6))


def test_branches_start_equal_and_their_terms_set_them_apart(checkpoint):
    recipes = [TINY.changed(terms=terms) for terms in ((), (OffDiagonal(0.1),), (Orthogonality(0.1),))]
    branches = [branch(checkpoint, each) for each in recipes]
    starts = [state(each) for each in branches]
    assert all(equal(start, starts[0]) for start in starts)
    ends = [trained(each, 6) for each in branches]
    assert not any(equal(ends[a], ends[b]) for a, b in ((0, 1), (0, 2), (1, 2)))


def test_rates_batch_and_seed_may_be_others(checkpoint):
    plain = trained(branch(checkpoint, TINY), 5)
    for change in ({"learning_rate": 1e-3}, {"batch_size": 8}, {"seed": 1}, {"objective": "non-saturating"}):
        branched = branch(checkpoint, TINY.changed(**change))
        assert not equal(trained(branched, 5), plain), change
        assert branched.trainer.step == 5


def test_a_branch_may_compute_faster(checkpoint):
    branched = branch(checkpoint, TINY, arithmetic=Arithmetic(fast=True))
    trained(branched, 5)
    assert branched.techniques


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_critic": 1}, "which don't end a step of .*; pass a checkpoint of a whole step of the same players"),
        ({"width": 3}, "was saved by another game"),
        ({"average_kimg": 0.0}, "was saved by another game: average/generator"),
    ],
)
def test_other_players_networks_or_averages_are_refused(checkpoint, change, message):
    with pytest.raises(CheckpointError, match=message):
        branch(checkpoint, TINY.changed(**change))


def test_a_checkpoint_within_a_step_is_refused(tmp_path):
    base = build(TINY)
    base.trainer.update()
    save_checkpoint(tmp_path / "base.safetensors", base.trainer)
    with pytest.raises(CheckpointError, match="was saved after 1 turns"):
        branch(tmp_path / "base.safetensors", TINY)
    with pytest.raises(FileNotFoundError):
        branch(tmp_path / "none.safetensors", TINY)
