"""CIFAR-10 is read by torchvision from where it was downloaded, and can be spoken of before that."""

import hashlib
import pickle

import numpy as np
import pytest
import torch
import torchvision

from gancourse import data
from gancourse.data import Deferred, MissingDataError, Source, cifar10
from gancourse.data.cifar import CIFAR10, OBJECTS
from gancourse.recipes import Data, build, recipe
from gancourse.rng import Noise

FOLDER = "cifar-10-batches-py"
N_BATCH = 4


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """An archive in the published one's format, of four images a file, with checksums of its own."""
    folder = tmp_path / FOLDER
    folder.mkdir()

    def written(name, content):
        (folder / name).write_bytes(pickle.dumps(content))
        return [name, hashlib.md5((folder / name).read_bytes()).hexdigest()]

    def batch(first):
        # Image i is red in its upper left pixel by 10 i, green by 10 i + 1 and blue by 10 i + 2, and black elsewhere.
        images = np.zeros((N_BATCH, 3, 32, 32), np.uint8)
        for i in range(N_BATCH):
            images[i, :, 0, 0] = 10 * (first + i) + np.arange(3)
        return {"data": images.reshape(N_BATCH, -1), "labels": [(first + i) % 10 for i in range(N_BATCH)]}

    kind = torchvision.datasets.CIFAR10
    monkeypatch.setattr(kind, "train_list", [written(f"data_batch_{i + 1}", batch(N_BATCH * i)) for i in range(5)])
    monkeypatch.setattr(kind, "test_list", [written("test_batch", batch(20))])
    key, (name, checksum) = "label_names", written("batches.meta", {"label_names": list(OBJECTS)})
    monkeypatch.setattr(kind, "meta", {"filename": name, "key": key, "md5": checksum})
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path))
    return folder


@pytest.mark.parametrize(("split", "first", "n"), [("train", 0, 20), ("test", 20, 4)])
def test_images_are_channels_first_and_have_their_own_labels(archive, split, first, n):
    images = cifar10(split)
    assert images.signature == CIFAR10
    assert len(images) == n
    for i, (image, label) in enumerate(zip(images.images, images.labels, strict=True)):
        assert image[:, 0, 0].tolist() == [10 * (first + i) % 256, (10 * (first + i) + 1) % 256, 10 * (first + i) + 2]
        assert image.count_nonzero() <= 3
        assert label == (first + i) % 10


def test_the_catalogue_loads_it_and_a_batch_holds_images_with_their_labels(archive):
    source = data.load("cifar10", full=True)
    assert isinstance(source, Source)
    batch = source(Noise((0,), 50))
    assert batch.x.shape == (50, 3, 32, 32)
    assert batch.x.min() == -1
    red = ((batch.x[:, 0, 0, 0] + 1) * 127.5 / 10).round().long()
    assert torch.equal(batch.y, red % 10)


def test_without_the_download_the_message_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path / "nowhere"))
    expected = r"the full CIFAR10 is not in .*nowhere: pass download=True \(--download\), or set GANCOURSE_DATA .*faces"
    with pytest.raises(MissingDataError, match=expected):
        cifar10()
    with pytest.raises(MissingDataError, match=expected):
        build(recipe("biggan-cifar"))


def test_a_file_that_is_not_the_published_one_is_never_opened(archive, monkeypatch):
    """Its files are pickles, which run code when they are opened."""
    assert len(cifar10()) == 20
    marker = archive.parent / "opened"

    class Bomb:
        def __reduce__(self):
            return open, (str(marker), "w")

    (archive / "data_batch_3").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(MissingDataError, match="the full CIFAR10 is not in"):
        cifar10()
    assert not marker.exists()
    with (archive / "data_batch_3").open("rb") as file:
        pickle.load(file).close()
    assert marker.exists()  # it would have shown


def test_a_download_that_fails_says_why(tmp_path, monkeypatch):
    def unreachable(root, train, download):
        assert download
        raise RuntimeError("no route to host")

    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path))
    monkeypatch.setattr(torchvision.datasets, "CIFAR10", unreachable)
    with pytest.raises(MissingDataError, match=r"the download failed \(no route to host\); or set GANCOURSE_DATA"):
        cifar10(download=True)


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split 'validation' is unknown; pass 'train' or 'test'"):
        cifar10("validation")


# A set that the package has no part of


@pytest.mark.parametrize("name", ["cifar10", "few-labels:cifar10,40"])
def test_a_part_of_it_can_t_be_asked_for_and_the_message_names_a_stand_in(name):
    stand_in = data.elsewhere(name).stand_in
    for ask in (lambda: data.load(name), lambda: Data(name)):
        with pytest.raises(ValueError, match=f"no part of {name}; pass full=True .* shape: {stand_in} "):
            ask()
    known, alike = data.packaged(name).signature, data.load(Data(name, full=True).offline().name).signature
    assert (known.shape, known.other) == (alike.shape, alike.other)
    assert type(known.condition) is type(alike.condition)


def test_pairs_are_of_parts_so_it_can_t_be_in_one():
    with pytest.raises(ValueError, match="the package has no part of cifar10"):
        data.load("unpaired:cifar10,faces")


def test_changing_a_recipe_s_data_asks_for_what_there_is():
    faces, cifar = recipe("dcgan-faces"), recipe("biggan-cifar")
    assert faces.changed(data="cifar10").data == Data("cifar10", full=True)
    assert cifar.changed(data="faces-by-hair").data == cifar.offline().data == Data("faces-by-hair")
    assert recipe("dcgan-digits").offline().data == Data("digits")
    assert faces.offline() == faces
    with pytest.raises(ValueError, match="the package has no part of cifar10"):
        cifar.changed(full=False)


def test_few_labels_of_it_are_trained_on_once_it_is_there(archive):
    source = data.load("few-labels:cifar10,10", full=True)
    assert source.signature == data.packaged("few-labels:cifar10,10").signature
    batch = source(Noise((0,), 8))
    assert batch.x.shape == batch.other.shape == (8, 3, 32, 32)


# Read when it is asked for


def test_a_deferred_source_is_read_once_and_not_before_a_sample_is_asked_for():
    reads = []

    def read():
        reads.append(1)
        return data.digits("test")

    source = Deferred(data.digits("test").signature, read)
    moved = source.to(torch.device("cpu"))
    assert source.signature.shape == moved.signature.shape == (1, 28, 28)
    assert reads == []
    assert torch.equal(source.first(3).x, data.digits("test").first(3).x)
    assert torch.equal(moved(Noise((0,), 4)).y, data.digits("test")(Noise((0,), 4)).y)
    assert source.n_samples == moved.n_samples == 2000
    assert source.report() == moved.report() == ""
    assert isinstance(source, Source)
    assert reads == [1]


def test_a_deferred_source_that_is_not_what_was_said_is_refused():
    source = Deferred(CIFAR10, lambda: data.digits("test"))
    with pytest.raises(ValueError, match=r"the data is 28 × 28 images of 1 channel with .*; expected 32 × 32"):
        source.first(1)
