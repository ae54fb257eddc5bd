"""What the tests of the command line share."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gancourse import cli

RING = ["train", "ring", "--steps", "20", "--batch-size", "8", "--width", "8", "--device", "cpu"]


@pytest.fixture
def ring() -> list[str]:
    """A training of a moment."""
    return RING


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must fail; returns its one line."""

    def run(*arguments: object) -> str:
        with pytest.raises(SystemExit) as stop:
            cli.main([str(a) for a in arguments])
        said = capsys.readouterr().err
        assert stop.value.code == 2
        assert said.startswith("gancourse: ")
        assert said.count("\n") == 1
        return said

    return run


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """The folder of a finished run."""
    folder = tmp_path / "run"
    cli.main([*RING, "--out", str(folder)])
    capsys.readouterr()
    return folder


@pytest.fixture
def lengthen() -> Callable[[Path, int], None]:
    """Changes how many steps a run's recipe asks for, so that a finished one can go on."""

    def change(folder: Path, steps: int) -> None:
        path = folder / "recipe.json"
        recipe = json.loads(path.read_text())
        recipe["training"]["steps"] = steps
        path.write_text(json.dumps(recipe))

    return change
