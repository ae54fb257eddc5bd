"""The experiments on diffusion's noise and on the transport term: what differs, and that they measure what they say."""

import itertools

import pytest
import torch
from torch import nn

from gancourse import experiments
from gancourse.diffusion import VariancePreserving
from gancourse.experiments import diffused_discriminator, transport_term
from gancourse.experiments.remedies import mixture
from gancourse.games import DiffusedRemedy

TINY = {"width": 8, "depth": 1, "steps": 2, "batch_size": 16}


class Fixed(nn.Module):
    """A generator of known samples."""

    latent_size = 2

    def __init__(self, function):
        super().__init__()
        self.function, self.anything = function, nn.Parameter(torch.zeros(1))

    def forward(self, z):
        return self.function(z)


def test_the_methods_differ_in_the_noise_and_the_activation_only():
    plain = diffused_discriminator.methods["no noise"]
    for name, trial in diffused_discriminator.methods.items():
        base = trial.changed(remedies=())
        assert base == (plain.changed(activation="tanh", latent_scale=6.0) if "tanh" in name else plain)
    remedies = [trial.recipe.play.remedies for trial in diffused_discriminator.methods.values()]
    assert len(set(remedies)) == 6


def test_constant_noise_has_the_root_mean_square_of_a_tenth_of_the_times():
    (constant,) = diffused_discriminator.methods["instance noise, constant"].recipe.play.remedies
    level = VariancePreserving("linear", DiffusedRemedy().n_times).level(torch.arange(100))
    root_mean_square = level.noise.square().mean().sqrt().item()
    assert root_mean_square == pytest.approx(0.193, rel=5e-3)
    assert constant.std == constant.end == pytest.approx(root_mean_square, rel=0.05)


def test_a_cloud_has_a_width_far_above_that_of_the_modes():
    """Uniform numbers on [−a, a] have the standard deviation a/√3; z is mapped to them by its distribution function."""
    exact = mixture("grid")
    side = exact.means.max() * 1.25
    cloud = diffused_discriminator.judge(Fixed(lambda z: (2 * torch.special.ndtr(z) - 1) * side), 2500)
    spacing = exact.means.max() / 2
    assert cloud["width"] == pytest.approx(spacing.item() / 12**0.5 / exact.std, rel=0.03)
    assert cloud["reverse KL"] < 0.02


@pytest.mark.parametrize("method", ["no noise", "diffused, a tenth of the times"])
def test_a_row_of_noise_depends_on_its_seed_alone(method):
    trial = diffused_discriminator.methods[method].changed(**TINY)
    first, again = (diffused_discriminator.play(method, trial, 200)["metrics"] for _ in range(2))
    assert first == again
    assert {"modes", "share within 3σ", "reverse KL", "width"} <= first.keys()


def test_methods_of_the_transport_term_differ_in_the_term_only():
    none, falling, constant = transport_term.methods.values()
    assert falling.changed(terms=()) == constant.changed(terms=()) == none
    assert none.recipe.play.family.latent_size == 2


def test_the_identity_is_an_optimal_transport_and_a_turn_isn_t():
    assert transport_term.judge(Fixed(lambda z: 2 * z), 300)["ratio"] == pytest.approx(1, abs=1e-3)
    turned = transport_term.judge(Fixed(lambda z: z.flip(1) * torch.tensor([-1.0, 1.0])), 300)
    # ‖z − Rz‖² is 4 on average; the same points, assigned anew, are nearly where they were.
    assert turned["moved"] == pytest.approx(4, rel=0.2)
    assert turned["ratio"] > 10


def test_a_shuffle_of_few_points_is_assigned_as_by_trying_all(monkeypatch):
    monkeypatch.setattr(transport_term, "N_ASSIGNED", 5)
    generator = Fixed(lambda z: z.flip(0).sin() * 3)
    z, x = transport_term.pairs(generator, 5)
    costs = [(x[list(order)] - z).square().sum(1).mean().item() for order in itertools.permutations(range(5))]
    judged = transport_term.judge(generator, 100)
    assert judged["optimal"] == pytest.approx(min(costs), abs=1e-4)
    assert judged["moved"] == pytest.approx((x - z).square().sum(1).mean().item(), abs=1e-4)


def test_a_row_of_the_transport_term_has_the_map_of_fixed_latents():
    method = "weight 1, falling to 0"
    trial = transport_term.methods[method].changed(**TINY)
    row, again = (transport_term.play(method, trial, 200) for _ in range(2))
    assert row == again
    assert torch.tensor(row["map"]).shape == (transport_term.N_KEPT, 2)
    other = transport_term.play(method, trial.changed(seed=1), 200)
    assert transport_term.distance_between([row["map"], again["map"]]) == 0
    assert transport_term.distance_between([row["map"], other["map"]]) > 0
    with pytest.raises(ValueError, match="1 map; pass at least two"):
        transport_term.distance_between([row["map"]])


def test_they_are_in_the_catalogue():
    for name, table in (
        ("diffused-discriminator", diffused_discriminator.table),
        ("transport-term", transport_term.table),
    ):
        assert experiments.experiment(name) is table
