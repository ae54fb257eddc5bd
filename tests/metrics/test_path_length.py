import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse.metrics import perceptual_path_length


def latents(n=40, d=6, seed=0):
    random = torch.Generator().manual_seed(seed)
    z0, z1 = torch.randn(2, n, d, dtype=torch.float64, generator=random)
    return z0, z1, torch.rand(n, dtype=torch.float64, generator=random)


def identity(x):
    return x


A = torch.randn(6, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("epsilon", [1e-4, 0.1])
def test_a_linear_generator_on_straight_paths_has_the_closed_form(epsilon):
    z0, z1, t = latents()
    found = perceptual_path_length(lambda z: z @ A, identity, z0, z1, t, epsilon, spherical=False)
    assert_close(found, ((z1 - z0) @ A).square().sum(1), rtol=1e-8, atol=0)


def test_a_linear_generator_on_arcs_has_the_closed_form():
    z0, z1, t = latents()
    angle = torch.nn.functional.cosine_similarity(z0, z1).acos()[:, None]
    s = t[:, None]
    speed = angle / angle.sin() * (torch.cos(s * angle) * z1 - torch.cos((1 - s) * angle) * z0)
    found = perceptual_path_length(lambda z: z @ A, identity, z0, z1, t, 1e-6)
    assert_close(found, (speed @ A).square().sum(1), rtol=1e-4, atol=0)


def test_on_the_unit_sphere_the_speed_is_the_angle():
    z0, z1, t = latents()
    z0, z1 = (z / z.norm(dim=1, keepdim=True) for z in (z0, z1))
    angle = (z0 * z1).sum(1).acos()
    assert_close(perceptual_path_length(identity, identity, z0, z1, t), angle.square(), rtol=1e-6, atol=0)


class Map(nn.Module):
    def __init__(self, *given):
        super().__init__()
        self.given = list(given)

    def sample(self, n):
        return self.given.pop(0)

    def forward(self, z):
        return torch.tanh(z @ A)


class Square(nn.Module):
    def forward(self, x, y):
        return ((x - y) * 255 / 2).square().sum(1)  # undoes the library's rescaling


@pytest.mark.parametrize(("kind", "spherical"), [("lerp", False), ("slerp_any", True)])
def test_lengths_are_those_of_torchmetrics(kind, spherical):
    library = pytest.importorskip("torchmetrics.functional.image")
    z0, z1, _ = latents()
    ours = perceptual_path_length(Map(), identity, z0, z1, torch.zeros(40), spherical=spherical)
    _, _, theirs = library.perceptual_path_length(
        Map(z0, z1), num_samples=40, interpolation_method=kind, resize=None,
        lower_discard=None, upper_discard=None, sim_net=Square(),
    )  # fmt: skip
    assert_close(ours, theirs, rtol=1e-6, atol=0)


def test_lengths_do_not_depend_on_the_batch_or_its_order():
    z0, z1, t = latents()
    whole = perceptual_path_length(Map(), identity, z0, z1, t)
    parts = [perceptual_path_length(Map(), identity, *p) for p in zip(*(s.split(7) for s in (z0, z1, t)), strict=True)]
    assert_close(torch.cat(parts), whole, rtol=1e-9, atol=0)
    assert_close(perceptual_path_length(Map(), identity, z0.flip(0), z1.flip(0), t.flip(0)).flip(0), whole)


def test_features_decide_what_counts():
    z0, z1, t = latents()
    blind = perceptual_path_length(Map(), lambda x: x[:, :0], z0, z1, t)
    double = perceptual_path_length(Map(), lambda x: 2 * x, z0, z1, t)
    assert torch.equal(blind, torch.zeros(40, dtype=torch.float64))
    assert_close(double, 4 * perceptual_path_length(Map(), identity, z0, z1, t))


def test_gradients_are_neither_needed_nor_kept():
    z0, z1, t = latents()
    assert not perceptual_path_length(lambda z: z.requires_grad_() * 2, identity, z0, z1, t).requires_grad


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"z1": torch.zeros(40, 5)}, r"z1 \(40, 5\)"),
        ({"t": torch.zeros(39)}, r"t \(39,\)"),
        ({"t": torch.full((40,), 1.5)}, "expected ε > 0, t in"),
        ({"epsilon": 0.0}, "epsilon is 0.0"),
        ({"z1": torch.zeros(40, 6).double()}, "lie on one line through 0"),
        ({"features": lambda x: x / 0}, "not finite"),
        ({"z0": torch.zeros(40, 6).long(), "z1": torch.ones(40, 6).long(), "spherical": False}, "lost in latents of"),
        ({"z0": torch.zeros(40, 6).half(), "z1": torch.ones(40, 6).half(), "spherical": False}, "lost in .*float16"),
        ({"z0": torch.zeros(40, 6).float(), "z1": torch.ones(40, 6).float(), "epsilon": 1e-6}, "step of 1e-06 is lost"),
    ],
)
def test_what_has_no_length_is_refused(change, message):
    z0, z1, t = latents()
    arguments = {"generator": identity, "features": identity, "z0": z0, "z1": z1, "t": t} | change
    with pytest.raises(ValueError, match=message):
        perceptual_path_length(**arguments)


def test_parallel_latents_are_fine_on_straight_paths():
    z0, _, t = latents()
    found = perceptual_path_length(identity, identity, z0, 2 * z0, t, spherical=False)
    assert_close(found, z0.square().sum(1), rtol=1e-8, atol=0)
