"""Which factors can be seen in a face: the rule against the pictures."""

import pytest
import torch

from gancourse.data import faces
from gancourse.data.faces import FACTORS, changed, draw, labels, neutral, random_factors, values, visible
from gancourse.data.faces.visibility import CLOSED
from gancourse.rng import generator

NAMES = list(FACTORS)


def some(n: int) -> torch.Tensor:
    """Random faces; of a quarter each, the continuous factors are 0 or 1, the eyes are nearly closed, or just open."""
    factors = random_factors(n, generator("visibility"))
    quarter = n // 4
    for column, factor in enumerate(FACTORS.values()):
        if not factor.classes:
            factors[:quarter, column] = factors[:quarter, column].round()
    lids = values(factors, "eyelids")
    lids[quarter : 2 * quarter] *= 0.999 * CLOSED
    lids[2 * quarter : 3 * quarter] = CLOSED + lids[2 * quarter : 3 * quarter] * 0.05
    return factors


def largest_change(factors: torch.Tensor, name: str) -> torch.Tensor:
    """By how much any byte of each picture changes if the factor takes its other values, 0 to 255, [n]."""
    n_classes = len(FACTORS[name].classes)
    settings = (torch.arange(n_classes) + 0.5) / n_classes if n_classes else torch.linspace(0, 1, 5)
    before, most = draw(factors).int(), torch.zeros(len(factors), dtype=torch.int)
    for setting in settings.tolist():
        after = factors.clone()
        after[:, NAMES.index(name)] = setting
        most = torch.maximum(most, (draw(after).int() - before).abs().flatten(1).amax(1))
    return most


@pytest.mark.parametrize("name", NAMES)
def test_a_visible_factor_changes_the_picture(name):
    factors = some(200)
    change = largest_change(factors, name)[visible(factors)[:, NAMES.index(name)]]
    assert len(change) > 100
    assert change.min() >= 12


@pytest.mark.parametrize(("name", "bound"), [("hair amount", 0), ("parting", 0), ("eye colour", 64), ("gaze", 64)])
def test_an_invisible_factor_changes_no_byte_by_more_than_is_said(name, bound):
    factors = some(800)
    is_visible = visible(factors)[:, NAMES.index(name)]
    change = largest_change(factors[~is_visible], name)
    assert len(change) > 90
    assert change.max() <= bound
    # Where it is visible, larger changes are usual.
    assert largest_change(factors[is_visible][:200], name).median() > bound


def test_the_other_factors_are_visible_in_every_face():
    hidden = {name for name, shown in zip(NAMES, visible(some(400)).all(0), strict=True) if not shown}
    assert hidden == {"hair amount", "parting", "eye colour", "gaze"}


def test_most_faces_show_everything():
    factors = faces.Faces("test").factors
    share = visible(factors).double().mean(0)
    bald = (labels(factors, "hair style") == 0).double().mean()
    assert share[NAMES.index("parting")] == 1 - bald
    assert 0.95 < share[NAMES.index("gaze")] < 0.97


def test_a_bald_head_shows_the_colour_of_the_hair_by_its_brows():
    bald = changed(neutral(), hair_style="bald")
    assert largest_change(bald, "hair colour") > 100
    assert visible(bald)[0, NAMES.index("hair colour")]
