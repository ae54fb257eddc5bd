"""Two domains without pairs."""

import pytest
import torch

from gancourse import data
from gancourse.processes import Part
from gancourse.rng import Noise


def test_the_first_domain_is_drawn_as_if_it_were_alone_and_the_second_independently():
    ring, grid = data.ring(), data.grid()
    noise = Noise((3,), 400)
    batch = data.Unpaired(ring, grid)(noise)
    alone = ring(noise)
    assert torch.equal(batch.x, alone.x)
    assert torch.equal(batch.y, alone.y)
    same = data.Unpaired(ring, ring)(noise)
    assert not torch.equal(same.other, same.x)
    # Independent coordinates of variance 2 correlate by 1/sqrt(400); five times that is a false alarm in a million.
    assert abs(torch.corrcoef(torch.stack([same.x[:, 0], same.other[:, 0]]))[0, 1]) < 0.25


def test_two_processes_share_a_batch():
    source = data.Unpaired(data.ring(), data.grid())
    halves = [source(Noise((0,), 3, part=Part(i, 2))) for i in range(2)]
    whole = source(Noise((0,), 6))
    assert torch.equal(torch.cat([half.other for half in halves]), whole.other)


def test_the_catalogue_makes_one_of_two_names():
    source = data.load("unpaired:digits,fashion", size=28)
    assert source.signature.shape == source.signature.other == (1, 28, 28)
    assert source.n_samples == 10_000
    assert source.first(2).other.shape == (2, 1, 28, 28)
    assert source.report() == ""
    assert data.load("unpaired:ring,digits").signature.other == (1, 28, 28)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unpaired", "write unpaired:FIRST,SECOND"),
        ("unpaired:ring", "doesn't name two data sets"),
        ("unpaired:ring,gird", "did you mean 'grid'"),
    ],
)
def test_what_names_no_two_data_sets_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        data.load(name)
