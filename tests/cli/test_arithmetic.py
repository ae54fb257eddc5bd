"""Faster arithmetic: --fast, --fused, --channels-last, --precision."""

import torch

from gancourse import cli, recipes
from gancourse.recipes import Arithmetic
from gancourse.training import has_bf16

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
