"""Faster arithmetic: --fast, --fused, --channels-last, --precision."""

import os
import signal

import pytest
import torch

from gancourse import cli, recipes, zoo
from gancourse.cli import trainings
from gancourse.recipes import Arithmetic
from gancourse.training import has_bf16, read_tensors

BF16 = has_bf16(torch.device("cpu"))


def test_a_run_says_how_it_computes_and_goes_on_so(tmp_path, capsys, fails, ring, lengthen):
    if not BF16:
        assert "has no bfloat16 arithmetic" in fails(*ring, "--precision", "bf16-mixed", "--out", tmp_path / "a")
    words = ["--fused"] if not BF16 else ["--precision", "bf16-mixed", "--fused"]
    arithmetic = Arithmetic(fused=True) if not BF16 else Arithmetic(precision="bf16-mixed", fused=True)
    cli.main([*ring, *words, "--out", str(tmp_path / "whole")])
    assert recipes.read_arithmetic(tmp_path / "whole") == arithmetic
    cli.main([*ring, *words, "--out", str(tmp_path / "short"), "--steps", "5"])
    lengthen(tmp_path / "short", 20)
    path = tmp_path / "short" / "arithmetic.json"
    if BF16:
        path.rename(tmp_path / "kept.json")
        assert "saved with precision=bf16-mixed, not 32-true" in fails("resume", tmp_path / "short")
        (tmp_path / "kept.json").rename(path)
    cli.main(["evaluate", str(tmp_path / "short"), "--n", "100"])
    path.write_text("{")
    for command in ("resume", "zoo-add"):
        assert "arithmetic.json is damaged" in fails(command, tmp_path / "short")
    cli.main(["report", str(tmp_path / "short")])  # the rest is whole
    assert "arithmetic.json is damaged" in (tmp_path / "short" / "report.html").read_text()


@pytest.mark.parametrize("name", ["ring", "relativistic-digits"])
def test_a_fast_run_that_a_signal_stops_resumes_bit_equal(name, tmp_path, capsys, monkeypatch):
    """The signal is asked for from within the second step, and obeyed between steps."""
    words = ["--steps", "4", "--batch-size", "4", "--width", "4", "--device", "cpu", "--fast", "--no-watch"]
    words += ["--no-full"] if name != "ring" else []
    cli.main(["train", name, *words, "--out", str(tmp_path / "whole")])
    capsys.readouterr()
    monkeypatch.setattr(trainings, "Watcher", lambda folder: Interrupting())
    with pytest.raises(SystemExit) as end:
        cli.main(["train", name, *[w for w in words if w != "--no-watch"], "--out", str(tmp_path / "cut")])
    assert end.value.code == 130
    assert "stopped at step 3" in capsys.readouterr().err
    cli.main(["resume", str(tmp_path / "cut"), "--device", "cpu", "--no-watch"])
    ours, theirs = (read_tensors(tmp_path / n / "checkpoint.safetensors")[0] for n in ("whole", "cut"))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


class Interrupting:
    """A watcher that asks the run to stop while it looks at the second step."""

    seconds = 0.0

    def is_due(self, progress):
        return progress.done == 2

    def look(self, progress):
        os.kill(os.getpid(), signal.SIGTERM)
        return {}


def test_a_fast_run_goes_to_the_zoo_by_the_command_line(tmp_path, capsys, ring):
    cli.main([*ring, "--fast", "--out", str(tmp_path / "run")])
    cli.main(["zoo-add", str(tmp_path / "run"), "--zoo-folder", str(tmp_path / "zoo")])
    card = zoo.card("ring", tmp_path / "zoo")
    assert card.command == "gancourse train ring --width 8 --steps 20 --batch-size 8 --fast"
    assert card.techniques[:2] == ("one discriminator batch", "one generator forward")
    assert zoo.load("ring", tmp_path / "zoo")(torch.zeros(3, 8)).shape == (3, 2)
