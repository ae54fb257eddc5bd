"""Several processes make the updates that one would have made; a lost one ends the run and is named."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from gancourse import data, models, objectives, processes
from gancourse.games import GAN
from gancourse.models.dropout import Dropout
from gancourse.processes import Part
from gancourse.training import Trainer, join, launch, read_tensors
from gancourse.training.batch_norm import WholeBatchNorm, prepare_for_processes
from gancourse.training.workers import LOST

pytest.importorskip("lightning")
SCRIPT = Path(__file__).with_name("play_together.py")
_spec = importlib.util.spec_from_file_location("play_together", SCRIPT)
play = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(play)


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    """What two processes of one thread each make of every game."""
    file = tmp_path_factory.mktemp("together") / "weights.safetensors"
    assert launch([sys.executable, "-W", "ignore", str(SCRIPT), str(file), "2"], 2) == (0, "")
    return read_tensors(file)[0]


@pytest.fixture(scope="module")
def of_one():
    """What one process of two threads makes of a game; played once."""
    made = {}

    def weights(name):
        if name not in made:
            n_threads = torch.get_num_threads()
            torch.set_num_threads(2)
            made[name] = play.play(name)
            torch.set_num_threads(n_threads)
        return made[name]

    return weights


@pytest.mark.slow
@pytest.mark.parametrize("name", play.GAMES)
def test_two_processes_give_the_weights_of_one(name, of_one, of_two):
    for key, value in of_one(name).items():
        torch.testing.assert_close(of_two[key], value, rtol=0, atol=1e-5, msg=lambda m, key=key: f"{key}: {m}")


@pytest.mark.slow
def test_a_wrapper_that_looks_at_its_own_rows_only_is_caught(of_one, of_two):
    """The twin of the above, planted."""
    (name,) = play.WRONG_GAMES
    largest = max((of_two[key] - value).abs().max().item() for key, value in of_one(name).items())
    assert largest > 1e-3


@pytest.mark.slow
def test_four_processes_give_the_weights_of_one(of_one, tmp_path):
    file = tmp_path / "weights.safetensors"
    assert launch([sys.executable, "-W", "ignore", str(SCRIPT), str(file), "4", *play.NAMED], 4) == (0, "")
    of_four = read_tensors(file)[0]
    expected = {key: value for name in play.NAMED for key, value in of_one(name).items()}
    assert of_four.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(of_four[key], value, rtol=0, atol=1e-5, msg=lambda m, key=key: f"{key}: {m}")


@pytest.mark.slow
@pytest.mark.parametrize("sabotage", play.SABOTAGES)
@pytest.mark.parametrize("name", play.NAMED)
def test_noise_of_their_own_or_gradients_that_are_not_shared_give_other_weights(name, sabotage, of_one, of_two):
    largest = max((of_two[f"{sabotage}: {key}"] - value).abs().max().item() for key, value in of_one(name).items())
    assert largest > 1e-2


def test_one_process_is_all_of_the_batch():
    x = torch.arange(6.0).reshape(3, 2).requires_grad_()
    assert processes.mine() == processes.current_part() == (0, 1)
    assert processes.gather(x) is processes.mean(x) is x
    assert processes.anyone(True)
    assert not processes.anyone(False)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_parts_put_together_are_the_batch(count):
    batch = torch.randn(6, 2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.cat([Part(i, count).of(batch) for i in range(count)]), batch)


def test_what_a_trainer_of_several_processes_refuses(monkeypatch):
    game = GAN(models.mlp.Generator(4, 8), models.mlp.Discriminator(8), objectives.hinge)
    monkeypatch.setattr(processes, "mine", lambda: Part(0, 3))
    with pytest.raises(ValueError, match="a batch of 16 can't be shared by 3 processes; pass a multiple of that"):
        Trainer(game, data.ring(), batch_size=16)
    with pytest.raises(ValueError, match=r"1 is torch's Dropout, .* use gancourse\.models\.Dropout"):
        prepare_for_processes(nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1)))


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("shape", [(6, 3), (6, 3, 4, 4)])
def test_batch_norm_over_two_equal_processes_is_torchs_over_the_doubled_batch(shape, momentum, monkeypatch):
    torch.manual_seed(0)
    theirs = (nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d)(3, momentum=momentum, dtype=torch.float64)
    ours = type(theirs)(3, momentum=momentum, dtype=torch.float64)
    prepare_for_processes(ours)
    assert isinstance(ours, WholeBatchNorm)
    monkeypatch.setattr(processes._Sum, "apply", lambda x: x + x.roll(1, 0))
    for _ in range(3):
        x = 5 + torch.randn(shape, dtype=torch.float64)
        with processes.sharing(Part(0, 2)):
            made = ours(x)
        torch.testing.assert_close(made, theirs(torch.cat([x, x]))[:6])
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_var, theirs.running_var)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


def test_batch_norm_alone_is_torchs_to_the_bit():
    x = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    theirs, ours = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    prepare_for_processes(ours)
    assert torch.equal(ours(x), theirs(x))


def test_dropout_masks_of_parts_are_parts_of_the_mask():
    x = torch.ones(6, 5)
    whole = Dropout(0.5, "a")(x)
    parts = []
    for i in range(2):
        with processes.sharing(Part(i, 2)):
            parts.append(Dropout(0.5, "a")(x[:3]))
    assert torch.equal(torch.cat(parts), whole)
    assert not torch.equal(parts[0], parts[1])


def test_joining_needs_a_place(monkeypatch):
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    with pytest.raises(ValueError, match="start the processes with `gancourse train NAME --devices N`"):
        join(torch.device("cpu"), 2)


# What follows watches processes that are quick to start.
def python(code):
    return [sys.executable, "-c", f"import os, signal, sys, time\nrank = os.environ['LOCAL_RANK']\n{code}"]


def test_processes_that_end_well_are_no_news():
    assert launch(python("assert os.environ['NODE_RANK'] == '0' and os.environ['MASTER_ADDR']"), 2) == (0, "")


@pytest.mark.parametrize("victim", [0, 1])
def test_a_killed_process_is_named_and_the_others_are_ended(victim):
    code = f"if rank == '{victim}': os.kill(os.getpid(), signal.SIGKILL)\ntime.sleep(0.3)\nsys.exit({LOST})"
    assert launch(python(code), 2) == (1, f"process {victim} of 2 was killed by SIGKILL")


def test_what_a_process_said_last_is_kept():
    code = f"if rank == '2': sys.exit('no such file')\ntime.sleep(0.3)\nsys.exit({LOST})"
    assert launch(python(code), 3) == (1, "process 2 of 3 ended with code 1: no such file")


def test_the_first_process_speaks_for_itself():
    assert launch(python("sys.exit(2)"), 2) == (2, "")


def test_processes_that_lose_each_other_without_an_end_are_told_apart():
    code, said = launch(python(f"sys.exit({LOST})"), 2)
    assert (code, said) == (1, "a process was lost or did not answer in time")


def test_a_process_that_hangs_after_anothers_end_is_killed(monkeypatch):
    monkeypatch.setattr("gancourse.training.workers.GRACE_S", 0.2)
    began = time.monotonic()
    code, said = launch(python("if rank == '1': sys.exit('gone')\ntime.sleep(600)"), 2)
    assert (code, said) == (1, "process 1 of 2 ended with code 1: gone")
    assert time.monotonic() - began < 300


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({}, "2 nodes, but NODE_RANK, MASTER_ADDR, MASTER_PORT isn't set"),
        ({"NODE_RANK": "2", "MASTER_ADDR": "a", "MASTER_PORT": "1"}, "NODE_RANK is '2' of 2 nodes; pass 0 to 1"),
    ],
)
def test_several_nodes_have_to_be_told_where_the_first_is(environment, message, monkeypatch):
    for name in ("NODE_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=message):
        launch(python(""), 1, 2)
    with pytest.raises(ValueError, match="0 devices on 1 nodes; pass at least 1 each"):
        launch(python(""), 0)


PARENT = """
import os
import sys
from gancourse.training import launch
child = (
    "from gancourse.training.workers import end_with_parent\\n"
    "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler)\\n"  # ignored in background jobs
    "end_with_parent(); print('ready', flush=True); time.sleep(600)"
)
sys.exit(launch([sys.executable, '-W', 'ignore', '-c', child], 1)[0])
"""


@pytest.mark.slow
def test_workers_end_with_the_process_that_started_them():
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"ready\n"
        parent.kill()
        assert parent.stdout.read() == b""  # the worker holds the pipe's other end until it ends
    assert parent.returncode == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_handed_on(number):
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"ready\n"
        os.kill(parent.pid, number)
        parent.stdout.read()
    assert parent.returncode == 1
