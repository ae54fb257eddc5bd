"""What a recipe costs, against counts by hand and against trainings that are measured."""

import pytest
import torch

from benchmarks import gpu_recipes
from gancourse import cli
from gancourse.batch import Batch
from gancourse.games import Player
from gancourse.models.blocks import n_parameters
from gancourse.recipes import build, calculation, cost, recipe
from gancourse.recipes.calculation import META
from gancourse.recipes.terms import R1


@pytest.fixture(scope="module")
def costs():
    """Of the recipes for GPUs, on one device."""
    return {name: cost(recipe(name)) for name in gpu_recipes.names()}


def test_operations_of_points_are_those_of_their_matrix_products():
    """Without penalties: D's update has G forward, and D forward and backward twice; G's has both forward and back."""
    chosen = recipe("ring").changed(terms=(), batch_size=10)
    own = cost(chosen)
    g, d = (
        [m for m in network.modules() if isinstance(m, torch.nn.Linear)]
        for network in chosen.play.family.pair(*[chosen.signature()] * 2)
    )

    def once(layers):
        return sum(2 * 10 * layer.in_features * layer.out_features for layer in layers)

    # The gradient of a network's own input isn't needed where nothing before it is trained.
    first_d, first_g = once(d[:1]), once(g[:1])
    expected = once(g) + 2 * (3 * once(d) - first_d) + (3 * once(g) - first_g) + 2 * once(d)
    assert own.operations == expected


def test_operations_grow_with_the_batch_alone():
    one, two = (cost(recipe("ring").changed(batch_size=n)) for n in (8, 16))
    assert two.operations == 2 * one.operations
    assert two.activations > one.activations
    assert two.weights == one.weights


def test_a_lazy_term_costs_its_share():
    plain = recipe("relativistic-digits").changed(width=8, batch_size=8, objective="non-saturating", terms=())
    never, always, lazy = (cost(plain.changed(terms=terms)) for terms in ((), (R1(),), (R1(every=4),)))
    assert lazy.operations - never.operations == pytest.approx((always.operations - never.operations) / 4)
    assert always.operations > 1.2 * never.operations
    assert lazy.activations == always.activations > never.activations


def test_memory_of_weights_is_that_of_a_training():
    """Weights, gradients, Adam's moments, and the averaged copy."""
    chosen = recipe("dcgan-digits").changed(full=False, width=8, batch_size=8)
    trainer = build(chosen).trainer
    next(trainer.steps(1))
    held = 0
    for name, player in trainer.players.items():
        weights = list(player.network.parameters())
        held += 2 * sum(weight.nbytes for weight in weights)  # and as many gradients
        states = trainer.optimisers[name].state_dict()["state"].values()
        held += sum(state[key].nbytes for state in states for key in ("exp_avg", "exp_avg_sq"))
    held += sum(p.nbytes for average in trainer.averages.values() for p in average.network.parameters())
    assert cost(chosen).weights == held


def test_activations_are_what_autograd_keeps():
    with META:
        network = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1))
    player = Player("a", network, lambda batch, noise: {"loss": network(batch.x)[:, 0]})
    batch = Batch(torch.zeros(7, 3, device=META))
    # x for the first layer's weights; what Tanh returns for its own gradient and for the second layer's weights, once.
    kept = calculation._updates(player, list(network.parameters()), batch, 1).kept
    assert kept == calculation.BYTES * 7 * (3 + 5)


PIXELS = {
    "stylegan2-cifar": (512, *[16 + (16 + 64) + (64 + 256) + (256 + 1024)] * 2),
    "biggan-cifar": (256, 2 * (64 + 256 + 1024), 1024 + 2 * 256 + 4 * 64),
}
"""Channels, and at how many pixels both networks have convolutions of 3 × 3 from all channels to all.

StyleGAN2: one at 4 × 4, and for each doubling or halving one at its smaller and one at its larger size.
"""


@pytest.mark.parametrize("name", PIXELS)
def test_the_cost_at_full_size_is_within_bounds_by_hand(name, costs):
    """With g and d for a forward pass: D's update takes g + 6 d, and G's 3 g + 2 d; all else adds less than a fifth."""
    own, chosen = costs[name], recipe(name)
    with META:
        networks = chosen.play.family.pair(*[chosen.signature()] * 2)
    assert own.parameters == dict(zip(("generator", "discriminator"), map(n_parameters, networks), strict=True))
    channels, *pixels = PIXELS[name]
    g, d = (2 * 9 * channels**2 * n for n in pixels)
    step = chosen.play.n_critic * (g + 6 * d) + 3 * g + 2 * d
    assert 0.95 * step < own.operations / chosen.training.batch_size < 1.2 * step


def test_hours_are_operations_by_throughput(costs):
    own = costs["biggan-cifar"]
    assert own.hours(100.0) == pytest.approx(own.operations * own.steps / 1e14 / 3600)
    assert own.images == 25_000_000
    for wrong in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="expected a positive number of 10¹² operations a second"):
            own.hours(wrong)


def test_devices_share_the_work_and_the_activations_but_not_the_weights():
    chosen = recipe("biggan-cifar").changed(width=4)
    one, two = cost(chosen), cost(chosen, 2)
    assert two.operations == one.operations
    assert two.hours() == one.hours() / 2
    assert two.weights == one.weights
    assert two.activations < 0.6 * one.activations
    for wrong in (0, 3):
        with pytest.raises(ValueError, match=f"a batch of 50 can't be shared by {wrong} devices"):
            cost(chosen, wrong)


def test_nothing_is_read_and_no_memory_taken(monkeypatch):
    monkeypatch.setenv("GANCOURSE_DATA", "/nowhere")
    assert cost(recipe("biggan-cifar").changed(width=4)).steps == 125_000
    wide = recipe("stylegan2-faces").changed(widths=(9000, 9000, 9000, 9000), terms=(), batch_size=4)
    assert cost(wide).weights > 50e9


def test_the_command_says_what_was_calculated(capsys):
    cli.main(["cost", "ring", "--devices", "2", "--tflops", "1"])
    said = capsys.readouterr().out
    assert said.startswith("ring by calculation; nothing was measured\nparameters: 4,417 of the discriminator, 4,866")
    assert "on 2 devices, each of an assumed 1 · 10¹² operations a second" in said


def test_the_page_is_what_the_command_writes():
    assert gpu_recipes.page() == gpu_recipes.PAGE.read_text("utf-8"), "run `python -m benchmarks.gpu_recipes`"


def test_networks_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="makes points, not 28 × 28 images"):
        cost(recipe("ring").changed(data="digits"))
