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
    assert list(values) == [f"path length in {space}(faces-regressor, 7)" for space in "ZW"]
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


def test_a_row_has_both_lengths_and_the_distance():
    method = "mapping, penalty"
    row = path_lengths.play(method, path_lengths.methods[method].changed(**TINY), 60)
    assert row["steps"] == 2
    assert list(row["metrics"]) == [
        "path length in Z(faces-regressor, 60)",
        "path length in W(faces-regressor, 60)",
        "fid(faces-regressor, 60/60)",
    ]
    assert all(value > 0 for value in row["metrics"].values())


def test_it_is_in_the_catalogue():
    assert experiments.experiment("path-lengths") is path_lengths.table
