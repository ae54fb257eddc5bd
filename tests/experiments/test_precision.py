"""The experiment "precision": both sides train the same recipe."""

import pytest
import torch

from gancourse.experiments import rows
from gancourse.experiments.precision import methods, play, table
from gancourse.training import has_bf16

SHORT = {"steps": 2, "width": 4, "batch_size": 4, "full": False}


def tiny(method: str):
    return methods[method].changed(**SHORT)


def test_the_methods_differ_in_precision_only():
    a, b = methods["float32"], methods["bfloat16"]
    assert a.recipe == b.recipe
    assert a.arithmetic.changed(precision="bf16-mixed") == b.arithmetic


def test_float32_runs_and_names_its_protocol():
    assert list(play("float32", tiny("float32"), 50)["metrics"]) == ["fid(digits-classifier, 50/50)"]


@pytest.mark.skipif(not has_bf16(torch.device("cpu")), reason="the processor has no bfloat16")
def test_bfloat16_gives_another_value():
    first, second = (play(method, tiny(method), 50)["metrics"] for method in methods)
    assert first != second


def test_the_stored_rows_are_complete():
    found = {(row["method"], row["seed"]) for row in rows(table.name)}
    assert found == {(method, seed) for method in methods for seed in table.seeds}
