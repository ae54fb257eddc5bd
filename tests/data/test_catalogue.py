"""Every data set by name."""

import pytest
import torch

from gancourse import data
from gancourse.data import Source
from gancourse.data.catalogue import Entry, Request, data_sets
from gancourse.rng import Noise
from gancourse.signature import Classes

PLAIN = [name for name, entry in data_sets.items() if not entry.argument and entry.elsewhere is None]
EACH = pytest.mark.parametrize("name", PLAIN)


@EACH
def test_every_source_hands_out_what_its_signature_says(name):
    source = data.load(name)
    assert isinstance(source, Source)
    signature = source.signature
    for batch in (source(Noise((0,), 5)), source.first(5)):
        assert tuple(batch.x.shape) == (5, *signature.shape)
        assert batch.x.dtype == torch.float32
        assert batch.x.isfinite().all()
        if signature.is_image:
            assert -1 <= batch.x.min() <= batch.x.max() <= 1
        if signature.condition is not None:
            assert signature.condition.encoded(batch.y).shape == (5, signature.condition.size)
        assert (batch.other is None) == (signature.other is None)


@EACH
def test_draws_are_the_key_s_and_the_first_samples_are_always_the_same(name):
    source, again = data.load(name), data.load(name)
    assert torch.equal(source(Noise((1,), 4)).x, again(Noise((1,), 4)).x)
    assert not torch.equal(source(Noise((1,), 4)).x, source(Noise((2,), 4)).x)
    assert torch.equal(source.first(4).x, again.first(4).x)
    if source.n_samples is None:
        return
    assert source.n_samples > 1000
    with pytest.raises(ValueError, match=r"asked for 0|noise for 0"):
        source.first(0)


@EACH
def test_every_entry_says_what_it_is_and_has_a_full_set_only_if_it_says_so(name):
    assert data_sets[name].about
    if not data_sets[name].has_full_set:
        with pytest.raises(ValueError, match=f"{name} has no full set"):
            data.load(name, full=True)


def test_the_papers_mixtures_are_at_root_mean_square_one():
    # A ring's coordinates have a mean square of half its radius squared; the grid's are −4, −2, 0, 2 and 4.
    for name, mean_square, std in (("unit-ring", 1 / 2, 0.01), ("unit-grid", 8.0, 0.05)):
        mixture = data.load(name)
        assert mixture.means.square().mean().item() == pytest.approx(1.0)
        assert mixture.std == pytest.approx(std / mean_square**0.5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("rings", "data set 'rings' not found; did you mean 'ring'"),
        ("", "data set '' not found"),
        ("ring:", "data set 'ring:' can't be opened; write ring"),
        ("ring:x", "data set 'ring:x' can't be opened; write ring"),
        ("photos", "data set 'photos' can't be opened; write photos:PATH"),
        ("photos:", "data set 'photos:' can't be opened; write photos:PATH"),
    ],
)
def test_a_name_that_can_t_be_opened_says_what_to_write(name, message, monkeypatch):
    monkeypatch.setitem(data_sets, "photos", Entry("pictures", lambda request: None, argument="PATH"))
    with pytest.raises(ValueError, match=message):
        data.load(name)


def test_what_is_asked_for_reaches_the_loader_whole(monkeypatch):
    asked = []
    monkeypatch.setitem(data_sets, "photos", Entry("pictures", asked.append, has_full_set=True, argument="PATH"))
    data.load("photos:/a:b c", "test", full=True, download=True, size=32)
    assert asked == [Request("/a:b c", "test", True, True, 32)]


def test_the_domains_of_a_data_set_are_data_sets_of_the_catalogue():
    assert data.domains("unpaired:digits,fashion") == ("digits", "fashion")
    assert data.domains("unpaired:ring,folder:photos") == ("ring", "folder:photos")
    assert [data.domains(name) for name in PLAIN] == [(name,) for name in PLAIN]
    with pytest.raises(ValueError, match="unpaired:digits doesn't name two data sets"):
        data.domains("unpaired:digits")


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split 'validation' is unknown; pass 'train' or 'test'"):
        data.load("digits", "validation")


def test_the_mixtures_classes_are_their_components():
    assert data.load("ring").signature.condition == Classes(tuple("01234567"))
    assert data.load("grid").signature.condition.size == 25
