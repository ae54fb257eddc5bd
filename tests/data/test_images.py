import hashlib
import json
import shutil
from types import SimpleNamespace

import pytest
import torch
import torchvision
from scipy import stats
from torch.testing import assert_close

from gancourse.data import Images, MissingDataError, digits, fashion
from gancourse.data import images as module
from gancourse.rng import Noise

# Published facts of the sets: the first ten labels, and the mean pixel of the full training set that everyone
# normalises by. The counts are those of the first 10,000 and 2,000 labels of the original files.
SETS = {
    ("digits", "train"): ([5, 0, 4, 1, 9, 2, 1, 3, 1, 4], [1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978]),
    ("digits", "test"): ([7, 2, 1, 0, 4, 1, 4, 9, 5, 9], [175, 234, 219, 207, 217, 179, 178, 205, 192, 194]),
    ("fashion", "train"): ([9, 0, 0, 3, 0, 2, 7, 2, 5, 5], [942, 1027, 1016, 1019, 974, 989, 1021, 1022, 990, 1000]),
    ("fashion", "test"): ([9, 2, 1, 1, 6, 1, 4, 6, 5, 7], [200, 203, 214, 190, 219, 195, 197, 200, 194, 188]),
}
LOAD = {"digits": digits, "fashion": fashion}
MEAN = {"digits": 0.1307, "fashion": 0.2860}
EACH = pytest.mark.parametrize(("name", "split"), SETS)


def coloured(n=10):
    """A set whose image i shows the byte 20 i everywhere and has the label i mod 3."""
    pixels = (20 * torch.arange(n, dtype=torch.uint8)).view(n, 1, 1, 1).expand(n, 3, 2, 2)
    return Images(pixels.clone(), torch.arange(n) % 3, "abc")


@EACH
def test_embedded_sets_hold_the_first_images_of_the_published_ones(name, split):
    images = LOAD[name](split)
    first, counts = SETS[name, split]
    assert images.labels[:10].tolist() == first
    assert images.labels.bincount(minlength=10).tolist() == counts
    assert images.images.shape == (sum(counts), 1, 28, 28)
    assert (images.images.min(), images.images.max()) == (0, 255)


@pytest.mark.parametrize("name", LOAD)
def test_mean_pixel_of_the_embedded_training_images_is_the_published_one(name):
    assert_close((LOAD[name]().images.double().mean() / 255).item(), MEAN[name], rtol=0, atol=1e-3)


@EACH
def test_no_image_is_blank_or_there_twice(name, split):
    images = LOAD[name](split).images.flatten(1)
    assert (images.amax(1) > 0).all()
    assert len(images.unique(dim=0)) == len(images)


@pytest.mark.parametrize("name", LOAD)
def test_no_test_image_is_in_the_training_set(name):
    train, test = ({bytes(x.flatten().tolist()) for x in LOAD[name](s).images} for s in ("train", "test"))
    assert not train & test


def test_classes_are_named():
    assert digits("test").classes == tuple("0123456789")
    assert len(set(fashion("test").classes)) == 10
    assert fashion("test").classes[fashion("test").labels[0]] == "ankle boot"


def test_every_embedded_file_has_its_sha256_listed_and_no_pickle_in_it():
    listed = json.loads((module.EMBEDDED / "sha256.json").read_text())
    files = {p.name: p for p in module.EMBEDDED.iterdir() if p.name.endswith(".npz")}
    assert set(listed) == set(files)
    for name, path in files.items():
        assert hashlib.sha256(path.read_bytes()).hexdigest() == listed[name]


@pytest.mark.parametrize("at", [100, 10_000, -1])
def test_one_flipped_bit_in_the_embedded_data_is_refused(tmp_path, monkeypatch, at):
    for name in ("digits-test.npz", "sha256.json"):
        shutil.copy(module.EMBEDDED / name, tmp_path)
    monkeypatch.setattr(module, "EMBEDDED", tmp_path)
    assert len(digits("test")) == 2000
    data = bytearray((tmp_path / "digits-test.npz").read_bytes())
    data[at] ^= 1
    (tmp_path / "digits-test.npz").write_bytes(data)
    with pytest.raises(MissingDataError, match=r"digits-test\.npz in the package is damaged; reinstall gancourse"):
        digits("test")


def test_a_full_set_that_is_not_here_is_a_missing_data_error_that_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(MissingDataError, match=r"full MNIST is not in .*nowhere: pass download=True .*full=False"):
        digits(full=True)
    with pytest.raises(FileNotFoundError, match="the full FashionMNIST is not in"):
        fashion("test", full=True)


def test_a_download_that_fails_says_why(tmp_path, monkeypatch):
    def unreachable(root, train, download):
        assert download
        raise RuntimeError("no route to host")

    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path))
    monkeypatch.setattr(torchvision.datasets, "MNIST", unreachable)
    with pytest.raises(MissingDataError, match=r"the download failed \(no route to host\); or set GANCOURSE_DATA"):
        digits(full=True, download=True)


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_full_set_is_read_by_torchvision_from_the_named_folder(tmp_path, monkeypatch, split):
    def full(root, train, download):
        assert (root, train, download) == (tmp_path, split == "train", False)
        return SimpleNamespace(data=torch.full((5, 28, 28), 7, dtype=torch.uint8), targets=torch.arange(5))

    monkeypatch.setenv("GANCOURSE_DATA", str(tmp_path))
    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", full)
    found = fashion(split, full=True)
    assert found.images.shape == (5, 1, 28, 28)
    assert found.labels.tolist() == [0, 1, 2, 3, 4]


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split 'validation' is unknown; pass 'train' or 'test'"):
        digits("validation")


def test_floats_are_bytes_on_an_even_scale_from_minus_one_to_one_and_lose_nothing():
    every = torch.arange(256, dtype=torch.uint8)
    floats = module.to_floats(every)
    assert (floats[0], floats[-1]) == (-1, 1)
    assert_close(floats.diff(), torch.full((255,), 2 / 255), rtol=0, atol=1e-6)
    assert_close(((floats + 1) * 127.5).round().to(torch.uint8), every)


def test_a_batch_holds_images_with_their_own_labels():
    x, y, _ = coloured()(Noise((0,), 500))
    assert x.shape == (500, 3, 2, 2)
    assert x.dtype == torch.float32
    drawn = ((x[:, 0, 0, 0] + 1) * 127.5 / 20).round().long()
    assert_close(y, drawn % 3)
    assert (x == x[:, :1, :1, :1]).all()


def test_a_batch_depends_on_the_noise_alone():
    images = digits("test")
    first = images(Noise((0,), 8))
    assert_close(images(Noise((0,), 8)).x, first.x, rtol=0, atol=0)
    assert images(Noise((0,), 8, update=1)).y.tolist() != first.y.tolist()
    assert first.x.min() >= -1
    assert first.x.max() <= 1


# Five seeds, alarm at p < 1e-4: false with probability 5e-4.
@pytest.mark.parametrize("seed", range(5))
def test_images_are_drawn_evenly_with_replacement(seed):
    def p_value(images):
        drawn = ((images(Noise((seed,), 5000)).x[:, 0, 0, 0] + 1) * 127.5 / 20).round().long()
        return stats.chisquare(drawn.bincount(minlength=10).numpy()).pvalue

    assert p_value(coloured()) > 1e-4
    twice = Images(coloured().images[[*range(10), 0]], coloured().labels[[*range(10), 0]], "abc")
    assert p_value(twice) < 1e-4  # the twin that must fail: image 0 is drawn twice as often


def test_first_gives_the_set_s_own_order():
    x, y, _ = coloured().first(4)
    assert_close(x[:, 0, 0, 0], module.to_floats(torch.tensor([0, 20, 40, 60], dtype=torch.uint8)))
    assert y.tolist() == [0, 1, 2, 0]


@pytest.mark.parametrize("n", [0, -1, 11])
def test_more_or_fewer_images_than_there_are_is_refused(n):
    with pytest.raises(ValueError, match=f"asked for {n} of 10 images"):
        coloured().first(n)


def test_of_class_keeps_that_class_alone_and_the_names_of_all():
    ones = coloured().of_class(1)
    assert (len(ones), ones.classes) == (3, ("a", "b", "c"))
    assert set(ones(Noise((0,), 50)).y.tolist()) == {1}
    assert sum(len(digits("test").of_class(c)) for c in range(10)) == 2000


@pytest.mark.parametrize("label", [-1, 3])
def test_a_class_that_the_set_does_not_know_is_refused(label):
    with pytest.raises(ValueError, match=f"label {label} is not one of 0 … 2"):
        coloured().of_class(label)


def test_drawing_from_an_empty_class_is_refused():
    nothing = Images(coloured().images, coloured().labels, "abcd").of_class(3)
    assert len(nothing) == 0
    with pytest.raises(ValueError, match="the set holds no images"):
        nothing(Noise((0,), 2))


@pytest.mark.cuda
def test_a_set_on_cuda_gives_the_batches_of_the_cpu():
    device = torch.device("cuda")
    batch = coloured().to(device)(Noise((0,), 8, device=device))
    assert batch.x.device.type == batch.y.device.type == "cuda"
    assert_close(batch.x.cpu(), coloured()(Noise((0,), 8)).x, rtol=0, atol=0)


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(2, 4, 4, dtype=torch.uint8), torch.tensor([0, 1]), r"images are torch.uint8 \(2, 4, 4\)"),
        (torch.zeros(2, 1, 4, 4), torch.tensor([0, 1]), "images are torch.float32 .* expected uint8"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.tensor([0]), "2 images but labels are torch.int64"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.eye(2), "2 images but labels are torch.float32"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.tensor([0.0, 0.5]), "pass one integer an image"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.tensor([0, 3]), "labels run from 0 to 3, but there are 3"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.tensor([-1, 1]), "labels run from -1 to 1"),
    ],
)
def test_images_and_labels_that_do_not_fit_are_refused(images, labels, message):
    with pytest.raises(ValueError, match=message):
        Images(images, labels, "abc")
