"""Checkpoints: bit-equal resumption, survival of crashes, refusal of damage."""

import itertools
import os
import random
import signal
import subprocess
import sys
import time

import pytest
import safetensors.torch
import torch

from gancourse import data, models, objectives
from gancourse.games import GAN, OneBatch, OneForward
from gancourse.recipes import build, recipes
from gancourse.rng import initialised_from
from gancourse.training import CheckpointError, Trainer, load_checkpoint, read_tensors, save_checkpoint, write_tensors
from gancourse.values import options


def small(recipe):
    """The recipe, shorter, narrower, on the data in the package."""
    changes = {"steps": 12, "batch_size": 8}
    if "width" in options(recipe) and recipe.play.averaged == ("generator",):
        changes |= {"width": 8, "average_kimg": 0.05}
    if recipe.name == "stylegan2-cifar":
        changes |= {"widths": (8, 8, 8, 8), "latent_size": 8, "average_kimg": 0.05}
    return recipe.offline().changed(**changes)


def everything(trainer):
    """All that training changes, by name."""
    state = {}
    for name, player in trainer.players.items():
        state |= {f"{name}.{k}": v.clone() for k, v in player.network.state_dict().items()}
        for i, values in trainer.optimisers[name].state_dict()["state"].items():
            state |= {f"{name}.{i}.{k}": torch.as_tensor(v).clone() for k, v in values.items()}
    for name, average in trainer.averages.items():
        state |= {f"average.{name}.{k}": v.clone() for k, v in average.network.state_dict().items()}
    return state


def play(trainer, turns):
    """Make updates and return the real batches that they drew."""
    batches = []
    draw = trainer.batches
    trainer.batches = lambda noise: batches.append(draw(noise)) or batches[-1]
    for _ in range(turns):
        trainer.update()
    trainer.batches = draw
    return batches


@pytest.mark.parametrize("name", sorted(recipes))
def test_a_resumed_run_is_bit_equal_to_one_that_never_stopped(name, tmp_path):
    recipe = small(recipes[name])
    whole = build(recipe).trainer
    n_turns = recipe.steps * len(whole.turns)
    expected_batches = play(whole, n_turns)
    choose = random.Random(name)
    stops = sorted(choose.sample(range(1, n_turns), 3))
    if len(whole.turns) > 2:  # five critic updates a step: stop between the second and the third of a later step
        stops[1] = 3 * len(whole.turns) + 2
    for stop in stops:
        first = build(recipe).trainer
        play(first, stop)
        save_checkpoint(tmp_path / "c.safetensors", first, {"note": stop})
        second = build(recipe).trainer
        assert load_checkpoint(tmp_path / "c.safetensors", second) == {"note": stop}
        assert second.turn == stop
        later = play(second, n_turns - stop)
        for got, expected in zip(later, expected_batches[stop:], strict=True):
            assert torch.equal(got.x, expected.x)
        want, have = everything(whole), everything(second)
        assert want.keys() == have.keys()
        for key in want:
            assert torch.equal(want[key], have[key]), key


def test_the_comparison_of_resumed_runs_notices_one_skipped_update():
    recipe = small(recipes["ring"])
    one, other = build(recipe).trainer, build(recipe).trainer
    play(one, 10)
    play(other, 9)
    assert any(not torch.equal(a, b) for a, b in zip(everything(one).values(), everything(other).values(), strict=True))


# One interpreter is started; forks of it write until they are killed. Starting torch 200 times would take minutes.
WRITERS = """
import os, sys
from pathlib import Path
import torch
from gancourse.training import write_tensors
torch.set_num_threads(1)
for line in sys.stdin:
    step, child = int(line), os.fork()
    if child == 0:
        told = False
        while True:
            step += 1
            write_tensors(Path(sys.argv[1]), {"x": torch.full((50_000,), float(step))}, {"step": step})
            told = told or print(os.getpid(), flush=True) is None
    os.waitpid(child, 0)
"""


def test_200_kills_while_writing_leave_no_unreadable_checkpoint(tmp_path):
    path = tmp_path / "latest.safetensors"
    began = time.monotonic()
    for _ in range(10):
        write_tensors(path, {"x": torch.zeros(50_000)}, {"step": 0})
    one_write = (time.monotonic() - began) / 10
    choose = random.Random(0)
    steps = [0]
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WRITERS, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        for _ in range(200):
            parent.stdin.write(f"{steps[-1]}\n")
            parent.stdin.flush()
            child = int(parent.stdout.readline())
            time.sleep(choose.uniform(0.0, 1.5 * one_write))
            os.kill(child, signal.SIGKILL)
            tensors, about = read_tensors(path)
            assert (tensors["x"] == about["step"]).all()
            steps.append(about["step"])
        parent.stdin.close()
    assert len(steps) == 201
    assert all(later > earlier for earlier, later in itertools.pairwise(steps))  # each writer was at work when killed
    assert {p.name for p in tmp_path.iterdir()} <= {path.name, f".{path.name}.partial"}


def test_one_flipped_bit_anywhere_is_refused_1000_times_of_1000(tmp_path):
    path = tmp_path / "c.safetensors"
    torch.manual_seed(0)
    write_tensors(path, {"a": torch.randn(300), "b": torch.arange(7)}, {"step": 3})
    whole = path.read_bytes()
    choose = random.Random(1)
    refused = 0
    for _ in range(1000):
        bit = choose.randrange(8 * len(whole))
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            read_tensors(path)
        except CheckpointError as error:
            refused += "damaged" in str(error) or "not a checkpoint" in str(error)
    assert refused == 1000
    path.write_bytes(whole)
    assert read_tensors(path)[1] == {"step": 3}


@pytest.mark.parametrize("keep", [0, 7, 100, 300, -1])
def test_a_truncated_checkpoint_is_refused(keep, tmp_path):
    path = tmp_path / "c.safetensors"
    write_tensors(path, {"a": torch.zeros(300)}, {})
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"c\.safetensors"):
        read_tensors(path)


def test_foreign_files_are_refused(tmp_path):
    foreign = tmp_path / "foreign.safetensors"
    safetensors.torch.save_file({"a": torch.zeros(2)}, foreign)
    with pytest.raises(CheckpointError, match="not a checkpoint of gancourse"):
        read_tensors(foreign)
    pickled = tmp_path / "pickle.pt"
    torch.save({"a": 1}, pickled)
    with pytest.raises(CheckpointError, match="not a checkpoint of gancourse"):
        read_tensors(pickled)
    with pytest.raises(FileNotFoundError):
        read_tensors(tmp_path / "nothing")


def test_a_checkpoint_of_another_game_seed_or_batch_size_is_refused(tmp_path):
    path = tmp_path / "c.safetensors"
    recipe = small(recipes["ring"])
    save_checkpoint(path, build(recipe).trainer)
    with pytest.raises(CheckpointError, match="saved by another game"):
        load_checkpoint(path, build(recipe.changed(width=9)).trainer)
    with pytest.raises(CheckpointError, match="saved with seed=0, not 1"):
        load_checkpoint(path, build(recipe.changed(seed=1)).trainer)
    with pytest.raises(CheckpointError, match="saved with batch_size=8, not 9"):
        load_checkpoint(path, build(recipe.changed(batch_size=9)).trainer)


@pytest.mark.parametrize(
    ("play", "message"),
    [
        ({"n_critic": 4}, r"turns=\['discriminator', 'generator'\], not \['discriminator', 'discriminator'"),
        ({"wrapper": OneForward}, "one_forward=False, not True"),
        ({"wrapper": OneBatch}, "one_batch=False, not True"),
    ],
)
def test_a_checkpoint_of_a_game_that_is_played_another_way_is_refused(tmp_path, play, message):
    path = tmp_path / "c.safetensors"
    save_checkpoint(path, hinged())
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(path, hinged(**play))
    load_checkpoint(path, hinged(**play), to_go_on=False)
    load_checkpoint(path, hinged())


def hinged(wrapper=lambda game: game, n_critic=1):
    with initialised_from(0):
        game = GAN(models.mlp.Generator(8, 8), models.mlp.Discriminator(8), objectives.hinge, n_critic=n_critic)
    return Trainer(wrapper(game), data.ring(), batch_size=8)


def as_written_before(path, **switches):
    """A checkpoint of this trainer as files were when a game's settings stood in the head itself."""
    save_checkpoint(path, hinged())
    tensors, head = read_tensors(path)
    assert head.pop("settings") == {}
    write_tensors(path, tensors, head | switches)


def test_checkpoints_written_before_games_had_settings_still_load(tmp_path):
    path = tmp_path / "c.safetensors"
    as_written_before(path, one_forward=False, one_batch=False)
    load_checkpoint(path, hinged())
    with pytest.raises(CheckpointError, match="one_forward=False, not True"):
        load_checkpoint(path, hinged(OneForward))
    as_written_before(path, one_forward=True, one_batch=False)
    load_checkpoint(path, hinged(OneForward))
    with pytest.raises(CheckpointError, match="one_forward=True, not False"):
        load_checkpoint(path, hinged())
    tensors, head = read_tensors(path)
    write_tensors(path, tensors, {key: head[key] for key in ("turn", "numbers", "about")})  # the oldest of all
    load_checkpoint(path, hinged(), to_go_on=False)


def test_a_game_s_own_settings_are_held_and_compared(tmp_path):
    def pooled(size):
        def wrapper(game):
            game.settings = {"pool": size}
            return game

        return hinged(wrapper)

    path = tmp_path / "c.safetensors"
    save_checkpoint(path, pooled(50))
    assert read_tensors(path)[1]["settings"] == {"pool": 50}
    load_checkpoint(path, pooled(50))
    for other, message in ((pooled(20), "pool=50, not 20"), (hinged(), "pool=50, not False")):
        with pytest.raises(CheckpointError, match=message):
            load_checkpoint(path, other)


def test_a_checkpoint_loaded_between_two_updates_leaves_no_samples_of_the_weights_before(tmp_path):
    saved, other = hinged(OneForward), hinged(OneForward)
    saved.update()
    save_checkpoint(tmp_path / "c.safetensors", saved)
    other.update()  # its game keeps samples for the generator's update
    load_checkpoint(tmp_path / "c.safetensors", other)
    fresh = hinged(OneForward)
    load_checkpoint(tmp_path / "c.safetensors", fresh)
    for each in (other, fresh):
        each.update()
    for key, value in everything(fresh).items():
        assert torch.equal(value, everything(other)[key]), key


def test_a_refused_checkpoint_leaves_the_trainer_as_it_was(tmp_path):
    path = tmp_path / "c.safetensors"
    wide = GAN(models.mlp.Generator(8, 9), models.mlp.Discriminator(8), objectives.hinge)
    save_checkpoint(path, Trainer(wide, data.ring(), batch_size=8))
    trainer = build(small(recipes["ring"])).trainer
    before = everything(trainer)
    with pytest.raises(CheckpointError, match="saved by another game"):
        load_checkpoint(path, trainer)
    for key, value in everything(trainer).items():
        assert torch.equal(value, before[key]), key


def test_a_failed_write_keeps_the_old_checkpoint_and_leaves_no_litter(tmp_path, monkeypatch):
    path = tmp_path / "c.safetensors"
    write_tensors(path, {"a": torch.zeros(3)}, {"step": 1})

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left on device"):
        write_tensors(path, {"a": torch.ones(3)}, {"step": 2})
    assert read_tensors(path)[1] == {"step": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["c.safetensors"]


@pytest.mark.skipif(not (sys.platform == "linux" and os.geteuid() == 0), reason="mounting a small tmpfs needs root")
def test_a_full_disk_keeps_the_last_checkpoint_and_says_so(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "none", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine doesn't let root mount a tmpfs")
    try:
        path = disk / "c.safetensors"
        write_tensors(path, {"a": torch.zeros(30_000)}, {"step": 1})
        with pytest.raises(OSError, match="No space left on device") as caught:
            write_tensors(path, {"a": torch.ones(60_000)}, {"step": 2})
        assert caught.value.filename == str(path)
        assert read_tensors(path)[1] == {"step": 1}
        assert [p.name for p in disk.iterdir()] == ["c.safetensors"]
    finally:
        subprocess.run(["umount", disk], check=True)
