"""The command line: what it prints, and that every mistake costs one line, exit code 2, and nothing else."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from gancourse import cli, data, recipes
from gancourse.training import has_bf16, read_tensors, write_tensors
from tests import checkout

RING = ["train", "ring", "--steps", "20", "--batch-size", "8", "--width", "8", "--device", "cpu"]


def fails(capsys, *arguments):
    """Run a command that must fail; its one line."""
    with pytest.raises(SystemExit) as stop:
        cli.main([str(a) for a in arguments])
    said = capsys.readouterr().err
    assert stop.value.code == 2
    assert said.startswith("gancourse: ")
    assert said.count("\n") == 1
    return said


@pytest.fixture
def run(tmp_path, capsys):
    folder = tmp_path / "run"
    cli.main([*RING, "--out", str(folder)])
    capsys.readouterr()
    return folder


def test_train_prints_progress_with_rate_and_remaining_time(tmp_path, capsys):
    cli.main([*RING, "--out", str(tmp_path / "a")])
    said = capsys.readouterr().out
    assert re.search(r"ring: step 20/20, [\d.]+ steps/s, 0 s left, discriminator [\d.]+, generator [\d.]+", said)
    assert "gancourse evaluate" in said
    logged = [json.loads(line) for line in (tmp_path / "a/log.jsonl").read_text().splitlines()]
    assert logged[-1]["step"] == 20


def test_progress_tells_how_much_of_the_data_the_generator_has_lost(tmp_path, capsys):
    cli.main([*RING, "--out", str(tmp_path / "a")])  # 20 tiny steps: all samples still lie in one heap
    assert re.search(r"\d/8 cells reached, COLLAPSE: \d+% of the data lost", capsys.readouterr().out)


def test_watching_the_variety_doesn_t_change_the_training(tmp_path, monkeypatch, capsys):
    cli.main([*RING, "--out", str(tmp_path / "watched")])
    monkeypatch.setattr(cli._Variety, "measure", lambda self, built: "")
    cli.main([*RING, "--out", str(tmp_path / "alone")])
    watched, alone = (read_tensors(tmp_path / n / "checkpoint.safetensors")[0] for n in ("watched", "alone"))
    assert watched.keys() == alone.keys()
    assert all(torch.equal(watched[name], alone[name]) for name in watched)


def test_every_field_of_a_recipe_is_an_option(tmp_path, capsys):
    cli.main([*RING, "--objective", "hinge", "--penalty", "none", "--seed", "3", "--out", str(tmp_path / "a")])
    recipe = recipes.read_recipe(tmp_path / "a")
    assert (recipe.objective, recipe.penalty, recipe.seed, recipe.width) == ("hinge", "none", 3, 8)


def test_evaluate_and_sample_take_a_run_or_a_name_of_the_zoo(run, tmp_path, capsys):
    cli.main(["evaluate", str(run), "--n", "100"])
    assert re.search(r"modes = \d", capsys.readouterr().out)
    cli.main(["sample", str(run), "--n", "10", "--out", str(tmp_path / "points.png")])
    cli.main(["sample", "dcgan-digits", "--n", "4", "--out", str(tmp_path / "digits.png")])
    for name in ("points.png", "digits.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def test_a_finished_run_goes_to_the_zoo_and_comes_back(run, tmp_path, capsys):
    cli.main(["zoo-add", str(run), "--zoo-folder", str(tmp_path / "zoo")])
    assert "ring" in capsys.readouterr().out
    assert sorted(p.name for p in (tmp_path / "zoo").iterdir()) == ["ring.json", "ring.safetensors"]


def test_lists_name_everything(capsys):
    cli.main(["recipes"])
    assert set(recipes.recipes) <= set(capsys.readouterr().out.split())
    cli.main(["zoo"])
    assert "digits-classifier" in capsys.readouterr().out
    cli.main(["--help"])
    said = capsys.readouterr().out
    assert all(name in said for name in cli.COMMANDS)


def test_resuming_a_finished_run_says_so_and_changes_nothing(run, capsys):
    before = (run / "checkpoint.safetensors").read_bytes()
    cli.main(["resume", str(run)])
    assert "trained to its last step already" in capsys.readouterr().out
    tensors, _ = read_tensors(run / "checkpoint.safetensors")
    old = run / "old.safetensors"
    old.write_bytes(before)
    for name, value in read_tensors(old)[0].items():
        assert torch.equal(value, tensors[name])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "command 'trian' not found; did you mean 'train'"),
        (["train", "dcgan-digit"], "recipe 'dcgan-digit' not found; did you mean 'dcgan-digits'?"),
        (["train", "ring", "--steps", "many"], "--steps"),
        (["train", "ring", "--bogus", "1"], "--bogus"),
        (["train", "ring", "--family", "dcgan"], "dcgan makes images"),
        (["train", "ring", "--objective", "hinges"], "did you mean 'hinge'"),
        (["train", "ring", "--batch-size", "0"], "batch_size is 0"),
        (["train", "ring", "--device", "tpu"], "device 'tpu' is unknown"),
        (["train", "ring", "--precision", "fp8"], "--precision"),
        (["train", "ring", "--devices", "0"], "0 devices, 1 nodes"),
        (["train", "ring", "--nodes", "2"], "2 nodes, but NODE_RANK, MASTER_ADDR, MASTER_PORT isn't set"),
        (["sample", "dcgan-digit"], "did you mean 'dcgan-digits'"),
        (["sample", "digits-classifier"], "makes no samples"),
        (["sample", "dcgan-digits", "--n", "0"], "ask for at least 1"),
        (["evaluate", "dcgan-digits", "--n", "20000"], "asked for 20000 of 10000 images"),
        (["resume", "nowhere"], "nowhere holds no run"),
        (["resume", "nowhere", "--devices", "2"], "nowhere holds no run"),
        (["resume", "nowhere", "--devices", "many"], "--devices"),
        (["experiment", "dcgan"], "did you mean 'dcgan-guidelines'"),
        (["check", "nowhere"], "nowhere"),
    ],
)
def test_a_mistake_costs_one_line_that_says_what_to_do(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in fails(capsys, *arguments)
    assert list(tmp_path.iterdir()) == []


def test_checking_blank_exercises_prints_the_table_and_fails(tmp_path, capsys):
    (tmp_path / "09_dcgan.ipynb").write_text(checkout.text("exercises/09_dcgan.ipynb"), "utf-8")
    with pytest.raises(SystemExit) as stop:
        cli.main(["check", str(tmp_path)])
    said = capsys.readouterr()
    assert stop.value.code == 1
    assert "0 of 4 exercises passed" in said.out
    assert "gancourse:" not in said.err


def test_a_folder_that_holds_a_run_is_not_overwritten(run, capsys):
    before = (run / "checkpoint.safetensors").read_bytes()
    assert "holds a run already" in fails(capsys, *RING, "--out", run)
    assert (run / "checkpoint.safetensors").read_bytes() == before


def test_what_does_not_fit_into_memory_costs_one_line(capsys, tmp_path):
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", "ring", "--batch-size", str(10**13), "--out", str(tmp_path / "run")])
    said = capsys.readouterr().err
    assert (stop.value.code, said.count("\n")) == (1, 1)
    assert "there isn't enough memory; pass a smaller batch size" in said


def test_a_picture_has_a_path_of_its_own_that_is_printed(capsys, tmp_path):
    assert "is a folder; pass a file" in fails(capsys, "sample", "dcgan-digits", "--out", tmp_path)
    cli.main(["sample", "dcgan-digits", "--n", "4", "--out", str(tmp_path / "four")])
    assert str(tmp_path / "four.png") in capsys.readouterr().out
    assert (tmp_path / "four.png").is_file()


def test_a_folder_that_is_not_there_is_no_name_of_the_zoo(capsys):
    assert "there is no folder runs/none" in fails(capsys, "evaluate", "runs/none")


def test_an_unwritable_folder_is_named(capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert "file" in fails(capsys, *RING, "--out", tmp_path / "file" / "run")
    assert "--out" in fails(capsys, *RING, "--out", "/proc/nowhere")


def test_an_absent_data_set_says_how_to_get_it(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path / "none"))
    said = fails(capsys, "train", "dcgan-digits", "--out", tmp_path / "run")
    assert "--download" in said
    assert "GANCOURSE_DATA" in said
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("spoil", [lambda b: b[:1000], lambda b: b"not a checkpoint", lambda b: b"", lambda b: b[::-1]])
def test_a_truncated_or_foreign_checkpoint_is_refused_and_kept(spoil, run, capsys):
    path = run / "checkpoint.safetensors"
    path.write_bytes(spoil(path.read_bytes()))
    before = path.read_bytes()
    for command in ("resume", "evaluate", "sample"):
        assert "checkpoint.safetensors" in fails(capsys, command, run)
    assert path.read_bytes() == before


def test_a_checkpoint_of_another_recipe_is_refused(run, capsys):
    (run / "recipe.json").write_text((run / "recipe.json").read_text().replace('"width": 8', '"width": 9'))
    assert "saved by another game" in fails(capsys, "resume", run)
    (run / "recipe.json").write_text("{")
    assert "recipe.json is damaged" in fails(capsys, "resume", run)
    write_tensors(run / "checkpoint.safetensors", {"a": torch.zeros(1)}, {})


def test_data_that_is_not_finite_names_term_and_step(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(data, "ring", lambda std: data.Mixture(torch.full((2, 2), float("nan")), std))
    said = fails(capsys, *RING, "--out", tmp_path / "run")
    assert "discriminator's term 'adversarial' is nan at step 0" in said
    read_tensors(tmp_path / "run/checkpoint.safetensors")


def test_images_of_another_size_are_told_what_was_expected(tmp_path, capsys, monkeypatch):
    wrong = data.Images(torch.zeros(4, 1, 32, 32, dtype=torch.uint8), torch.zeros(4).long(), "0123456789")
    monkeypatch.setattr(data, "digits", lambda *_: wrong)
    said = fails(capsys, "train", "dcgan-digits", "--no-full", "--batch-size", "2", "--out", tmp_path / "run")
    assert "x has shape (2, 1, 32, 32); expected [batch, 1, 28, 28]" in said


def test_labels_out_of_range_are_told_what_the_classifier_knows(tmp_path, capsys, monkeypatch):
    wrong = data.Images(torch.zeros(4, 1, 28, 28, dtype=torch.uint8), torch.full((4,), 10), range(11))
    monkeypatch.setattr(data, "digits", lambda *_: wrong)
    said = fails(capsys, "train", "digits-classifier", "--no-full", "--batch-size", "2", "--out", tmp_path / "run")
    assert "the classifier knows 10 classes; pass n_classes=11" in said


@pytest.mark.skipif(not (sys.platform == "linux" and os.geteuid() == 0), reason="mounting a small tmpfs needs root")
def test_a_full_disk_is_one_line_and_the_last_checkpoint_stays_whole(run, tmp_path, capsys):
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine doesn't let root mount a tmpfs")
    try:
        cli.main([*RING, "--steps", "5", "--out", str(disk / "run")])
        recipe = json.loads((disk / "run/recipe.json").read_text())
        (disk / "run/recipe.json").write_text(json.dumps(recipe | {"steps": 10}))
        capsys.readouterr()
        with (disk / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space"):  # noqa: PT012
            while True:
                filler.write(b"0" * 512)
        said = fails(capsys, "resume", disk / "run")
        assert "No space left on device" in said
        assert "gancourse resume" in said
        (disk / "filler").unlink()
        assert read_tensors(disk / "run/checkpoint.safetensors")[1]["turn"] == 10
        cli.main(["resume", str(disk / "run")])
        assert read_tensors(disk / "run/checkpoint.safetensors")[1]["turn"] == 20
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_writes_a_checkpoint_and_the_resumed_run_is_bit_equal(number, tmp_path, capsys):
    arguments = ["train", "ring-wgan-gp", "--steps", "200", "--batch-size", "8", "--device", "cpu"]
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "gancourse", *arguments, "--out", stopped],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "step 20/200" in process.stdout.readline()
    process.send_signal(number)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert f"go on with `gancourse resume {stopped}`" in said
    assert 0 < read_tensors(stopped / "checkpoint.safetensors")[1]["turn"] < 200 * 6
    cli.main(["resume", str(stopped)])
    cli.main([*arguments, "--out", str(whole)])
    ours, theirs = (read_tensors(f / "checkpoint.safetensors")[0] for f in (stopped, whole))
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name


def start(*arguments):
    """The command line as a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "gancourse", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def differences(one, other):
    """Largest difference of what two runs' checkpoints hold."""
    ours, theirs = (read_tensors(folder / "checkpoint.safetensors")[0] for folder in (one, other))
    assert ours.keys() == theirs.keys()
    return max((ours[name].double() - theirs[name].double()).abs().max().item() for name in ours)


def children_of(process):
    """Process ids of the workers, the first one first."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in listed]


LONG = ["train", "ring-wgan-gp", "--steps", "60", "--batch-size", "8", "--device", "cpu"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds the processes in /proc")
def test_a_lost_process_is_named_and_the_checkpoint_that_is_left_can_be_resumed(tmp_path, capsys):
    pytest.importorskip("lightning")
    folder = tmp_path / "run"
    process = start(*LONG, "--devices", "2", "--out", folder)
    assert "step 6/60" in process.stdout.readline()
    os.kill(children_of(process)[1], signal.SIGKILL)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 1
    assert said.count("\n") == 1
    assert "gancourse: process 1 of 2 was killed by SIGKILL; the checkpoint of step 0 is whole" in said
    assert f"go on with `gancourse resume {folder}`" in said
    cli.main(["resume", str(folder)])
    cli.main([*LONG, "--out", str(tmp_path / "alone")])
    assert differences(folder, tmp_path / "alone") == 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_processes_at_one_update_and_a_single_one_can_go_on(number, tmp_path, capsys):
    pytest.importorskip("lightning")
    stopped, alone = tmp_path / "stopped", tmp_path / "alone"
    process = start(*LONG, "--devices", "2", "--out", stopped)
    assert "step 6/60" in process.stdout.readline()
    process.send_signal(number)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert said.count("stopped at step") == 1
    assert f"go on with `gancourse resume {stopped}`" in said
    assert 0 < read_tensors(stopped / "checkpoint.safetensors")[1]["turn"] < 60 * 6
    cli.main(["resume", str(stopped)])
    cli.main([*LONG, "--out", str(alone)])
    assert differences(stopped, alone) < 1e-4  # 360 updates after the first rounding
    assert sorted(path.name for path in stopped.iterdir()) == sorted(path.name for path in alone.iterdir())


@pytest.mark.slow
def test_two_nodes_of_one_process_each_finish_what_one_process_began(tmp_path, capsys, monkeypatch):
    pytest.importorskip("lightning")
    together, alone = tmp_path / "together", tmp_path / "alone"
    for folder in (together, alone):
        cli.main([*RING, "--steps", "1", "--out", str(folder)])
        described = folder / "recipe.json"
        described.write_text(json.dumps(json.loads(described.read_text()) | {"steps": 20}))
    cli.main(["resume", str(alone), "--device", "cpu"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", str(port))
    nodes = []
    for rank in range(2):
        monkeypatch.setenv("NODE_RANK", str(rank))
        nodes.append(start("resume", together, "--device", "cpu", "--nodes", "2", "--timeout-s", "120"))
    said = [node.communicate(timeout=300) for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0]
    assert "step 20/20" in said[0][0]
    assert said[1] == ("", "")  # only the first process of the first node says anything
    assert differences(together, alone) < 1e-5


def test_several_processes_need_lightning_and_say_how_to_get_it(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install 'gancourse[distributed]'" in fails(capsys, *RING, "--devices", "2", "--out", tmp_path / "run")


def test_a_fast_run_says_how_it_computes_and_goes_on_so(tmp_path, capsys):
    if not has_bf16(torch.device("cpu")):
        assert "has no bfloat16 arithmetic" in fails(capsys, *RING, "--precision", "bf16-mixed", "--out", tmp_path)
        return
    options = ["--precision", "bf16-mixed", "--fused", "--channels-last"]
    cli.main([*RING, *options, "--out", str(tmp_path / "whole")])
    assert recipes.read_arithmetic(tmp_path / "whole") == recipes.Arithmetic("bf16-mixed", True, True)
    cli.main([*RING, *options, "--out", str(tmp_path / "short"), "--steps", "5"])
    described = tmp_path / "short" / "recipe.json"
    described.write_text(json.dumps(json.loads(described.read_text()) | {"steps": 20}))
    described.with_name("arithmetic.json").rename(tmp_path / "kept.json")
    assert "saved with precision=bf16-mixed, not 32-true" in fails(capsys, "resume", tmp_path / "short")
    (tmp_path / "kept.json").rename(described.with_name("arithmetic.json"))
    cli.main(["evaluate", str(tmp_path / "short"), "--n", "100"])
    described.with_name("arithmetic.json").write_text("{")
    assert "arithmetic.json is damaged" in fails(capsys, "resume", tmp_path / "short")
