"""The experiment "path-lengths": what differs between its methods, and that it measures what it says."""

import copy

import pytest
import torch

from gancourse import experiments, zoo
from gancourse.experiments import path_lengths
from gancourse.recipes import build
from gancourse.recipes.terms import PathLength
from gancourse.rng import Noise

TINY = {"widths": (4, 4, 4, 4), "batch_size": 4, "latent_size": 4, "steps": 2}


def built(method):
    return build(path_lengths.methods[method].recipe.changed(**TINY))


def test_the_methods_differ_in_the_mapping_and_in_the_penalty_only():
    none, mapping, penalty = path_lengths.methods.values()
    assert none.changed(depth=4) == mapping
    assert mapping.changed(terms=(*mapping.recipe.play.terms, PathLength())) == penalty


def test_without_a_mapping_styles_are_normalised_latents():
    z = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    w = built("no mapping").result.mapping(z)
    torch.testing.assert_close(w, z / z.square().mean(1, keepdim=True).sqrt())


def test_lengths_are_those_of_float64_differences_computed_by_hand():
    trial = built("mapping")
    values = path_lengths.lengths(trial, 7)
    generator = trial.result.eval().double()
    features = copy.deepcopy(zoo.load("faces-regressor")).double().features
    noise = Noise((0, "path lengths"), 7)
    z0, z1 = (noise.normal(end, 4).double() for end in ("z0", "z1"))
    t, maps = noise.uniform("t").double()[:, None], noise.normal("noise", generator.n_noise).double()
    with torch.no_grad():
        w0, w1 = generator.mapping(z0), generator.mapping(z1)
        a, b = (features(generator.synthesis(generator.repeated(w0.lerp(w1, s)), maps)) for s in (t, t + 1e-4))
    expected = (a - b).square().sum(1).mean().item() / 1e-8
    assert values["path length in W(faces-regressor, 7)"] == pytest.approx(expected, rel=1e-4)
    with torch.no_grad():
        a, b = (features(generator.synthesis(generator.repeated(w), maps)) for w in (w0, w1))
    distance = (a - b).square().sum(1).mean().item()
    assert values["squared distance of ends(faces-regressor, 7)"] == pytest.approx(distance, rel=1e-9)
    ratio = values["path length in W / distance(faces-regressor, 7)"]
    assert ratio == pytest.approx(expected / distance, rel=1e-4)


@pytest.mark.parametrize("method", path_lengths.methods)
def test_a_path_is_at_least_as_long_as_the_distance_of_its_ends(method):
    values = path_lengths.lengths(built(method), 200)
    assert all(values[f"path length in {space} / distance(faces-regressor, 200)"] > 1 for space in "ZW")


def test_the_spread_is_that_of_lengths_whose_jacobians_are_written_out():
    trial, n = built("mapping"), 4
    values = path_lengths.spread(trial, n)
    generator, noise = trial.result.eval().double(), Noise((0, "path lengths"), n)
    with torch.no_grad():
        w = generator.mapping(noise.normal("z0", 4).double())
    maps, y = noise.normal("noise", generator.n_noise).double(), noise.normal("y", 3, 32, 32).double()
    found = []
    for i in range(n):
        styles = w[i].expand(1, generator.n_layers, -1)
        jacobian = torch.func.jacrev(lambda w, i=i: generator.synthesis(w, maps[i : i + 1]).flatten())(styles)
        product = torch.einsum("p,plk->lk", y[i].flatten(), jacobian[:, 0])
        found.append(product.square().sum() / generator.n_layers / 32**2)
    by_hand = torch.stack(found).sqrt()
    assert values["length of Jᵀy(pixels, 4)"] == pytest.approx(by_hand.mean().item(), rel=1e-6)
    assert values["spread of Jᵀy(pixels, 4)"] == pytest.approx((by_hand.std() / by_hand.mean()).item(), rel=1e-6)


def test_the_baseline_is_the_training_s_own_start():
    method = "no mapping"
    trial = path_lengths.methods[method].changed(**TINY)
    metrics = path_lengths.play(method, trial, 30)["metrics"]
    initial = build(trial.recipe, arithmetic=trial.arithmetic)
    for name, value in (path_lengths.lengths(initial, 30) | path_lengths.spread(initial, 30)).items():
        assert metrics[f"untrained {name}"] == value != metrics[name]


def test_a_row_has_lengths_spreads_and_the_distance_trained_and_untrained():
    method = "mapping, penalty"
    row = path_lengths.play(method, path_lengths.methods[method].changed(**TINY), 60)
    assert row["steps"] == 2
    ours = [
        "path length in Z(faces-regressor, 60)",
        "path length in W(faces-regressor, 60)",
        "squared distance of ends(faces-regressor, 60)",
        "path length in Z / distance(faces-regressor, 60)",
        "path length in W / distance(faces-regressor, 60)",
        "length of Jᵀy(pixels, 60)",
        "spread of Jᵀy(pixels, 60)",
    ]
    untrained = [f"untrained {name}" for name in ours]
    assert list(row["metrics"]) == [*ours, "fid(faces-regressor, 60/60)", *untrained]
    assert all(value > 0 for value in row["metrics"].values())


def test_it_is_in_the_catalogue():
    assert experiments.experiment("path-lengths") is path_lengths.table
