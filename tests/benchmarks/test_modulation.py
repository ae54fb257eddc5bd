"""Both sides of the comparison of modulated convolutions are one function."""

import pytest
import torch
from torch.testing import assert_close

from benchmarks import machine, modulation, tables, techniques, textbook_modulation
from benchmarks.textbook_modulation import GroupedLayer, as_grouped
from gancourse.games.game import latents_of
from gancourse.models import StyleGAN2
from gancourse.recipes import Arithmetic, build
from gancourse.rng import Noise, initialised_from
from gancourse.signature import Signature

SMALL = textbook_modulation.compared().changed(widths=(8, 6, 4, 4), latent_size=8, batch_size=4)


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
    monkeypatch.setattr(textbook_modulation, "compared", lambda: SMALL)
    for side, (is_grouped, _) in modulation.SIDES.items():
        trainer = modulation.trainer(side, "32-true", 4)
        generator = trainer.players["generator"].network
        assert any(isinstance(module, GroupedLayer) for module in generator.modules()) == is_grouped
        next(trainer.steps(1))


# What each technique is worth


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(textbook_modulation, "compared", lambda: SMALL)


def weights(trainer, n=3):
    """All weights after some steps."""
    for _ in trainer.steps(n):
        pass
    return [w for player in trainer.players.values() for w in player.network.state_dict().values()]


def test_without_techniques_it_is_the_textbook_s_trainer_and_with_all_the_fast_one_to_the_bit(small):
    plain, fast = (build(SMALL, arithmetic=Arithmetic(fast=is_fast)).trainer for is_fast in (False, True))
    as_grouped(plain.players["generator"].network)
    every = set(techniques.TECHNIQUES) - {techniques.JOINT, techniques.BF16}  # which --fast leaves out here
    for ours, theirs in ((techniques.with_techniques((), 4), plain), (techniques.with_techniques(every, 4), fast)):
        assert all(map(torch.equal, weights(ours), weights(theirs)))


@pytest.mark.parametrize("comparison", ["alone", "last"])
@pytest.mark.parametrize("technique", techniques.here())
def test_the_two_of_a_pair_make_the_same_steps_by_other_means(small, technique, comparison):
    control, variant = techniques.pair_of(technique, comparison, 4)
    first = [next(trainer.steps(1)).losses for trainer in (control, variant)]
    rounding = 0.1 if technique == techniques.BF16 or comparison == "last" else 5e-3
    if technique == "one generator forward":  # the generator's update has other samples
        assert first[1]["discriminator"] == pytest.approx(first[0]["discriminator"], rel=rounding)
        return
    for player, terms in first[0].items():
        assert first[1][player] == pytest.approx(terms, rel=rounding)


def differences(technique, comparison):
    """What two trainers of a pair differ in."""

    def looks(trainer):
        generator, discriminator = (trainer.players[name].network for name in ("generator", "discriminator"))
        adam, settings = trainer.optimisers["generator"], getattr(trainer.game, "settings", {})
        return {
            techniques.SCALED: not any(isinstance(module, GroupedLayer) for module in generator.modules()),
            "channels last": trainer.channels_last,
            "folding": any("Folded" in type(module).__name__ for module in discriminator.modules()),
            "fused Adam": bool(adam.defaults["fused"]),
            techniques.JOINT: "one_batch" in settings,
            "one generator forward": "one_forward" in settings,
            techniques.BF16: trainer.precision == "bf16-mixed",
            "compares": any(type(m).__name__ == "MinibatchStd" for m in discriminator.modules()),
        }

    control, variant = map(looks, techniques.pair_of(technique, comparison, 4))
    return {name for name in control if control[name] != variant[name]}


@pytest.mark.parametrize("comparison", ["alone", "last"])
@pytest.mark.parametrize("technique", techniques.here())
def test_a_pair_differs_by_its_technique_and_nothing_else(small, technique, comparison):
    assert differences(technique, comparison) == {technique}


def test_the_command_prints_a_line_for_each_technique_and_keeps_the_rows(small, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(modulation, "RESULTS", tmp_path / "rows.jsonl")
    monkeypatch.setattr(modulation.memory, "keep", lambda: True)  # for the whole process
    modulation.main(["alone", "--rounds", "1", "--steps", "1", "--batch-size", "4", "--keep"])
    rows = machine.rows(tmp_path / "rows.jsonl")
    assert [row["technique"] for row in rows] == techniques.here()
    said = capsys.readouterr().out
    for row in rows:
        assert set(row["parts"]) == {"discriminator", "generator", "step"}
        parts = {name: part["technique"] for name, part in row["parts"].items()}
        assert parts["step"] == pytest.approx(parts["discriminator"] + parts["generator"])
        assert f"  {row['technique']}" in said


def test_an_unknown_comparison_or_technique_is_refused(small, capsys):
    with pytest.raises(SystemExit):
        modulation.main(["together"])
    assert "together: expected some of sides, alone, last" in capsys.readouterr().err
    with pytest.raises(ValueError, match="magic: expected some of scaled form, channels last"):
        techniques.with_techniques(["magic"], 4)


def test_the_page_has_a_section_as_soon_as_there_are_rows_of_every_comparison(monkeypatch, tmp_path):
    monkeypatch.setattr(modulation, "RESULTS", tmp_path / "rows.jsonl")
    assert tables.modulation_section() == ""
    side = {"seconds": 0.5, "ratio": 2.0, "quartiles": [1.9, 2.1]}
    machine.append(modulation.RESULTS, {"precision": "32-true", "sides": dict.fromkeys(modulation.SIDES, side)})
    part = {"control": 0.3, "technique": 0.2, "ratio": 1.5, "quartiles": [1.4, 1.6]}
    parts = {"discriminator": part, "generator": part | {"ratio": 1.25}, "step": part}
    for comparison in ("alone", "last"):
        assert tables.modulation_section() == ""
        row = {"technique": "folding", "comparison": comparison, "parts": parts}
        machine.append(modulation.RESULTS, row)
    section = tables.modulation_section()
    assert "| scaled, fast (32-true) | 500 | 2.00 | 1.90 to 2.10 |" in section
    assert f"| folding{' | 1.50 | 1.40 to 1.60 | 1.25 | 1.50' * 2} |" in section
