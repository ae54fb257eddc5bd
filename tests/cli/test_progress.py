"""What a training says while it runs."""

from types import SimpleNamespace

import pytest

from gancourse import data
from gancourse.cli import progress
from gancourse.recipes import Built, Progress, recipe
from gancourse.training import Step


class Clock:
    """Time that passes only when it is told to."""

    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


class SlowLook:
    """A watcher whose looks take a hundred seconds each."""

    def __init__(self, clock):
        self.clock, self.seconds = clock, 0.0

    def is_due(self, where):
        return where.ends_one_of(10)

    def look(self, where):
        self.clock.now += 100
        self.seconds += 100
        return {"metrics": {"modes": 8}}


@pytest.mark.parametrize("watched", [True, False])
def test_the_rate_is_that_of_training_whatever_looks_take(watched, monkeypatch, capsys):
    clock = Clock()
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=clock.monotonic))
    built = Built(recipe("ring").changed(steps=20), data.load("ring"), None)

    def steps():
        for index in range(20):
            clock.now += 0.5
            yield Progress(built, Step(index, {}), 0.0)

    end = progress.follow(steps(), "ring", SlowLook(clock) if watched else None)
    assert end.done == 20
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10
    assert lines[0].startswith("ring: step 2/20, 2.0 steps/s, 9 s left")
    assert lines[-1].startswith("ring: step 20/20, 2.0 steps/s, 0 s left")
    assert all(line.endswith(", modes 8") == watched for line in lines)


def test_a_training_without_a_step_has_no_end():
    assert progress.follow((step for step in ()), "ring", None) is None


def test_a_look_that_fails_ends_the_training(monkeypatch):
    built, closed = Built(recipe("ring").changed(steps=20), data.load("ring"), None), []

    def steps():
        try:
            for index in range(20):
                yield Progress(built, Step(index, {}), 0.0)
        finally:
            closed.append(index)

    class Broken(SlowLook):
        def look(self, where):
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        progress.follow(steps(), "ring", Broken(Clock()))
    assert closed == [1]


def test_a_finished_training_offers_what_its_play_can_do(capsys, tmp_path):
    for name, offered in (("ring", True), ("digits-classifier", False)):
        progress.say_end(Progress(Built(recipe(name), None, None), Step(1, {}), 0.0), tmp_path / "it's", watched=False)
        said = capsys.readouterr().out
        assert ("gancourse sample" in said) == offered
        assert f"gancourse evaluate '{tmp_path}/it'\"'\"'s'" in said
        assert "report" not in said
