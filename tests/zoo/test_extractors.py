"""Feature extractors and the cache of reference statistics."""

import hashlib

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from gancourse import data, zoo
from gancourse.metrics import Statistics
from gancourse.training import CheckpointError
from gancourse.zoo import extractors, references


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path))
    return tmp_path


def images(n=30):
    return data.digits("test").first(n).x


def test_a_classifiers_features_are_the_zoos_and_carry_its_name():
    found = zoo.extractor("digits-classifier")
    assert found.name == "digits-classifier"
    assert_close(found(images()), zoo.load("digits-classifier").features(images()))
    assert_close(found(images()), zoo.features("digits", images()))


@pytest.mark.parametrize("size", [1, 7, 100])
def test_features_do_not_depend_on_the_batch(size):
    network = zoo.load("digits-classifier").features
    assert_close(zoo.Extractor("x", network, batch_size=size)(images()), network(images()), rtol=1e-4, atol=1e-4)


def test_any_module_is_an_extractor_and_keeps_its_mode():
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.9))
    network[2].eval()
    found = zoo.Extractor("mine", network)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    made = found(images())
    assert made.shape == (30, 2 * 26 * 26)
    assert not made.requires_grad
    assert [m.training for m in network] == [True, True, False]
    for name, value in network.state_dict().items():  # batch normalisation counted nothing
        assert torch.equal(value, before[name])
    assert torch.equal(found(images()), made)


def test_a_digest_belongs_to_the_weights_and_to_the_architecture():
    torch.manual_seed(0)
    a, b = nn.Linear(3, 3), nn.Linear(3, 3)
    assert extractors.digest(a) != extractors.digest(b)
    b.load_state_dict(a.state_dict())
    assert extractors.digest(a) == extractors.digest(b)
    assert extractors.digest(nn.Sequential(nn.ReLU())) != extractors.digest(nn.Sequential(nn.Tanh()))


def test_what_makes_no_features_is_refused():
    with pytest.raises(ValueError, match="did you mean 'digits-classifier'"):
        zoo.extractor("digit-classifier")
    with pytest.raises(ValueError, match="batch_size is 0"):
        zoo.Extractor("x", nn.Flatten(), batch_size=0)
    with pytest.raises(ValueError, match="expected at least one"):
        zoo.Extractor("x", nn.Flatten())(torch.zeros(0, 1, 28, 28))
    with pytest.raises(ValueError, match="x made 1 rows of 2 images"):
        zoo.Extractor("x", lambda x: x[:1])(torch.zeros(2, 1, 28, 28))


# Inception


def test_missing_inception_weights_say_how_to_get_them(cache, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(cache / "hub"))
    with pytest.raises(
        data.MissingDataError, match=r"is not on this machine; with a connection, .*GANCOURSE_DATA names"
    ):
        zoo.extractor("inception-torchvision")


def test_damaged_inception_weights_are_refused_before_they_are_read(cache):
    (cache / extractors.INCEPTION_FILE).write_bytes(b"not what its name says")
    with pytest.raises(data.MissingDataError, match="is damaged: its SHA-256 begins with"):
        zoo.extractor("inception-torchvision")


@pytest.mark.slow
def test_inception_makes_2048_features_of_grey_images(cache, monkeypatch):
    from torchvision.models import inception_v3

    torch.manual_seed(0)
    network = inception_v3(weights=None, init_weights=False, transform_input=False)
    path = cache / "weights.pth"
    torch.save(network.state_dict(), path)
    name = f"inception-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.pth"
    path.rename(cache / name)
    monkeypatch.setattr(extractors, "INCEPTION_FILE", name)
    made = zoo.extractor("inception-torchvision")(images(2))
    assert made.shape == (2, 2048)
    network.eval().fc = nn.Identity()
    large = nn.functional.interpolate(images(2), (299, 299), mode="bilinear", antialias=True).repeat(1, 3, 1, 1)
    assert_close(made, network(large).detach(), rtol=1e-3, atol=1e-3)


# Statistics


def test_reference_statistics_are_those_of_the_features(cache):
    extractor = zoo.extractor("digits-classifier")
    found = zoo.reference("digits", 700, extractor)
    expected = Statistics.of(zoo.features("digits", data.digits().first(700).x))
    assert found.n == 700
    assert_close(found.mean, expected.mean)
    assert_close(found.covariance, expected.covariance)
    assert not torch.allclose(zoo.reference("digits", 700, extractor, split="test").mean, expected.mean)


def test_the_second_time_nothing_is_computed(cache, monkeypatch):
    extractor = zoo.extractor("digits-classifier")
    first = zoo.reference("digits", 100, extractor)
    monkeypatch.setattr(references, "_measured", lambda *_: pytest.fail("computed again"))
    again = zoo.reference("digits", 100, extractor)
    assert again.n == first.n
    assert torch.equal(again.covariance, first.covariance)


def test_other_weights_sizes_and_splits_have_files_of_their_own(cache):
    one, other = (zoo.Extractor("same name", nn.Sequential(nn.Flatten(), nn.Linear(784, 2))) for _ in range(2))
    for arguments in (("digits", 50, one), ("digits", 50, other), ("digits", 60, one), ("digits", 50, one, "test")):
        zoo.reference(*arguments)
    assert len(list((cache / "statistics").iterdir())) == 4


def test_a_damaged_or_exchanged_file_is_made_anew(cache):
    extractor = zoo.Extractor("corner", nn.Sequential(nn.Flatten(), nn.Linear(784, 2)))
    first = zoo.reference("digits", 50, extractor)
    (path,) = (cache / "statistics").iterdir()
    whole = path.read_bytes()
    for wrong in (whole[:-1] + bytes([whole[-1] ^ 1]), b"", whole[:100]):
        path.write_bytes(wrong)
        assert torch.equal(zoo.reference("digits", 50, extractor).mean, first.mean)
        assert torch.equal(zoo.load_statistics(path)[0].mean, first.mean)
    zoo.save_statistics(path, Statistics(9, first.mean + 1, first.covariance), {"data": "something else"})
    assert torch.equal(zoo.reference("digits", 50, extractor).mean, first.mean)


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path / "file"))
    assert zoo.reference("digits", 20, zoo.extractor("digits-classifier")).n == 20


def test_what_has_no_reference_is_refused(cache):
    with pytest.raises(ValueError, match="data 'ring' is no set of images; pass another, such as 'digits'"):
        zoo.reference("ring", 10, zoo.extractor("digits-classifier"))
    with pytest.raises(ValueError, match="is a plain function; pass sha256"):
        zoo.reference("digits", 10, zoo.Extractor("f", lambda x: x))
    with pytest.raises(data.MissingDataError, match="the full MNIST is not in"):
        zoo.reference("digits", 20_000, zoo.extractor("digits-classifier"))


def test_statistics_come_back_from_a_file_and_other_files_are_refused(tmp_path):
    statistics = Statistics.of(torch.randn(10, 3, generator=torch.Generator().manual_seed(0)))
    zoo.save_statistics(tmp_path / "a", statistics, {"split": "test"})
    found, about = zoo.load_statistics(tmp_path / "a")
    assert about == {"split": "test"}
    assert found.n == 10
    assert torch.equal(found.mean, statistics.mean)
    assert torch.equal(found.covariance, statistics.covariance)
    with pytest.raises(CheckpointError, match="holds no statistics"):
        zoo.load_statistics(zoo.FOLDER / "digits-classifier.safetensors")
