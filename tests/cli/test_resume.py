"""`gancourse resume`: a run goes on as if it had never stopped, or says why it can't."""

import os
import signal
import subprocess
import sys

import pytest
import torch

from gancourse import cli
from gancourse.training import read_tensors


def test_resuming_a_finished_run_says_so_and_changes_nothing(run, capsys):
    before = (run / "checkpoint.safetensors").read_bytes()
    cli.main(["resume", str(run)])
    assert "trained to its last step already" in capsys.readouterr().out
    tensors, _ = read_tensors(run / "checkpoint.safetensors")
    old = run / "old.safetensors"
    old.write_bytes(before)
    for name, value in read_tensors(old)[0].items():
        assert torch.equal(value, tensors[name])


@pytest.mark.parametrize("spoil", [lambda b: b[:1000], lambda b: b"not a checkpoint", lambda b: b"", lambda b: b[::-1]])
def test_a_truncated_or_foreign_checkpoint_is_refused_and_kept(spoil, run, fails):
    path = run / "checkpoint.safetensors"
    path.write_bytes(spoil(path.read_bytes()))
    before = path.read_bytes()
    for command in ("resume", "evaluate", "sample", "report", "film", "zoo-add"):
        assert "checkpoint.safetensors" in fails(command, run)
    assert path.read_bytes() == before


def test_a_checkpoint_of_another_recipe_is_refused(run, fails):
    (run / "recipe.json").write_text((run / "recipe.json").read_text().replace('"width": 8', '"width": 9'))
    assert "saved by another game" in fails("resume", run)
    (run / "recipe.json").write_text("{")
    for command in ("resume", "evaluate", "sample", "report", "film", "zoo-add"):
        assert "recipe.json is damaged" in fails(command, run)
    (run / "recipe.json").write_text('{"kind": "R1"}')
    assert "recipe.json is damaged: it describes no Recipe" in fails("resume", run)


@pytest.mark.skipif(not (sys.platform == "linux" and os.geteuid() == 0), reason="mounting a small tmpfs needs root")
def test_a_full_disk_is_one_line_and_the_last_checkpoint_stays_whole(run, tmp_path, capsys, ring, fails, lengthen):
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", disk]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this machine doesn't let root mount a tmpfs")
    try:
        cli.main([*ring, "--steps", "5", "--decay", "constant", "--out", str(disk / "run")])
        lengthen(disk / "run", 10)
        capsys.readouterr()
        with (disk / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space"):  # noqa: PT012
            while True:
                filler.write(b"0" * 512)
        said = fails("resume", disk / "run")
        assert "No space left on device" in said
        assert "gancourse resume" in said
        (disk / "filler").unlink()
        assert read_tensors(disk / "run/checkpoint.safetensors")[1]["turn"] == 10
        cli.main(["resume", str(disk / "run")])
        assert read_tensors(disk / "run/checkpoint.safetensors")[1]["turn"] == 20
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_writes_a_checkpoint_and_the_resumed_run_is_bit_equal(number, tmp_path):
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
    assert f"continue with `gancourse resume {stopped}`" in said
    assert 0 < read_tensors(stopped / "checkpoint.safetensors")[1]["turn"] < 200 * 6
    cli.main(["resume", str(stopped)])
    cli.main([*arguments, "--out", str(whole)])
    ours, theirs = (read_tensors(f / "checkpoint.safetensors")[0] for f in (stopped, whole))
    assert ours.keys() == theirs.keys()
    for name in ours:
        assert torch.equal(ours[name], theirs[name]), name
