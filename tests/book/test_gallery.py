"""The gallery shows every network of the zoo, with the numbers of its card and samples that nobody chose."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import gallery
import pytest
import torch
from PIL import Image
from torch.testing import assert_close

from gancourse import zoo
from gancourse.plots.pictures import sheet
from gancourse.recipes import recipe
from gancourse.zoo import Trained
from tests.book import small_book

ASSETS = gallery.BOOK / gallery.PICTURES


def test_page_and_pictures_are_those_of_the_zoo(course: Path):
    assert gallery.main(["--check", "--book", str(course / "book")]) == 0, "run `python book/gallery.py`"


def test_a_number_that_is_not_the_card_s_is_found(tmp_path: Path, monkeypatch, capsys):
    (tmp_path / gallery.PICTURES).mkdir(parents=True)
    cards = zoo.cards()
    for name in gallery.pictured(cards):
        (tmp_path / gallery.PICTURES / name).touch()
    (tmp_path / "gallery.md").write_text(gallery.page(cards), "utf-8")
    assert gallery.main(["--check", "--book", str(tmp_path)]) == 0
    other = dataclasses.replace(cards["dcgan-digits"], metrics={"fid(digits-classifier, 10k/10k)": 41.0})
    monkeypatch.setattr(zoo, "cards", lambda: cards | {"dcgan-digits": other})
    assert gallery.main(["--check", "--book", str(tmp_path)]) == 1
    assert "is not what the zoo's cards say: run `python book/gallery.py`" in capsys.readouterr().err


@pytest.mark.parametrize("change", ["missing", "left over"])
def test_a_picture_too_few_or_too_many_is_found(change: str, tmp_path: Path):
    (tmp_path / gallery.PICTURES).mkdir(parents=True)
    names = gallery.pictured(zoo.cards())
    for name in sorted(names)[1:] if change == "missing" else {*names, "old.png"}:
        (tmp_path / gallery.PICTURES / name).touch()
    (tmp_path / "gallery.md").write_text(gallery.page(zoo.cards()), "utf-8")
    assert gallery.main(["--check", "--book", str(tmp_path)]) == 1


def test_every_network_is_there_with_its_commands_and_all_of_its_numbers():
    text = gallery.page(zoo.cards())
    for name, card in zoo.cards().items():
        [section] = [part for part in text.split("\n### ") if part.startswith(f"{name}\n")]
        assert f"\n{card.command}\n" in section
        assert (f"\ngancourse sample {name} --n " in section) == card.recipe.play.makes_samples
        for metric, value in card.metrics.items():
            assert f"| {metric} | {value:.4g} |" in section


def test_pictures_are_small_and_show_something():
    paths = list(ASSETS.glob("*.png"))
    assert 0 < sum(path.stat().st_size for path in paths) < 1_000_000
    for path in paths:
        with Image.open(path) as image:
            low, high = image.convert("L").getextrema()
            assert high - low > 200


def test_a_picture_shows_the_samples_of_the_command_beside_it():
    pixels = gallery.picture(zoo.trained("vae-digits"))
    assert_close(
        torch.from_numpy(pixels), torch.from_numpy(sheet(zoo.trained("vae-digits").samples(50), 10)), rtol=0, atol=0
    )


@pytest.fixture
def conditional(monkeypatch) -> zoo.Card:
    """A card of a network that is asked for labels, in place of one of the zoo."""
    own = recipe("acgan-digits").changed(width=4)
    monkeypatch.setattr(zoo, "trained", lambda name: Trained(own, zoo.untrained(own).eval()))
    return dataclasses.replace(zoo.card("dcgan-digits"), name="acgan-digits", recipe=own)


def test_a_conditional_network_has_a_row_for_each_label(conditional: zoo.Card):
    text = gallery.page({"acgan-digits": conditional})
    assert "A row for each label, from the top 0, 1, 2, 3, 4, 5, 6, 7, 8, 9." in text
    assert "gancourse sample acgan-digits --n 80 --label 0 1 2 3 4 5 6 7 8 9" in text
    trained = zoo.trained("acgan-digits")
    of_sevens = trained.samples(80, 0, torch.arange(10).repeat_interleave(8))[56:64]
    assert_close(gallery.samples(trained)[56:64], of_sevens)


def test_points_are_drawn_in_the_plane():
    own = recipe("ring").changed(width=4)
    assert gallery.picture(Trained(own, zoo.untrained(own).eval())).ndim == 3


def test_the_page_builds(conditional: zoo.Card, tmp_path: Path):
    code = ["# Sample", small_book.code("print(1)", small_book.printed("1\n"))]
    folder = small_book.write(tmp_path, code, {"gallery": gallery.page({"acgan-digits": conditional})})
    gallery.write_pictures({"acgan-digits": conditional}, folder / gallery.PICTURES)
    html, problems = small_book.build(folder)
    assert not problems
    built = (html / "gallery.html").read_text("utf-8")
    assert 'alt="80 generated images that should look like the data set digits. A row for each label' in built
