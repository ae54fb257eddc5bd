"""Faces as a data source: splits, conditions, correlation, groups."""

import hashlib
import itertools
import math
import pickle

import pytest
import torch
from scipy import stats

from gancourse import data, recipes
from gancourse.data.faces import FACTORS, Faces, decode, draw, labels, values
from gancourse.data.faces.collection import Album, table
from gancourse.data.images import to_floats
from gancourse.processes import Part
from gancourse.recipes import build
from gancourse.rng import Noise
from gancourse.signature import Classes, Factors, Picture, Tokens

CONDITIONS = pytest.mark.parametrize("condition", ["factors", "captions", "edges", "hair style", "glasses"])


def test_no_face_is_in_both_splits_or_twice():
    train, test = Faces("train"), Faces("test")
    assert (len(train), len(test)) == (train.n_samples, test.n_samples) == (50_000, 10_000)
    rows = torch.cat([train.factors, test.factors])
    assert len(rows.unique(dim=0)) == 60_000


def test_test_images_are_no_training_images():
    def hashes(split: str) -> set[str]:
        return {hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in draw(table(split)[:4000])}

    train, test = hashes("train"), hashes("test")
    assert len(train) == len(test) == 4000
    assert not train & test


@CONDITIONS
def test_two_processes_share_a_batch(condition):
    source = Faces("test", condition=condition)
    halves = [source(Noise((0,), 3, part=Part(i, 2))) for i in range(2)]
    whole = source(Noise((0,), 6))
    assert torch.equal(torch.cat([half.x for half in halves]), whole.x)
    assert torch.equal(torch.cat([half.y for half in halves]), whole.y)


@CONDITIONS
def test_a_batch_depends_on_the_noise_alone_not_on_what_was_drawn_before(condition):
    used, new = Faces("test", condition=condition), Faces("test", condition=condition)
    used.first(40)
    used(Noise((5,), 40))
    a, b = used(Noise((0, "d"), 8, 3)), new(Noise((0, "d"), 8, 3))
    assert torch.equal(a.x, b.x)
    assert torch.equal(a.y, b.y)
    assert not torch.equal(a.x, new(Noise((0, "d"), 8, 4)).x)


def test_the_condition_does_not_change_which_faces_are_drawn():
    batches = [Faces("test", condition=name)(Noise((0,), 5)).x for name in ("factors", "captions", "bow")]
    assert all(torch.equal(batch, batches[0]) for batch in batches)


def test_conditions_are_of_the_faces_beside_them():
    noise = Noise((2,), 30)
    by_name = {name: Faces("test", condition=name)(noise) for name in ("factors", "edges", "captions", "hair style")}
    factors = by_name["factors"].y
    assert torch.equal(by_name["factors"].x, to_floats(draw(factors)))
    assert torch.equal(by_name["edges"].y, to_floats(draw(factors, "edges")))
    assert torch.equal(by_name["hair style"].y, labels(factors, "hair style"))
    backdrops = FACTORS["backdrop"].classes
    sentences = zip(decode(by_name["captions"].y), labels(factors, "backdrop").tolist(), strict=True)
    named = [(sentence, backdrops[label]) for sentence, label in sentences if "background" in sentence]
    assert len(named) > 5
    assert all(f"{backdrop} background" in sentence for sentence, backdrop in named)


def test_signatures_say_what_the_conditions_are():
    kinds = {name: Faces("test", condition=name).signature for name in ("factors", "captions", "edges", "bow")}
    assert all(signature.shape == (3, 32, 32) for signature in kinds.values())
    n_classes = tuple(len(factor.classes) for factor in FACTORS.values())
    assert kinds["factors"].condition == Factors(tuple(FACTORS), n_classes)
    assert isinstance(kinds["captions"].condition, Tokens)
    assert kinds["edges"].condition == Picture((1, 32, 32))
    assert kinds["bow"].condition == Classes(("none", "left", "right"))


def test_the_same_faces_are_in_both_styles():
    in_colour, on_paper = Faces("test").first(20), Faces("test", style="sketch").first(20)
    assert torch.equal(in_colour.y, on_paper.y)
    assert not torch.equal(in_colour.x, on_paper.x)
    pair = data.load("unpaired:faces,faces-sketch", "test")
    batch = pair(Noise((0,), 6))
    assert batch.x.shape == batch.other.shape == (6, 3, 32, 32)
    assert torch.equal(batch.x, Faces("test")(Noise((0,), 6)).x)


def test_edges_can_be_the_images_of_a_set():
    edges, beside = Faces("test", style="edges"), Faces("test", condition="edges")
    assert edges.signature.shape == (1, 32, 32)
    assert torch.equal(edges.first(5).x, beside.first(5).y)


def test_an_album_draws_each_face_once(monkeypatch):
    rows, calls = table("test")[:50], []
    album = Album(rows, "colour")

    def counted(factors: torch.Tensor, style: str) -> torch.Tensor:
        calls.append(len(factors))
        return draw(factors, style)

    monkeypatch.setattr("gancourse.data.faces.collection.draw", counted)
    index = torch.tensor([3, 7, 3, 49])
    assert torch.equal(album[index], draw(rows[index]))
    assert torch.equal(album[torch.tensor([7, 8])], draw(rows[[7, 8]]))
    album[index]
    assert calls == [3, 1]


@CONDITIONS
def test_a_set_can_be_sent_to_another_process_without_its_images(condition):
    source = Faces("test", condition=condition).subset(torch.arange(20))
    sent = pickle.dumps(source)
    assert len(sent) < 1.2e6  # the factors have 0.9 MB, the images would have 31
    batch, again = source.first(3), pickle.loads(sent).first(3)
    assert torch.equal(again.x, batch.x)
    assert torch.equal(again.y, batch.y)


# Independence and correlation


def p_value(factors: torch.Tensor, first: str, second: str) -> float:
    """Of a chi-square test that two factors are independent; continuous ones by quarters."""

    def classes(name: str) -> torch.Tensor:
        return labels(factors, name) if FACTORS[name].classes else (values(factors, name) * 4).long()

    a, b = classes(first), classes(second)
    counts = torch.zeros(int(a.max()) + 1, int(b.max()) + 1)
    counts.index_put_((a, b), torch.ones(len(a)), accumulate=True)
    return stats.chi2_contingency(counts.numpy()).pvalue


def test_all_pairs_of_factors_are_independent_in_both_splits():
    """Level 0.001 for all 231 pairs together, by Bonferroni's bound; correlated sampling is rejected."""
    for split in ("train", "test"):
        least = min(p_value(table(split), *pair) for pair in itertools.combinations(FACTORS, 2))
        assert least > 0.001 / 231
    assert p_value(table("test", 0.1), "glasses", "hair style") < 0.001 / 231


def test_continuous_factors_are_uniform_and_classes_equally_frequent():
    factors = table("train")
    for name, factor in FACTORS.items():
        if factor.classes:
            p = stats.chisquare(labels(factors, name).bincount(minlength=len(factor.classes)).numpy()).pvalue
        else:
            p = stats.kstest(values(factors, name).numpy(), "uniform").pvalue
        assert p > 0.001 / len(FACTORS), name


@pytest.mark.parametrize("correlation", [-1.0, -0.5, 0.0, 0.8, 1.0])
def test_glasses_and_long_hair_have_the_correlation_and_nothing_else_changes(correlation):
    factors = table("train", correlation)
    glasses, is_long = labels(factors, "glasses"), labels(factors, "hair style") >= 4
    measured = torch.corrcoef(torch.stack([glasses, is_long]).double())[0, 1].item()
    # Five standard errors of a correlation of 50,000 pairs.
    assert math.isclose(measured, correlation, abs_tol=5 / math.sqrt(50_000))
    assert abs(glasses.double().mean().item() - 0.5) < 5 * 0.5 / math.sqrt(50_000)
    others = [index for index, name in enumerate(FACTORS) if name != "glasses"]
    assert torch.equal(factors[:, others], table("train")[:, others])


# Groups


def test_a_subset_holds_the_faces_of_its_index():
    faces = Faces("test", condition="glasses")
    with_glasses = faces.subset(labels(faces.factors, "glasses") == 1)
    assert len(with_glasses) == with_glasses.n_samples
    assert (with_glasses(Noise((0,), 50)).y == 1).all()
    assert (with_glasses.first(50).y == 1).all()
    three = faces.subset(torch.tensor([5, 5, 9]))
    assert torch.equal(three.first(3).x, faces.first(10).x[[5, 5, 9]])
    again = three.subset(torch.tensor([2]))
    assert torch.equal(again.factors, faces.factors[[9]])


@pytest.mark.parametrize(
    ("index", "message"),
    [
        (torch.tensor([0.5]), r"index is torch.float32 \(1,\); pass integers \[n\]"),
        (torch.ones(5, dtype=torch.bool), r"one bool for each of the 10000 faces"),
        (torch.tensor([0, 10_000]), "index runs from 0 to 10000, but faces from 0 to 9999"),
        (torch.zeros(10_000, dtype=torch.bool), "the index takes no face"),
        (torch.zeros(0, dtype=torch.int64), "the index takes no face"),
        (torch.tensor(3), "pass integers"),
    ],
)
def test_an_index_that_does_not_fit_is_refused(index, message):
    with pytest.raises(ValueError, match=message):
        Faces("test").subset(index)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"split": "validation"}, "split 'validation' is unknown; pass 'train' or 'test'"),
        ({"style": "skech"}, "style 'skech' not found; did you mean 'sketch'"),
        ({"condition": "caption"}, "condition 'caption' not found; did you mean 'captions'"),
        ({"condition": "smile"}, "condition 'smile' not found"),
        ({"correlation": 1.5}, "correlation is 1.5; pass a number from −1 to 1"),
        ({"correlation": math.nan}, "correlation is nan"),
    ],
)
def test_settings_that_do_not_exist_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Faces(**settings)


def test_more_faces_than_there_are_are_refused():
    with pytest.raises(ValueError, match="asked for 10001 of 10000 faces; pass 1 to 10000"):
        Faces("test").first(10_001)


# Recipes


def test_networks_for_32_pixels_train_on_faces_and_others_say_what_they_make():
    small = recipes.recipe("resnet-digits").changed(width=8, full=False, batch_size=4)
    for name in ("faces", "faces-by-hair", "faces-sketch"):
        losses = next(build(small.changed(data=name)).trainer.steps(1)).losses
        assert all(math.isfinite(value) for part in losses.values() for value in part.values())
    with pytest.raises(ValueError, match="28 × 28 images, not 32 × 32 images of 3 channels"):
        build(recipes.recipe("vae-digits").changed(data="faces", full=False))
