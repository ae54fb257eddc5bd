"""`gancourse train`: what it prints and writes, and that what can't be trained costs one line."""

import dataclasses
import json
import re

import pytest
import torch

from gancourse import cli, data, recipes, zoo
from gancourse.data.catalogue import data_sets
from gancourse.games import LabelFlippingRemedy, PackingRemedy
from gancourse.recipes.terms import R1, Orthogonality
from gancourse.training import read_tensors
from gancourse.values import options


def exchange(monkeypatch, name, source):
    """Have a name of the catalogue stand for another source."""
    monkeypatch.setitem(data_sets, name, data_sets[name]._replace(load=lambda request: source))


def test_train_prints_progress_with_rate_and_remaining_time(tmp_path, capsys, ring):
    cli.main([*ring, "--out", str(tmp_path / "a")])
    said = capsys.readouterr().out
    assert re.search(r"ring: step 20/20, [\d.]+ steps/s, 0 s left, discriminator [\d.]+, generator [\d.]+", said)
    assert "gancourse evaluate" in said
    logged = [json.loads(line) for line in (tmp_path / "a/log.jsonl").read_text().splitlines()]
    assert logged[-1]["step"] == 20


def test_progress_tells_how_much_of_the_data_the_generator_has_lost(tmp_path, capsys, ring):
    cli.main([*ring, "--out", str(tmp_path / "a")])  # 20 tiny steps: all samples still lie in one heap
    assert re.search(r"\d/8 cells reached, COLLAPSE: \d+% of the data lost", capsys.readouterr().out)


def test_every_field_of_a_recipe_is_an_option(tmp_path, ring):
    cli.main([*ring, "--objective", "hinge", "--terms", "--seed", "3", "--out", str(tmp_path / "a")])
    recipe = recipes.read_recipe(tmp_path / "a")
    assert recipe == recipes.recipe("ring").changed(
        steps=20, batch_size=8, width=8, objective="hinge", terms=(), seed=3
    )
    assert (recipe.play.objective, recipe.play.terms, recipe.seed, recipe.play.family.width) == ("hinge", (), 3, 8)


def test_a_folder_that_holds_a_run_is_not_overwritten(run, ring, fails):
    before = (run / "checkpoint.safetensors").read_bytes()
    assert "holds a run already" in fails(*ring, "--out", run)
    assert (run / "checkpoint.safetensors").read_bytes() == before


def test_what_does_not_fit_into_memory_costs_one_line(capsys, tmp_path):
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", "ring", "--batch-size", str(10**13), "--out", str(tmp_path / "run")])
    said = capsys.readouterr().err
    assert (stop.value.code, said.count("\n")) == (1, 1)
    assert "there isn't enough memory; pass a smaller batch size" in said


def test_an_unwritable_folder_is_named(tmp_path, ring, fails):
    (tmp_path / "file").write_text("")
    assert "file" in fails(*ring, "--out", tmp_path / "file" / "run")
    assert "--out" in fails(*ring, "--out", "/proc/nowhere")


def test_an_absent_data_set_says_how_to_get_it(tmp_path, monkeypatch, fails):
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path / "none"))
    said = fails("train", "dcgan-digits", "--out", tmp_path / "run")
    assert "--download" in said
    assert "GANCOURSE_DATA" in said
    assert not (tmp_path / "run").exists()


def test_data_that_is_not_finite_names_term_and_step(tmp_path, monkeypatch, ring, fails):
    exchange(monkeypatch, "ring", data.Mixture(torch.full((2, 2), float("nan")), 0.1))
    said = fails(*ring, "--out", tmp_path / "run")
    assert "discriminator's term 'adversarial' is nan at step 0" in said
    read_tensors(tmp_path / "run/checkpoint.safetensors")


def test_images_of_another_shape_are_told_what_was_expected(tmp_path, monkeypatch, fails):
    wrong = data.Images(torch.zeros(4, 1, 32, 28, dtype=torch.uint8), torch.zeros(4).long(), "0123456789")
    exchange(monkeypatch, "digits", wrong)
    said = fails("train", "dcgan-digits", "--no-full", "--batch-size", "2", "--out", tmp_path / "run")
    assert "DCGAN makes square images, not 32 × 28 images of 1 channel; take another recipe or other data" in said
    assert not (tmp_path / "run").exists()


def test_a_classifier_has_as_many_classes_as_its_data(tmp_path, monkeypatch):
    eleven = data.Images(torch.zeros(4, 1, 28, 28, dtype=torch.uint8), torch.full((4,), 10), [*map(str, range(11))])
    exchange(monkeypatch, "digits", eleven)
    folder = tmp_path / "run"
    cli.main(["train", "digits-classifier", "--no-full", "--batch-size", "2", "--steps", "1", "--out", str(folder)])
    assert read_tensors(folder / "checkpoint.safetensors")[0]["network/classifier/head.1.bias"].shape == (11,)


class Mislabelled(data.Images):
    """Digits with a label that their signature knows nothing of."""

    def __call__(self, noise):
        return super().__call__(noise)._replace(y=torch.full((noise.n,), 10))

    def to(self, device):
        return self


class Unlabelled(Mislabelled):
    """Digits whose signature says nothing of labels."""

    @property
    def signature(self):
        return dataclasses.replace(super().signature, condition=None)


def test_labels_that_the_classifier_doesn_t_know_are_told(tmp_path, monkeypatch, fails):
    digits = data.load("digits")
    exchange(monkeypatch, "digits", Mislabelled(digits.images, digits.labels, digits.classes))
    said = fails("train", "digits-classifier", "--no-full", "--batch-size", "2", "--out", tmp_path / "run")
    assert "the classifier knows 10 classes; pass n_classes=11" in said


def test_a_classifier_of_data_without_classes_is_refused(tmp_path, monkeypatch, fails):
    digits = data.load("digits")
    exchange(monkeypatch, "digits", Unlabelled(digits.images, digits.labels, digits.classes))
    said = fails("train", "digits-classifier", "--no-full", "--out", tmp_path / "run")
    assert "the data has no labels; a classifier needs them" in said


@pytest.mark.parametrize("name", sorted(recipes.recipes))
def test_help_names_every_option_and_every_term(name, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", name, "--help"])
    said = capsys.readouterr().out
    assert not stop.value.code
    for option in [*options(recipes.recipe(name)), *options(recipes.REFERENCE), "out", "devices", "watch"]:
        assert f"--{option}" in said
    if "--terms" in said:
        assert "Known are drift, gradient-penalty, off-diagonal" in " ".join(said.split()).replace("│ │ ", "")


def test_a_run_says_what_the_command_said(tmp_path):
    """Terms and remedies with settings of their own, and back to none."""
    words = "--terms r1:weight=0.5,every=2 orthogonality --remedies packing label-flipping:share=0.1 --n-critic 2"
    cli.main(["train", "ring", "--steps", "2", "--batch-size", "8", "--out", str(tmp_path / "a"), *words.split()])
    recipe = recipes.read_recipe(tmp_path / "a")
    assert recipe.play.terms == (R1(0.5, 2), Orthogonality())
    assert recipe.play.remedies == (PackingRemedy(), LabelFlippingRemedy(0.1))
    assert words in zoo.command_of(recipe)
