"""The comparison is fair, and the book's page says what the rows say."""

import itertools
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from benchmarks import machine, metrics, processes, quality, speed, tables, textbook, turns
from gancourse import data
from gancourse.batch import Batch
from gancourse.games import GAN, OneBatch, OneForward
from gancourse.models import folded
from gancourse.objectives import hinge, non_saturating
from gancourse.rng import Noise
from gancourse.training import Trainer
from tests import checkout


@pytest.mark.parametrize("reuse", [False, True])
@pytest.mark.parametrize(
    "workload",
    [pytest.param(name, marks=pytest.mark.slow if name == "upsampling-32" else ()) for name in speed.WORKLOADS],
)
def test_the_textbook_s_step_and_the_trainer_s_are_the_same(
    workload: str, reuse: bool, monkeypatch: pytest.MonkeyPatch
):
    """Given the same latents and images, in float64; the techniques add up to rounding only."""
    torch.manual_seed(0)
    chosen = speed.WORKLOADS[workload]
    n = 2 if chosen.hinge else 102  # more than a latent's numbers, so that the projection folds
    if chosen.hinge:  # without power iterations, of which torch makes more at the start than we do
        chosen = chosen._replace(networks=lambda: speed._resnet(lambda network: network, width=4))
    slow, fast = ([network.double() for network in chosen.networks()] for _ in range(2))
    for layer in [layer for network in (*slow, *fast) for layer in network.modules()]:
        if isinstance(layer, torch.nn.Dropout2d):
            layer.p = 0.0  # its masks come from torch's global state
    for a, b in zip(slow, fast, strict=True):
        b.load_state_dict(a.state_dict())
        folded(b, in_place=True)
    real = torch.rand(2, n, chosen.channels, chosen.size, chosen.size, dtype=torch.float64) * 2 - 1
    players = ["discriminator"] if reuse else ["discriminator", "generator"]
    draws = [Noise((0, player), n, step) for step in range(2) for player in players]
    latents = [noise.normal("z", slow[0].latent_size).double() for noise in draws]
    monkeypatch.setattr(torch, "randn", lambda *shape, device: latents.pop(0))
    for _ in textbook.steps(*slow, iter(real), hinge=chosen.hinge, reuse=reuse):
        pass
    assert not latents
    monkeypatch.undo()

    class Doubled(GAN):
        def latents(self, noise: Noise) -> torch.Tensor:
            return super().latents(noise).double()

    game = Doubled(*fast, hinge if chosen.hinge else non_saturating)
    game = OneForward(game) if reuse else game
    game = OneBatch(game) if chosen.alone else game
    trainer = Trainer(game, lambda noise: Batch(real[noise.update]), batch_size=n, channels_last=True)
    for _ in trainer.steps(2):
        pass
    for a, b in zip(slow, fast, strict=True):
        for wanted, found in zip(a.parameters(), b.parameters(), strict=True):
            torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-7)  # Adam's ε makes small slopes matter


@pytest.mark.parametrize("workload", speed.WORKLOADS)
def test_both_sides_of_each_workload_run(workload: str):
    chosen = speed.WORKLOADS[workload]._replace(batch_size=2)
    cpu = torch.device("cpu")
    assert next(speed.textbook_steps(chosen, cpu)) == next(speed.textbook_steps(chosen, cpu, reuse=True)) == 0
    compared = speed.variants(chosen)
    counts = {v.name: speed.flops_a_step(chosen, v) for v in compared if v.precision == "32-true"}
    assert counts["trainer"] > counts["+ one generator forward"] == counts["+ channels last"]
    assert counts["+ folding"] <= counts["+ channels last"]
    # The projection of dcgan-28 folds for larger batches only.
    assert (counts["+ folding"] < 0.7 * counts["+ channels last"]) == (workload != "dcgan-28")
    assert ("+ one discriminator batch" in counts) == chosen.alone == (workload == "sn-resnet-32")
    assert compared[-1].precision == "bf16-mixed"
    assert speed.variants(chosen, with_bf16=False) == compared[:-1]
    assert all(v.precision == "32-true" for v in compared[:-1])


def test_loops_that_take_turns_are_timed_apart():
    makers = {"slow": (map, (time.sleep, [0.04] * 12)), "fast": (map, (time.sleep, [0.005] * 12))}
    seconds = turns.alternate(makers, rounds=3, steps=2)
    assert [len(values) for values in seconds.values()] == [3, 3]
    low, middle, high = turns.ratios(seconds["slow"], seconds["fast"])
    assert 1 < low <= middle <= high


def test_the_time_to_a_quality_counts_from_the_first_point_at_or_below_it():
    trace = [{"steps": 1, "fid": 9.0}, {"steps": 2, "fid": 5.0}, {"steps": 3, "fid": 7.0}]
    assert tables.reached(trace, 7.0) == 2
    assert tables.reached(trace, 4.9) is None


def test_a_trace_measures_at_intervals_and_at_the_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(quality, "fid", lambda generator, real: 1.0)
    found = list(quality.trace(itertools.repeat(None, 5), torch.nn.Identity(), every=2))
    assert [row["steps"] for row in found] == [2, 4, 5]


def says_what_its_rows_say(folder: Path) -> bool:
    """Whether the page of measurements in a copy of the course is what its rows make it."""
    command = [sys.executable, "-m", "benchmarks.tables", "--print"]
    printed = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    return printed.removesuffix("\n") == (folder / tables.PAGE.relative_to(checkout.ROOT)).read_text("utf-8")


def test_the_page_is_what_the_rows_say(tmp_path: Path):
    folder = checkout.ROOT
    if checkout.tracked() is not None and not says_what_its_rows_say(folder):
        # A reader may have measured again, with --keep; until that is staged, git's rows and git's page count.
        folder = tmp_path
        checkout.export_index(folder)
    assert says_what_its_rows_say(folder), "run `python -m benchmarks.tables`"


def test_rows_name_the_machine_but_nobody_s_folders():
    for path in (speed.RESULTS, quality.RESULTS, processes.RESULTS, tables.METRICS):
        rows = machine.rows(path)
        assert rows
        assert all(row["machine"]["processor"] for row in rows)
        assert "/home" not in path.read_text("utf-8")


def test_bytes_come_back_from_images_and_images_from_bytes_to_half_a_level():
    bytes_ = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(metrics.to_bytes(data.images.to_floats(bytes_)), bytes_)
    x = torch.rand(1, 1, 64, 64, dtype=torch.float64) * 2 - 1
    error = (data.images.to_floats(metrics.to_bytes(x)).double() - x).abs().max().item()
    assert 0.4 * 2 / 255 < error <= 0.5 * 2 / 255 + 1e-6


def test_a_library_that_takes_bytes_agrees():
    pytest.importorskip("torch_fidelity")
    for _, _, ours, theirs in metrics._of_bytes(0, n=200):
        assert ours == pytest.approx(theirs, rel=1e-6)


@pytest.mark.slow
def test_arrangements_of_processes_are_timed():
    for n in (1, 2):
        found = processes.measure("relativistic-digits", n, steps=1)
        assert 0 <= found["waiting"] < found["seconds"]
        assert (found["waiting"] > 0) == (n > 1)
