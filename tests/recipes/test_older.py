"""Folders of runs from before recipes were made of plays: they read as today's recipes, are measured, and go on.

`older/` was written by the code of that time. Bits differ between processors, so weights are compared with the files
that hold them, and trained ones by shape and finiteness.
"""

import json
import shutil
from pathlib import Path

import pytest
import torch

from gancourse import cli, recipes, zoo
from gancourse.recipes import Arithmetic, recipe
from gancourse.recipes.older import PENALTIES, modern
from gancourse.recipes.terms import R1, R2
from gancourse.training import CheckpointError, read_tensors
from gancourse.values import from_json, to_json

OLDER = Path(__file__).parent / "older"
TODAY = {
    "ring": recipe("ring").changed(width=8, steps=3, batch_size=8),
    "ring-fused": recipe("ring").changed(width=8, steps=2, batch_size=8),
    "dcgan-digits": recipe("dcgan-digits").changed(
        full=False,
        latent_size=4,
        width=2,
        terms=(R1(0.5, 2), R2(0.5, 2)),
        discriminator_norm="none",
        steps=3,
        batch_size=8,
    ),
    "vae-digits": recipe("vae-digits").changed(full=False, latent_size=4, width=2, steps=3, batch_size=8),
    "digits-classifier": recipe("digits-classifier").changed(full=False, steps=3, batch_size=8),
}
RUNS = [name for name in TODAY if (OLDER / name / "checkpoint.safetensors").is_file()]
assert len(RUNS) == 4


@pytest.fixture
def run(request, tmp_path):
    """A copy of an older run's folder."""
    return shutil.copytree(OLDER / request.param, tmp_path / "run")


EACH = pytest.mark.parametrize("run", RUNS, indirect=True)


@pytest.mark.parametrize("name", TODAY)
def test_an_older_description_is_todays_recipe(name):
    found = recipes.read_recipe(OLDER / name)
    assert found == TODAY[name]
    assert modern(to_json(found)) == to_json(found)  # today's own form stays as it is


def test_how_an_older_run_computed_is_read():
    assert recipes.read_arithmetic(OLDER / "ring-fused") == Arithmetic(channels_last=True, fused=True)
    assert recipes.read_arithmetic(OLDER / "ring") == recipes.REFERENCE


@EACH
def test_an_older_run_is_measured_and_shown(run, capsys):
    trained = zoo.trained(run)
    stored = read_tensors(run / "checkpoint.safetensors")[0]
    for name, value in trained.network.state_dict().items():
        places = [f"average/generator/{name}", f"network/generator/{name}", f"network/vae/decoder.{name}"]
        assert torch.equal(value, next(stored[place] for place in places if place in stored))
    assert trained.samples(5).isfinite().all()
    cli.main(["evaluate", str(run), "--n", "100"])
    assert " = " in capsys.readouterr().out
    cli.main(["sample", str(run), "--n", "4", "--out", str(run / "samples.png")])
    cli.main(["report", str(run)])
    assert "<svg" in (run / "report.html").read_text("utf-8")


def state(run):
    """What a checkpoint goes on from: all but the last losses, whose names may have changed."""
    stored = read_tensors(run / "checkpoint.safetensors")[0]
    return {name: value for name, value in stored.items() if not name.startswith("loss/")}


@EACH
def test_an_older_run_goes_on(run, capsys):
    before = state(run)
    described = json.loads((run / "recipe.json").read_text())
    (run / "recipe.json").write_text(json.dumps(described | {"steps": described["steps"] + 2}))
    cli.main(["resume", str(run), "--device", "cpu"])
    said = capsys.readouterr().out
    assert f"step {described['steps'] + 2}/{described['steps'] + 2}" in said
    after = state(run)
    assert {k: v.shape for k, v in before.items()} == {k: v.shape for k, v in after.items()}
    assert all(value.isfinite().all() for value in after.values())
    assert any(not torch.equal(before[name], after[name]) for name in before if name.startswith("network"))
    cli.main(["resume", str(run), "--device", "cpu"])
    assert "trained to its last step already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("objective"), "not a recipe: 'objective' is missing"),
        (lambda d: d.pop("name"), "not a recipe: 'name' is missing"),
        (lambda d: d.update(kind="vea"), "kind 'vea' not found"),
        (lambda d: d.update(penalty="r3"), "penalty 'r3' not found; did you mean"),
        (lambda d: d.update(family="mpl"), "family 'mpl' not found; did you mean 'mlp'"),
        (lambda d: d.update(data="rings"), "data set 'rings' not found; did you mean 'ring'"),
        (lambda d: d.update(steps="many"), "steps is 'many'; expected int"),
        (lambda d: d.update(guidelines=3, family="dcgan"), "guidelines is 3; expected names and values"),
    ],
)
@pytest.mark.parametrize("run", ["ring"], indirect=True)
def test_a_damaged_older_description_costs_one_line(change, message, run, capsys):
    described = json.loads((run / "recipe.json").read_text())
    change(described)
    (run / "recipe.json").write_text(json.dumps(described))
    with pytest.raises(CheckpointError, match=message):
        recipes.read_recipe(run)
    for command in ("resume", "evaluate", "report"):
        with pytest.raises(SystemExit) as stop:
            cli.main([command, str(run)])
        said = capsys.readouterr().err
        assert (stop.value.code, said.count("\n")) == (2, 1)
        assert "recipe.json is damaged" in said


@pytest.mark.parametrize("run", ["dcgan-digits"], indirect=True)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_every_older_penalty_is_a_term_of_today(penalty, run):
    path = run / "recipe.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"penalty": penalty}))
    chosen = recipes.read_recipe(run)
    assert [type(term).__name__ for term in chosen.play.terms] == list(PENALTIES[penalty])
    assert all((term.weight, term.every) == (0.5, 2) for term in chosen.play.terms)
    assert from_json(to_json(chosen)) == chosen


@pytest.mark.parametrize("run", ["dcgan-digits"], indirect=True)
def test_the_oldest_files_lack_what_came_later(run):
    path = run / "recipe.json"
    described = json.loads(path.read_text())
    del described["discriminator_norm"]
    path.write_text(json.dumps(described))
    assert recipes.read_recipe(run).play.family.discriminator_norm == "guidelines"
