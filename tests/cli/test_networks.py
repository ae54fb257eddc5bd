"""`gancourse sample`, `evaluate` and `zoo-add`: what is done with trained networks."""

import json
import re
import shlex

import pytest
import torch

from gancourse import cli, recipes, zoo
from gancourse.cli.options import read


def test_evaluate_and_sample_take_a_run_or_a_name_of_the_zoo(run, tmp_path, capsys):
    cli.main(["evaluate", str(run), "--n", "100"])
    assert re.search(r"modes = \d", capsys.readouterr().out)
    cli.main(["sample", str(run), "--n", "10", "--out", str(tmp_path / "points.png")])
    cli.main(["sample", "dcgan-digits", "--n", "4", "--out", str(tmp_path / "digits.png")])
    for name in ("points.png", "digits.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_samples_can_be_asked_for_by_their_label(tmp_path, capsys, fails):
    run = tmp_path / "run"
    settings = ["--steps", "2", "--batch-size", "8", "--width", "8", "--device", "cpu", "--no-watch"]
    cli.main(["train", "projection-two-classes", *settings, "--out", str(run)])
    capsys.readouterr()
    pictures = []
    for words in (["0"], ["1"], ["0", "1"]):
        cli.main(["sample", str(run), "--n", "10", "--out", str(tmp_path / "s.png"), "--label", *words])
        assert f"10 samples of projection-two-classes ({', '.join(words)}): " in capsys.readouterr().out
        pictures.append((tmp_path / "s.png").read_bytes())
    assert len(set(pictures)) == 3
    assert "label '2' is no class; pass a number from 0 to 1, or one of 0, 1" in fails("sample", run, "--label", "2")
    cli.main(["evaluate", str(run), "--n", "100"])
    assert "agreement(posterior, 100) = 0." in capsys.readouterr().out


def test_a_finished_run_goes_to_the_zoo_and_comes_back(run, tmp_path, capsys):
    """Its card's command is the difference from the catalogue's recipe, and reproduces the recipe."""
    cli.main(["zoo-add", str(run), "--zoo-folder", str(tmp_path / "zoo")])
    assert "ring" in capsys.readouterr().out
    assert sorted(p.name for p in (tmp_path / "zoo").iterdir()) == ["ring.json", "ring.safetensors"]
    card = zoo.card("ring", tmp_path / "zoo")
    assert card.command == "gancourse train ring --width 8 --steps 20 --batch-size 8"
    base = recipes.recipe("ring")
    words = shlex.split(card.command)[3:]
    assert (
        read({"recipe": base}, words, "gancourse train ring", "")["recipe"] == recipes.read_recipe(run) == card.recipe
    )
    samples = zoo.card("ring", tmp_path / "zoo").recipe.play.sample(zoo.load("ring", tmp_path / "zoo"), None, 5)
    torch.testing.assert_close(samples, zoo.trained(run).samples(5), rtol=0, atol=0.02)  # half precision


def test_a_run_of_a_recipe_that_the_catalogue_lacks_doesn_t_go_to_the_zoo(run, tmp_path, fails):
    described = json.loads((run / "recipe.json").read_text())
    (run / "recipe.json").write_text(json.dumps(described | {"name": "rings"}))
    said = fails("zoo-add", run, "--zoo-folder", tmp_path / "zoo")
    assert "recipe 'rings' not found; did you mean 'ring'" in said
    assert not (tmp_path / "zoo").exists()


def test_a_picture_has_a_path_of_its_own_that_is_printed(capsys, tmp_path, fails):
    assert "is a folder; pass a file" in fails("sample", "dcgan-digits", "--out", tmp_path)
    cli.main(["sample", "dcgan-digits", "--n", "4", "--out", str(tmp_path / "four")])
    assert str(tmp_path / "four.png") in capsys.readouterr().out
    assert (tmp_path / "four.png").is_file()


def test_a_folder_that_is_not_there_is_no_name_of_the_zoo(fails):
    assert "there is no folder runs/none" in fails("evaluate", "runs/none")


def test_a_style_based_network_s_samples_can_be_truncated_and_mixed_and_others_have_no_such_option(
    tmp_path, capsys, fails
):
    run = tmp_path / "run"
    settings = ["--steps", "2", "--batch-size", "4", "--widths", "4", "4", "4", "4", "--device", "cpu", "--no-watch"]
    cli.main(["train", "stylegan2-faces", *settings, "--out", str(run)])
    capsys.readouterr()
    pictures = []
    for words in ([], ["--psi", "0.5"], ["--crossover", "4"], ["--psi", "0.5", "--crossover", "4"]):
        cli.main(["sample", str(run), *words, "--n", "4", "--out", str(tmp_path / "s.png")])
        assert "4 samples of stylegan2-faces: " in capsys.readouterr().out
        pictures.append((tmp_path / "s.png").read_bytes())
    assert len(set(pictures)) == 4
    cli.main(["sample", "--n", "4", "--psi", "0.5", "--out", str(tmp_path / "s.png"), str(run)])  # in any order
    assert (tmp_path / "s.png").read_bytes() == pictures[1]
    assert "psi is 0.0; expected a finite number > 0" in fails("sample", run, "--psi", "0")
    assert "psi is -1.0; expected a finite number > 0" in fails("sample", run, "--psi", "-1")
    assert "the crossover is at layer 9, but there are 8; pass 0 to 8" in fails("sample", run, "--crossover", "9")
    assert "--psi" in fails("sample", "dcgan-digits", "--psi", "0.5")
    for what, has_it in ((str(run), True), ("dcgan-digits", False)):
        with pytest.raises(SystemExit):
            cli.main(["sample", what, "--help"])
        assert ("--psi" in capsys.readouterr().out) == has_it


def test_a_diffusion_model_s_sampler_steps_and_guidance_are_options_of_its_samples(tmp_path, capsys, fails):
    run, picture = tmp_path / "run", tmp_path / "s.png"
    settings = ["--steps", "4", "--batch-size", "4", "--width", "4", "--device", "cpu", "--no-watch", "--no-full"]
    settings += ["--average-kimg", "0", "--learning-rate", "0.1"]  # so that labels matter after four steps
    cli.main(["train", "flow-digits", *settings, "--sampling-steps", "3", "--out", str(run)])
    capsys.readouterr()
    pictures = []
    for words in (
        [],
        ["--sampling-steps", "2"],
        ["--sampler", "ddim"],
        ["--sampler", "ddim", "--eta", "0.5"],
        ["--guidance", "9"],
        ["--label", "3"],
    ):
        cli.main(["sample", str(run), *words, "--n", "4", "--out", str(picture)])
        assert "4 samples of flow-digits" in capsys.readouterr().out
        pictures.append(picture.read_bytes())
    assert len(set(pictures)) == len(pictures)
    assert "eta is 0.5, but the sampler is heun; pass ddim" in fails("sample", run, "--eta", "0.5")
    assert "flow-digits has no latents that can be truncated" in fails("sample", run, "--truncation", "0.5")
    assert "pass --sampling-steps" in fails("sample", run, "--statistics", "standing")
    assert "--sampler" in fails("sample", "dcgan-digits", "--sampler", "ddim")
    with pytest.raises(SystemExit):
        cli.main(["sample", str(run), "--help"])
    said = capsys.readouterr().out
    assert all(option in said for option in ("--sampler", "--sampling-steps", "--eta", "--guidance"))
    assert "--psi" not in said
    cli.main(["evaluate", str(run), "--n", "20"])
    assert "fid(" in capsys.readouterr().out
