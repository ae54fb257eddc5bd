"""Judges: which data is judged how, and that each tells good samples from bad ones."""

import pytest
import torch

from gancourse import data, metrics, zoo
from gancourse.batch import Batch
from gancourse.rng import Noise
from gancourse.signature import Signature
from gancourse.zoo import JUDGES, judge_of
from gancourse.zoo.judges import N_QUICK


class Drawn:
    """Data of any shape: smooth images or correlated points, a new one for every key."""

    def __init__(self, shape, n_samples=None, shift=0.0):
        self.signature, self.n_samples, self.shift = Signature(shape), n_samples, shift

    def __call__(self, noise):
        shape = self.signature.shape
        x = noise.normal("x", *shape)
        if self.signature.is_image:
            coarse = noise.normal("x", shape[0], 4, 4)
            x = torch.nn.functional.interpolate(coarse, shape[1:], mode="bilinear").tanh()
        else:
            x = x.cumsum(1)
        return Batch(x + self.shift)

    def first(self, n):
        if n < 1 or (self.n_samples is not None and n > self.n_samples):
            raise ValueError(f"asked for {n} of {self.n_samples}")
        return self(Noise(("first",), n))


SOURCES = {
    "images": Drawn((3, 20, 16)),
    "few images": Drawn((1, 16, 16), n_samples=300),
    "points": Drawn((5,)),
    "points on a line": Drawn((1,)),
    "few points": Drawn((2,), n_samples=300),
}
EACH = pytest.mark.parametrize("name", SOURCES)


def test_every_judge_is_of_a_data_set_of_the_catalogue():
    for name, judge in JUDGES.items():
        assert judge_of(name, data.load(name)) is judge


@EACH
def test_other_data_is_judged_by_pixels_if_it_is_images_and_by_coordinates_otherwise(name):
    source = SOURCES[name]
    values = judge_of("my own", source).measure(lambda n: source(Noise((1,), n)).x, source, 200, 0)
    kind = "pixels-8x8" if source.signature.is_image else "coordinates"
    assert all(f"({kind}, 200/200)" in metric for metric in values)
    assert not any(metric.startswith("is(") for metric in values)  # no classifier knows the classes
    quick = judge_of("my own", source).quick(source)(source(Noise((1,), N_QUICK)).x)
    n = source.n_samples or N_QUICK
    assert f"fid({kind}, {metrics.label('', '', n, N_QUICK).split(', ')[1]}" in quick


@EACH
def test_samples_of_the_data_are_nearer_than_shifted_ones_and_a_memoriser_is_nearest(name):
    """The data itself, handed back, is the twin that must win: distances see no memorisation."""
    source = SOURCES[name]
    judge = judge_of("my own", source)
    shifted = Drawn(source.signature.shape, shift=0.5)

    def values(make):
        measured = judge.measure(make, source, 250, 0)
        return {metric.split("(")[0]: value for metric, value in measured.items()}

    memorised = values(lambda n: source.first(n).x)
    good = values(lambda n: source(Noise((2,), n)).x)
    bad = values(lambda n: shifted(Noise((2,), n)).x)
    for metric in memorised.keys() & {"fid", "kid", "sliced W2"}:
        assert memorised[metric] <= good[metric] < bad[metric]
    assert memorised["fid"] == pytest.approx(0.0, abs=1e-4 * bad["fid"])
    quick = judge.quick(source)
    (near,), (far,) = ([v for m, v in quick(s(Noise((3,), 200)).x).items() if "fid" in m] for s in (source, shifted))
    assert near < far


@EACH
def test_more_samples_than_there_is_data_are_refused_and_without_a_number_all_of_it_is_used(name):
    source = SOURCES[name]
    if source.n_samples is None:
        return
    judge = judge_of("my own", source)
    with pytest.raises(ValueError, match="asked for 301 of 300"):
        judge.measure(lambda n: source(Noise((1,), n)).x, source, 301, 0)
    assert "300/300)" in next(iter(judge.measure(lambda n: source.first(n).x, source, None, 0)))


def test_a_quick_look_is_the_measurement_itself_where_that_is_quick():
    source = data.load("ring")
    samples = source(Noise((1,), N_QUICK)).x
    judge = judge_of("ring", source)
    assert judge.quick(source)(samples) == judge.measure(lambda n: samples, source, None, 0)
    assert judge.quick(source)(samples)["modes"] == 8
    assert judge.quick(source)(samples[:1].repeat(N_QUICK, 1))["modes"] == 1


def test_a_quick_distance_is_the_long_one_of_as_many_samples():
    source = data.load("digits")
    samples = data.load("digits", "test").first(N_QUICK).x
    judge = judge_of("digits", source)
    (quick,) = judge.quick(source)(samples).items()
    assert judge.measure(lambda n: samples, source, N_QUICK, 0)[quick[0]] == pytest.approx(quick[1])
    assert quick[0] == metrics.label("fid", "digits-classifier", N_QUICK, N_QUICK)


def test_a_trained_network_is_judged_by_its_recipe_s_data():
    trained = zoo.trained("dcgan-digits")
    assert trained.evaluate(100) == zoo.evaluate(trained.network, trained.recipe, 100)


@pytest.mark.parametrize("style", ["faces", "faces-sketch"])
def test_faces_of_each_style_are_judged_by_a_regressor_that_was_trained_on_it(style):
    """Held-out faces of the style are near; those of the other style, the twin that must fail, are far."""
    source = data.load(style)
    quick = judge_of(style, source).quick(source)
    other = "faces" if style == "faces-sketch" else "faces-sketch"
    near, far = (quick(data.load(name, "test").first(N_QUICK).x) for name in (style, other))
    (distance,) = (name for name in near if name.startswith("fid"))
    assert distance.startswith(f"fid({style}-regressor")
    assert 10 * near[distance] < far[distance]
    (coverage,) = (name for name in near if name.startswith("factor coverage"))
    assert near[coverage] > 0.95 > far[coverage]
