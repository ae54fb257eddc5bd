"""Trainings in several processes: the same weights, and nothing left behind when one is lost."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gancourse import cli
from gancourse.training import read_tensors


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
def test_a_lost_process_is_named_and_the_checkpoint_that_is_left_can_be_resumed(tmp_path):
    pytest.importorskip("lightning")
    folder = tmp_path / "run"
    process = start(*LONG, "--devices", "2", "--out", folder)
    assert "step 6/60" in process.stdout.readline()
    os.kill(children_of(process)[1], signal.SIGKILL)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 1
    assert said.count("\n") == 1
    assert "gancourse: process 1 of 2 was killed by SIGKILL; the checkpoint of step 0 is whole" in said
    assert f"continue with `gancourse resume {folder}`" in said
    cli.main(["resume", str(folder)])
    cli.main([*LONG, "--out", str(tmp_path / "alone")])
    assert differences(folder, tmp_path / "alone") == 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_processes_at_one_update_and_a_single_one_can_go_on(number, tmp_path):
    pytest.importorskip("lightning")
    stopped, alone = tmp_path / "stopped", tmp_path / "alone"
    process = start(*LONG, "--devices", "2", "--out", stopped)
    assert "step 6/60" in process.stdout.readline()
    process.send_signal(number)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert said.count("stopped at step") == 1
    assert f"continue with `gancourse resume {stopped}`" in said
    assert 0 < read_tensors(stopped / "checkpoint.safetensors")[1]["turn"] < 60 * 6
    cli.main(["resume", str(stopped)])
    cli.main([*LONG, "--out", str(alone)])
    assert differences(stopped, alone) < 1e-4  # 360 updates after the first rounding
    assert sorted(path.name for path in stopped.iterdir()) == sorted(path.name for path in alone.iterdir())


@pytest.mark.slow
def test_two_nodes_of_one_process_each_finish_what_one_process_began(tmp_path, monkeypatch, ring, lengthen):
    pytest.importorskip("lightning")
    together, alone = tmp_path / "together", tmp_path / "alone"
    for folder in (together, alone):
        cli.main([*ring, "--steps", "1", "--decay", "constant", "--out", str(folder)])
        lengthen(folder, 20)
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


def test_several_processes_need_lightning_and_say_how_to_get_it(tmp_path, monkeypatch, ring, fails):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install 'gancourse[distributed]'" in fails(*ring, "--devices", "2", "--out", tmp_path / "run")
