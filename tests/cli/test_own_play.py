"""A play of one's own, in one file with its family of networks: every command knows it once a recipe uses it."""

import shlex
from dataclasses import dataclass, replace
from typing import ClassVar

import pytest
import torch
from torch import nn

from gancourse import cli, recipes, zoo
from gancourse.games import Player
from gancourse.models import Family
from gancourse.models.family import check_points
from gancourse.recipes import Data, Play, Recipe, Training
from gancourse.recipes.plays import check_request, in_parts
from gancourse.rng import Noise
from gancourse.training import read_tensors
from gancourse.values import Positive


class Lengths:
    """A game of one player, which brings squared lengths of points to those of the second domain."""

    def __init__(self, network, weight):
        self.network, self.weight = network, weight
        self.players = (Player("mover", network, self.terms),)

    def terms(self, batch, noise):
        difference = self.network(batch.x).square().sum(1) - batch.other.square().sum(1)
        return {"lengths": self.weight * difference.square()}


@dataclass(frozen=True)
class LinearMovers(Family):
    """Linear maps of points.

    Args:
        bias: whether points are also shifted.
    """

    bias: bool = True

    def mover(self, fits):
        """Points to points."""
        n = check_points(fits, self)
        return nn.Linear(n, n, self.bias)


@dataclass(frozen=True)
class OfLengths(Play):
    """Points moved until their lengths are those of the second domain.

    Args:
        family: the network: anything with a mover.
        weight: of the squared difference.
    """

    averaged: ClassVar[tuple[str, ...]] = ("mover",)
    asks_for: ClassVar[tuple[str, ...]] = ("mover",)
    family: Family
    weight: Positive = 1.0

    def game(self, fits):
        """The game of one player."""
        return Lengths(self.family.mover(fits), self.weight)

    def kept(self, networks):
        """The mover."""
        return networks["mover"]

    def target(self, data):
        """The second domain."""
        return data.domain(1)

    def sample(self, network, source, n, seed=0, y=None):
        """Points of the first domain, moved."""
        check_request(network, n, y)
        return in_parts(network, network, source(Noise((seed, "evaluation"), n)).x)


ADDED = Recipe("lengths", "a test", Data("unpaired:ring,grid"), OfLengths(LinearMovers()), Training(average_kimg=0.1))
OPTIONS = "--no-bias --weight 0.5 --steps 6 --batch-size 8"


@pytest.fixture
def folder(tmp_path, monkeypatch, capsys):
    """A finished run of that recipe."""
    monkeypatch.setitem(recipes.recipes, ADDED.name, ADDED)
    cli.main(["train", "lengths", *OPTIONS.split(), "--device", "cpu", "--out", str(tmp_path / "run")])
    assert "lengths: step 6/6" in capsys.readouterr().out
    return tmp_path / "run"


def test_its_options_are_in_the_help_and_in_the_run(folder, capsys):
    assert recipes.read_recipe(folder) == ADDED.changed(bias=False, weight=0.5, steps=6, batch_size=8)
    with pytest.raises(SystemExit):
        cli.main(["train", "lengths", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "--bias, --no-bias" in said
    assert "whether points are also shifted." in said
    assert "of the squared difference." in said


def test_a_run_that_was_cut_ends_with_the_same_bits(folder, tmp_path, lengthen):
    cut = tmp_path / "cut"
    cli.main(["train", "lengths", *OPTIONS.split(), "--steps", "2", "--device", "cpu", "--out", str(cut)])
    lengthen(cut, 6)
    cli.main(["resume", str(cut), "--device", "cpu"])
    ours, theirs = (read_tensors(path / "checkpoint.safetensors")[0] for path in (folder, cut))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_its_samples_are_drawn_and_judged_by_the_second_domain(folder, tmp_path, capsys):
    cli.main(["sample", str(folder), "--n", "10", "--out", str(tmp_path / "points.png")])
    assert (tmp_path / "points.png").is_file()
    cli.main(["evaluate", str(folder), "--n", "100"])
    assert "modes = " in capsys.readouterr().out
    cli.main(["report", str(folder)])
    page = (folder / "report.html").read_text()
    assert "lengths" in page
    assert OPTIONS.split()[0] in page


def test_it_goes_to_the_zoo_and_its_command_makes_it_again(folder, tmp_path):
    cli.main(["zoo-add", str(folder), "--zoo-folder", str(tmp_path / "zoo")])
    card = zoo.card("lengths", tmp_path / "zoo")
    assert card.recipe == recipes.read_recipe(folder)
    assert set(shlex.split(card.command)) == {"gancourse", "train", "lengths", *OPTIONS.split()}
    network = zoo.load("lengths", tmp_path / "zoo")
    assert isinstance(network, nn.Linear)
    torch.testing.assert_close(network.weight, zoo.trained(folder).network.weight, rtol=1e-3, atol=1e-3)


def test_data_that_its_networks_do_not_fit_is_refused_by_the_family_s_name(folder, fails, tmp_path):
    said = fails("train", "lengths", "--data", "unpaired:digits,ring", "--out", tmp_path / "other")
    assert "LinearMovers makes points, not 28 × 28 images of 1 channel; take another recipe or other data" in said


def test_a_family_without_its_networks_is_refused():
    with pytest.raises(ValueError, match="OfLengths asks its family for mover, but MLP makes no mover"):
        replace(ADDED.play, family=recipes.recipe("ring").play.family)
