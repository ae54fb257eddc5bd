"""The recipes for GPUs: at full size without memory, and at a small one whole trainings, in one process and in two."""

import math
import subprocess
import sys

import pytest
import torch

from gancourse import cli, data, recipes, zoo
from gancourse.batch import Batch
from gancourse.models.blocks import n_parameters
from gancourse.recipes import Training, build, recipe
from gancourse.recipes.terms import R1
from gancourse.rng import Noise
from gancourse.training import load_checkpoint, read_tensors, save_checkpoint
from gancourse.values import options

NAMES = [name for name, each in recipes.recipes.items() if not each.is_offline]
EACH = pytest.mark.parametrize("name", NAMES)
META = torch.device("meta")
SMALL = {"widths": (4, 4, 4, 4), "latent_size": 8, "width": 4, "batch_size": 8, "steps": 3, "average_kimg": 0.02}


def small(name):
    """The recipe at a size for tests, on faces of the same shape."""
    chosen = recipe(name).offline()
    return chosen.changed(**{key: value for key, value in SMALL.items() if key.replace("_", "-") in options(chosen)})


def full_size(name):
    """Both networks at their full size, without memory."""
    chosen = recipe(name)
    with META:
        return chosen.play.family.pair(*[chosen.signature()] * 2)


def test_these_are_the_recipes_for_gpus():
    assert NAMES == ["stylegan2-cifar", "biggan-cifar"]


# What they are


def test_stylegan2_has_the_setting_of_its_paper():
    chosen = recipe("stylegan2-cifar")
    assert chosen.training == Training(1_562_500, 64, 2.5e-3, 0.0, 0.99, "constant", 500.0)
    assert chosen.steps * chosen.training.batch_size == 100_000_000
    assert chosen.play.terms == (R1(0.01, every=16),)
    # Adam's rate and decays are those of 16 updates of which one more would be R1's own.
    assert chosen.play.rates()["discriminator"] == chosen.play.powers()["discriminator"] == 16 / 17
    assert chosen.play.powers().get("generator", 1.0) == chosen.play.rates()["generator"] == 1.0


def test_biggan_has_the_setting_of_its_code():
    chosen = recipe("biggan-cifar")
    training, epoch = chosen.training, 50_000 // (50 * 4)  # four updates of D with 50 images each
    assert chosen.steps == 500 * epoch
    assert (training.batch_size, training.learning_rate, chosen.play.n_critic) == (50, 2e-4, 4)
    half_life = math.log(0.5) / math.log(0.9999)  # in steps, for its decay of 0.9999 a step
    assert training.average_kimg == round(half_life * training.batch_size / 1000, 1)


def stylegan2_parameters():
    """Of the released layers, from what its code prints at the start of a training, with styles of 512."""
    fully_connected, convolution, to_image = 262_656, 2_622_465, 264_195
    assert fully_connected == 512 * 512 + 512
    assert convolution == 512 * 512 * 9 + fully_connected + 512 + 1  # weights, style, bias, scale of the noise
    assert to_image == 3 * 512 + fully_connected + 3
    return 2 * fully_connected + 512 * 16 + 7 * convolution + 4 * to_image


def stylegan2_critic_parameters():
    """By calculation: ours is residual, so that it has three convolutions of one pixel more than the paper's."""
    convolution = 512 * 512 * 9 + 512
    body = (3 * 512 + 512) + 3 * (2 * convolution + 512 * 512)
    return body + (513 * 512 * 9 + 512) + (512 * 16 * 512 + 512) + (512 + 1)


def biggan_parameters():
    """By calculation from the released code's layers; its authors say 4.3 million."""
    block = 2 * (256 * 256 * 9 + 256) + (256 * 256 + 256) + 2 * 2 * 10 * 256
    return (128 * 256 * 16 + 256 * 16) + 3 * block + 2 * 256 + (256 * 3 * 9 + 3)


def biggan_critic_parameters():
    """By calculation from the released code's layers, without the bias of its last one."""
    convolution, shortcut = 256 * 256 * 9 + 256, 256 * 256 + 256
    first = (3 * 256 * 9 + 256) + convolution + (3 * 256 + 256)
    return first + (2 * convolution + shortcut) + 2 * 2 * convolution + 256 + 10 * 256


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("stylegan2-cifar", (stylegan2_parameters(), stylegan2_critic_parameters())),
        ("biggan-cifar", (biggan_parameters(), biggan_critic_parameters())),
    ],
)
def test_networks_have_the_parameters_of_the_released_ones(name, expected):
    assert tuple(map(n_parameters, full_size(name))) == expected


def test_the_parameters_of_biggan_s_generator_are_what_its_authors_say():
    assert round(biggan_parameters() / 1e6, 1) == 4.3


@EACH
def test_a_whole_step_of_the_full_size_fits_together(name):
    """Every update of both players, with R1, on a batch of the recipe's own size."""
    chosen = recipe(name)
    with META:
        game = chosen.play.game(data.packaged("cifar10").signature)
    n = chosen.training.batch_size
    batch = Batch(torch.zeros(n, 3, 32, 32, device=META), torch.zeros(n, dtype=torch.long))
    names = {"discriminator": {"adversarial", *(term.of_game().name for term in chosen.play.terms)}}
    for player in game.players:
        terms = player.terms(batch, Noise((0, player.name), n, device=META))
        assert set(terms) == names.get(player.name, {"adversarial"})
        assert {tuple(term.shape) for term in terms.values()} == {(n,)}
        weights = list(player.network.parameters())
        gradients = torch.autograd.grad(sum(term.mean() for term in terms.values()), weights, allow_unused=True)
        assert [g.shape for g in gradients if g is not None] == [
            w.shape for w, g in zip(weights, gradients, strict=True) if g is not None
        ]
        assert sum(g is not None for g in gradients) == len(weights)


# At a small size


@EACH
def test_three_steps_are_saved_resumed_and_sampled(name, tmp_path, capsys):
    chosen = small(name)
    whole, first, second = (build(chosen).trainer for _ in range(3))
    *_, last = whole.steps(3)
    assert all(torch.tensor(value).isfinite() for terms in last.losses.values() for value in terms.values())
    next(first.steps(1))
    first.update()  # in the middle of a step
    save_checkpoint(tmp_path / "c.safetensors", first)
    load_checkpoint(tmp_path / "c.safetensors", second)
    for _ in second.until(3):
        pass
    for player in whole.players:
        ours, theirs = (trainer.players[player].network.state_dict() for trainer in (whole, second))
        assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []
    for _ in recipes.train(chosen, tmp_path / "run"):
        pass
    assert zoo.trained(tmp_path / "run").samples(2).shape == (2, 3, 32, 32)


@EACH
def test_a_run_on_photographs_is_looked_at_without_them(name, tmp_path, monkeypatch):
    """Only what needs a photograph asks for it."""
    chosen = small(name).changed(data="cifar10", steps=1)
    photographs = data.Images(
        torch.randint(256, (20, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)),
        torch.arange(20) % 10,
        data.packaged("cifar10").signature.condition.names,
    )
    with monkeypatch.context() as here:
        entry = data.data_sets["cifar10"]
        here.setitem(data.data_sets, "cifar10", entry._replace(load=lambda request: photographs))
        for _ in recipes.train(chosen, tmp_path / "run"):
            pass
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path / "nowhere"))
    trained = zoo.trained(tmp_path / "run")
    y = torch.tensor([3, 3]) if name == "biggan-cifar" else None
    assert trained.samples(2, y=y).shape == (2, 3, 32, 32)
    with pytest.raises(data.MissingDataError, match="the full CIFAR10 is not in"):
        trained.evaluate(100)
    if name == "biggan-cifar":
        assert trained.labels(["cat", "9"], 2).tolist() == [3, 9]
        with pytest.raises(data.MissingDataError, match="the full CIFAR10 is not in"):
            trained.samples(2)  # of which class, the data decides


def test_a_training_without_its_data_leaves_no_run_behind(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", "biggan-cifar", "--width", "4", "--out", str(tmp_path / "run")])
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert said.count("\n") == 1
    assert "pass download=True (--download)" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@EACH
def test_two_processes_that_resume_give_the_bits_of_two_that_never_stopped(name, tmp_path):
    pytest.importorskip("lightning")
    chosen = small(name)
    known = options(chosen)
    words = ["--data", "faces-by-hair", "--device", "cpu"]
    for key, value in SMALL.items():
        if key.replace("_", "-") in known and key != "steps":
            words += [f"--{key.replace('_', '-')}", *(map(str, value) if isinstance(value, tuple) else [str(value)])]

    def run(*arguments):
        command = [sys.executable, "-W", "ignore", "-m", "gancourse", *map(str, arguments), "--devices", "2"]
        subprocess.run(command, check=True, capture_output=True, timeout=300)

    run("train", name, *words, "--steps", "3", "--out", tmp_path / "whole")
    run("train", name, *words, "--steps", "1", "--out", tmp_path / "parts")
    path = tmp_path / "parts" / "recipe.json"
    path.write_text((tmp_path / "whole" / "recipe.json").read_text())
    run("resume", tmp_path / "parts", "--device", "cpu")
    ours, theirs = (read_tensors(tmp_path / folder / "checkpoint.safetensors")[0] for folder in ("whole", "parts"))
    assert ours.keys() == theirs.keys()
    assert [key for key in ours if not torch.equal(ours[key], theirs[key])] == []
