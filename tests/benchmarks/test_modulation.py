"""Both sides of the comparison of modulated convolutions are one function."""

import pytest
from torch.testing import assert_close

from benchmarks import modulation
from benchmarks.modulation import GroupedLayer, as_grouped
from gancourse.recipes import Arithmetic, build, recipe

SMALL = recipe("stylegan2-faces").changed(widths=(8, 6, 4, 4), latent_size=8, batch_size=4)


def states(is_grouped, is_fast, n_steps=3):
    trainer = build(SMALL, arithmetic=Arithmetic(fast=is_fast)).trainer
    if is_grouped:
        as_grouped(trainer.players["generator"].network)
    for _ in trainer.steps(n_steps):
        pass
    return {n: w for p in trainer.players.values() for n, w in p.network.state_dict().items()}


@pytest.mark.parametrize("is_fast", [False, True])
def test_three_steps_of_both_sides_give_the_same_weights(is_fast):
    ours, theirs = states(False, is_fast), states(True, is_fast)
    assert ours.keys() == theirs.keys()
    for name, weight in ours.items():
        # Adam's first steps divide a gradient by its size, so that rounding decides where it is nearly zero.
        assert_close(theirs[name], weight, rtol=1e-3, atol=2e-3, msg=lambda m, name=name: f"{name}: {m}")


def test_the_grouped_side_is_grouped_and_each_side_makes_steps(monkeypatch):
    monkeypatch.setattr(modulation, "recipe", lambda name: SMALL)
    for side, (is_grouped, _) in modulation.SIDES.items():
        trainer = modulation.trainer(side, "32-true", 4)
        generator = trainer.players["generator"].network
        assert any(isinstance(module, GroupedLayer) for module in generator.modules()) == is_grouped
        next(trainer.steps(1))
