"""The experiment "gan-vs-diffusion": equal weights, equal seconds, and what its rows hold."""

import dataclasses

import pytest
import torch
from torch.testing import assert_close

from gancourse import experiments
from gancourse.diffusion import clipped, ddim, of_network
from gancourse.experiments import gan_vs_diffusion, one_step_students
from gancourse.games.students import OneStep
from gancourse.recipes import build
from gancourse.rng import Noise

METHODS = gan_vs_diffusion.methods
SETS = {method.partition(":")[0] for method in METHODS}


def hurried(method, at_seconds=(0.01, 0.02)):
    contest = METHODS[method]
    return dataclasses.replace(contest, trial=dataclasses.replace(contest.trial, at_seconds=at_seconds))


@pytest.mark.parametrize("name", sorted(SETS))
def test_models_of_a_set_have_equally_many_weights_and_seconds(name):
    contests = [contest for method, contest in METHODS.items() if method.startswith(f"{name}:")]
    sizes = [
        sum(w.numel() for player in build(c.trial.recipe).trainer.players.values() for w in player.network.parameters())
        for c in contests
    ]
    assert max(sizes) < 1.05 * min(sizes)
    assert len({contest.trial.at_seconds for contest in contests}) == 1
    assert {contest.trial.recipe.data.name for contest in contests} == {name}


@pytest.mark.parametrize("method", METHODS)
def test_nothing_depends_on_a_length_that_seconds_decide(method):
    assert METHODS[method].trial.recipe.training.decay == "constant"


def test_seeds_are_as_many_as_the_set_is_cheap():
    runs = gan_vs_diffusion.table.runs
    counts = {method: sum(own == method for own, _ in runs) for method in METHODS}
    for method, n in counts.items():
        assert METHODS[method].in_steps == ("DDPM" in method or "flow" in method)
        assert n == (2 if method in ("faces: DDPM", "faces: flow") else 5 if method[:4] in ("ring", "grid") else 3)
    assert len(runs) == sum(counts.values())


@pytest.mark.parametrize("method", ["ring: textbook GAN", "ring: denoising GAN", "ring: DDPM", "ring: flow"])
def test_a_row_of_points_holds_modes_on_the_way_and_by_evaluations(method):
    row = gan_vs_diffusion.play(method, hurried(method), 100)
    assert [entry["due"] for entry in row["trace"]] == ["seconds"] * 2
    assert row["trace"][0]["steps"] <= row["trace"][1]["steps"] == row["steps"]
    assert {"modes", "share within 3σ", "reverse KL", "width", "milliseconds a sample"} == row["metrics"].keys()
    if method in ("ring: DDPM", "ring: flow"):
        assert [entry["evaluations"] for entry in row["by_evaluations"]] == list(gan_vs_diffusion.EVALUATIONS)
        assert row["by_evaluations"][3]["width"] == row["metrics"]["width"]
    else:
        assert "by_evaluations" not in row
    assert ("student" in row) == (method == "ring: flow")


@pytest.mark.parametrize(("method", "player"), [("grid: flow", "generator"), ("grid: flow, consistency", "student")])
def test_a_student_is_trained_as_often_as_its_teacher_and_has_its_size(method, player):
    row = gan_vs_diffusion.play(method, hurried(method), 100)
    assert len(row["student"]["trace"]) == 2
    assert row["student"]["weights"][player] == row["weights"]["denoiser"]
    assert row["student"]["trace"][0].keys() == {"steps", "seconds"} | row["metrics"].keys()


@pytest.fixture
def few_pairs(monkeypatch):
    monkeypatch.setattr(one_step_students, "PAIRS", 5)
    monkeypatch.setattr(one_step_students, "CALLS_OF_A_PAIR", 3)


@pytest.mark.parametrize("method", ["digits: flow, pairs", "digits: flow, pairs alone"])
def test_pairs_are_what_the_teacher_makes_of_noise_and_count_as_time(method, few_pairs):
    contest = METHODS[method]
    small = contest.trial.recipe.changed(width=4, batch_size=4)
    built = build(small)
    z, x = one_step_students.pairs(built, 5)
    play = built.recipe.play
    denoiser = of_network(built.result, play.process, play.predicts)
    (_, _, expected) = ddim(clipped(denoiser), z.view(5, 1, 28, 28), play.process.times(3, "trailing"))
    assert_close(x, expected)
    hasty = dataclasses.replace(contest, trial=dataclasses.replace(contest.trial, recipe=small, at_seconds=(0.01, 0.1)))
    row = gan_vs_diffusion.play(method, hasty, 60)
    assert row["student"]["trace"][0]["steps"] == 0 < row["student"]["trace"][0]["seconds"]
    assert row["student"]["weights"].keys() == ({"student"} if "alone" in method else {"discriminator", "generator"})


@pytest.mark.parametrize("method", ["ring: flow", "ring: flow, consistency"])
def test_a_student_starts_as_one_step_of_its_teacher(method):
    contest = METHODS[method]
    built = build(contest.trial.recipe)
    for average in built.trainer.averages.values():
        average.network.layers.last.weight.data.normal_(generator=torch.Generator().manual_seed(0))
    sample = gan_vs_diffusion.STUDENTS[contest.student](built, contest.judges).sample
    z = Noise((0, "evaluation"), 5).normal("z", 2)
    play = built.recipe.play
    with torch.no_grad():
        expected = OneStep(built.result, play.process, play.predicts, (2,))(z)
    assert_close(sample(5), expected)
    assert not torch.allclose(sample(5), z)


def test_an_image_s_metrics_carry_their_protocol():
    method = "faces: textbook DCGAN"
    contest = dataclasses.replace(
        METHODS[method], trial=hurried(method, (0.01,)).trial.changed(width=4, batch_size=4, latent_size=4)
    )
    metrics = gan_vs_diffusion.play(method, contest, 60)["metrics"]
    assert "fid(faces-regressor, 60/60)" in metrics
    assert "coverage@3(faces-regressor, 60/60)" in metrics


def test_a_row_that_diverges_says_so():
    method = "ring: textbook GAN"
    contest = METHODS[method]
    wild = dataclasses.replace(contest, trial=contest.trial.changed(learning_rate=1e30))
    row = gan_vs_diffusion.play(method, wild, 100)
    assert "diverged" in row
    assert row["metrics"] == {}


def test_it_is_in_the_catalogue():
    assert experiments.experiment("gan-vs-diffusion") is gan_vs_diffusion.table
