"""What holds on a CPU holds on CUDA: where a run starts, that it resumes bit-equal, what it leaves behind."""

import json

import pytest
import torch

from gancourse import cli, recipes, zoo
from gancourse.device import make_repeatable
from gancourse.recipes import Arithmetic, build
from gancourse.rng import Noise
from gancourse.training import load_checkpoint, read_tensors, save_checkpoint

pytestmark = [pytest.mark.cuda, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]
CPU, CUDA = torch.device("cpu"), torch.device("cuda")
NAMES = sorted(recipes.recipes)


def small(name):
    return recipes.recipe(name).offline().changed(batch_size=16)


def all_weights(trainer):
    return {f"{n}/{k}": v.clone() for n, p in trainer.players.items() for k, v in p.network.state_dict().items()}


def differing(one, other):
    return [name for name in one if not torch.equal(one[name], other[name])]


@pytest.mark.parametrize("name", NAMES)
def test_the_first_losses_are_the_cpu_s(name):
    on_cpu, on_cuda = (next(build(small(name), device).trainer.steps(1)).losses for device in (CPU, CUDA))
    for player, terms in on_cpu.items():
        for term, value in terms.items():
            # The second player sees the first one's update, in which Adam turns rounding of zeros into whole steps.
            assert on_cuda[player][term] == pytest.approx(
                value, rel=1e-4 if player == "discriminator" else 1e-2, abs=1e-4
            )


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_resumed_run_is_bit_equal(name, fast, tmp_path):
    whole, stopped, resumed = (build(small(name), CUDA, arithmetic=Arithmetic(fast=fast)).trainer for _ in range(3))
    for _ in whole.steps(3):
        pass
    for _ in stopped.steps(1):
        pass
    save_checkpoint(tmp_path / "c.safetensors", stopped)
    load_checkpoint(tmp_path / "c.safetensors", resumed)
    for _ in resumed.until(3):
        pass
    assert differing(all_weights(whole), all_weights(resumed)) == []


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_trains(name):
    trainer = build(small(name), CUDA, arithmetic=Arithmetic(fast=True, precision="bf16-mixed")).trainer
    before = all_weights(trainer)
    *_, step = trainer.steps(3)
    assert all(torch.isfinite(torch.tensor(v)) for terms in step.losses.values() for v in terms.values())
    assert differing(before, all_weights(trainer))


def test_latents_are_the_cpu_s():
    draws = [Noise((3, "generator"), 64, 5, device).normal("z", 7).cpu() for device in (CPU, CUDA)]
    assert torch.equal(*draws)


def test_samples_of_the_zoo_are_the_cpu_s_up_to_rounding():
    make_repeatable(CUDA)
    network = zoo.untrained(recipes.recipe("dcgan-digits"))
    network.load_state_dict(zoo.load("dcgan-digits").state_dict())
    on_cpu = zoo.samples(network, 16)
    torch.testing.assert_close(zoo.samples(network.to(CUDA), 16), on_cpu, rtol=0, atol=1e-4)


def test_a_run_on_cuda_is_watched_measured_and_goes_on_on_a_cpu(tmp_path, capsys):
    folder = tmp_path / "run"
    cli.main(["train", "ring", "--steps", "40", "--device", "cuda", "--out", str(folder)])
    assert len((folder / "watched.jsonl").read_text().splitlines()) == 10
    cli.main(["evaluate", str(folder), "--n", "500"])
    cli.main(["report", str(folder)])
    described = json.loads((folder / "recipe.json").read_text())
    described["training"]["steps"] = 50
    (folder / "recipe.json").write_text(json.dumps(described))
    cli.main(["resume", str(folder), "--device", "cpu"])
    assert read_tensors(folder / "checkpoint.safetensors")[1]["turn"] == 100
    assert "modes =" in capsys.readouterr().out
