"""Both sides of the comparison of modulated convolutions are one function."""

import pytest
import torch
from torch.testing import assert_close

from benchmarks import modulation
from benchmarks.modulation import GroupedLayer, as_grouped
from gancourse.games.game import latents_of
from gancourse.models import StyleGAN2
from gancourse.recipes import Arithmetic, build
from gancourse.rng import Noise, initialised_from
from gancourse.signature import Signature

SMALL = modulation.compared().changed(widths=(8, 6, 4, 4), latent_size=8, batch_size=4)


def losses(is_grouped, is_fast):
    """Of three steps."""
    trainer = build(SMALL, arithmetic=Arithmetic(fast=is_fast)).trainer
    if is_grouped:
        as_grouped(trainer.players["generator"].network)
    return [step.losses for step in trainer.steps(3)]


@pytest.mark.parametrize("is_fast", [False, True])
def test_both_sides_have_the_same_losses(is_fast):
    for ours, theirs in zip(losses(False, is_fast), losses(True, is_fast), strict=True):
        for player, terms in ours.items():
            assert theirs[player] == pytest.approx(
                terms, rel=5e-3
            )  # rounding decides the direction of Adam's first steps


def test_both_sides_have_the_same_images_and_gradients_in_double_precision():
    with initialised_from(0):
        generator = StyleGAN2(5, (6, 4, 4)).generator(Signature((3, 16, 16))).double()
        torch.nn.init.constant_(generator.layers[1].noise_scale, 0.3)
    z = latents_of(generator, Noise((0,), 4)).double()
    target = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    results = []
    for make in (lambda network: network, as_grouped):
        make(generator.eval())
        images = generator(z)
        gradients = torch.autograd.grad((images * target).sum(), list(generator.parameters()))
        results.append([images, *gradients])
    for ours, theirs in zip(*results, strict=True):
        assert_close(theirs, ours, rtol=1e-9, atol=1e-9)


def test_the_grouped_side_is_grouped_and_each_side_makes_steps(monkeypatch):
    monkeypatch.setattr(modulation, "compared", lambda: SMALL)
    for side, (is_grouped, _) in modulation.SIDES.items():
        trainer = modulation.trainer(side, "32-true", 4)
        generator = trainer.players["generator"].network
        assert any(isinstance(module, GroupedLayer) for module in generator.modules()) == is_grouped
        next(trainer.steps(1))
