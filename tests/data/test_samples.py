import re
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from torch.testing import assert_close
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from gancourse.data import Images, Samples, Source
from gancourse.processes import Part
from gancourse.rng import Noise
from gancourse.signature import Classes, Factors, Picture, Signature, Tokens

BYTES = torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1).mul(20).expand(10, 3, 4, 5).clone()
FLOATS = torch.linspace(-1, 1, 10).view(10, 1, 1, 1).expand(10, 3, 4, 5).clone()
POINTS = torch.linspace(-30, 70, 20).view(10, 2)
LABELS = torch.arange(10) % 3


class Listed(Dataset):
    """A Dataset of the items of a list."""

    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, i):
        return self.items[i]


def picture(level, mode="RGB", size=(5, 4)):
    return Image.new(mode, size, level if mode == "L" else (level,) * 3)


# What is drawn


def test_bytes_with_labels_give_the_very_batches_of_images():
    ours, theirs = Samples(BYTES, LABELS, "abc"), Images(BYTES, LABELS, "abc")
    for batch, expected in [(s(Noise((0,), 50)) for s in (ours, theirs)), (s.first(4) for s in (ours, theirs))]:
        assert_close(batch.x, expected.x, rtol=0, atol=0)
        assert_close(batch.y, expected.y, rtol=0, atol=0)
    assert ours.signature == theirs.signature == Signature((3, 4, 5), Classes(("a", "b", "c")))


@pytest.mark.parametrize("x", [BYTES, FLOATS, POINTS], ids=["bytes", "floats", "points"])
def test_samples_are_a_source_whose_batch_fits_its_signature(x):
    source = Samples(x)
    assert isinstance(source, Source)
    assert source.n_samples == len(source) == 10
    batch = source(Noise((0,), 7))
    assert batch.x.shape == (7, *source.signature.shape)
    assert batch.x.dtype == torch.float32
    assert batch.y is None
    assert source.signature.condition is None


def test_a_batch_depends_on_the_noise_alone_and_processes_share_it():
    source = Samples(POINTS, LABELS)
    whole = source(Noise((0, "d"), 8, update=3))
    assert_close(Samples(POINTS, LABELS)(Noise((0, "d"), 8, update=3)), whole, rtol=0, atol=0)
    parts = [source(Noise((0, "d"), 4, update=3, part=Part(i, 2))) for i in range(2)]
    assert_close(torch.cat([part.x for part in parts]), whole.x, rtol=0, atol=0)
    assert_close(torch.cat([part.y for part in parts]), whole.y, rtol=0, atol=0)
    assert not torch.equal(source(Noise((0, "d"), 8, update=4)).x, whole.x)


# Five seeds, alarm at p < 1e-4: false with probability 5e-4.
@pytest.mark.parametrize("seed", range(5))
def test_samples_are_drawn_evenly_with_replacement(seed):
    def p_value(x):
        drawn = Samples(x)(Noise((seed,), 5000)).x[:, 0].long()
        return stats.chisquare(drawn.bincount(minlength=10).numpy()).pvalue

    points = torch.arange(10.0)[:, None]
    assert p_value(points) > 1e-4
    assert p_value(torch.cat([points, points[:1]])) < 1e-4  # the twin that must fail: sample 0 is there twice


def test_points_keep_their_values_and_float_images_theirs():
    assert_close(Samples(POINTS).first(10).x, POINTS, rtol=0, atol=0)
    assert_close(Samples(FLOATS).first(10).x, FLOATS, rtol=0, atol=0)


def test_changing_what_was_passed_changes_no_draw():
    for x in (POINTS.clone(), POINTS.numpy().copy()):
        source = Samples(x)
        x[:] = 0
        assert_close(source.first(10).x, POINTS, rtol=0, atol=0)


@pytest.mark.parametrize(
    "x",
    [
        POINTS.numpy(),
        POINTS.double().numpy(),
        POINTS.double(),
        POINTS.numpy().astype(">f8"),
        POINTS.numpy()[::-1].copy()[::-1],
        np.asfortranarray(POINTS.numpy()),
        POINTS.tolist(),
        tuple(map(tuple, POINTS.tolist())),
        list(POINTS),
        list(POINTS.numpy()),
        Listed(list(POINTS)),
        TensorDataset(POINTS),
        POINTS.clone().requires_grad_(),
    ],
    ids=lambda x: type(x).__name__,
)
def test_one_set_of_points_is_the_same_source_however_it_is_held(x):
    assert_close(Samples(x)(Noise((0,), 6)).x, Samples(POINTS)(Noise((0,), 6)).x, rtol=0, atol=0)


def test_an_array_that_may_not_be_written_is_taken():
    x = POINTS.numpy().copy()
    x.setflags(write=False)
    assert_close(Samples(x).first(10).x, POINTS)


@pytest.mark.parametrize("images", [BYTES[:, 0], FLOATS[:, 0]], ids=["bytes", "floats"])
def test_images_without_a_channel_axis_get_one(images):
    assert Samples(images).signature.shape == (1, 4, 5)
    assert_close(Samples(images).first(10).x, Samples(images[:, None]).first(10).x, rtol=0, atol=0)


@pytest.mark.parametrize("value_range", [(0, 1), (0, 255), (-3, 5)])
def test_a_value_range_becomes_minus_one_to_one(value_range):
    low, high = value_range
    x = Samples((FLOATS + 1) / 2 * (high - low) + low, value_range=value_range).first(10).x
    assert_close(x, FLOATS)


def test_a_value_range_gives_floats_what_bytes_give():
    assert_close(Samples(BYTES.float(), value_range=(0, 255)).first(10).x, Samples(BYTES).first(10).x)


@pytest.mark.parametrize("n", [0, -1, 11])
def test_more_or_fewer_samples_than_there_are_is_refused(n):
    with pytest.raises(ValueError, match=f"asked for {n} of 10 samples"):
        Samples(POINTS).first(n)


@pytest.mark.cuda
def test_samples_on_cuda_give_the_batches_of_the_cpu():
    device = torch.device("cuda")
    for x in (BYTES, POINTS):
        there = Samples(x, LABELS).to(device)
        batch = there(Noise((0,), 8, device=device))
        assert batch.x.device.type == batch.y.device.type == "cuda"
        assert_close(batch.x.cpu(), Samples(x)(Noise((0,), 8)).x, rtol=0, atol=0)
        assert there.first(2).x.device.type == "cpu"


def test_moving_a_set_leaves_the_first_as_it_was():
    source = Samples(POINTS, LABELS)
    there = source.to(torch.device("meta"))
    assert (there.x.device.type, source.x.device.type) == ("meta", "cpu")
    assert there.signature == source.signature


# What y is


def test_integers_are_labels_with_numbers_for_names_if_they_have_none():
    assert Samples(POINTS, LABELS).signature.condition == Classes(("0", "1", "2"))
    assert Samples(POINTS, LABELS, ("cat", "dog", "bird", "never seen")).signature.condition.size == 4
    for y in (LABELS.tolist(), LABELS.numpy().astype(np.int8), LABELS.to(torch.uint8), list(LABELS)):
        assert_close(Samples(POINTS, y).first(10).y, LABELS)


def test_float_rows_are_factors():
    y = torch.linspace(0, 1, 20).view(10, 2)
    source = Samples(POINTS, y, factors=("pose", "light"))
    assert source.signature.condition == Factors(("pose", "light"))
    assert_close(source.first(10).y, y)
    assert Samples(POINTS, y).signature.condition.names == ("0", "1")


@pytest.mark.parametrize("y", [BYTES, FLOATS], ids=["bytes", "floats"])
def test_images_are_conditions_in_minus_one_to_one(y):
    source = Samples(POINTS, y)
    assert source.signature.condition == Picture((3, 4, 5))
    assert_close(source(Noise((0,), 6)).y, Samples(y)(Noise((0,), 6)).x, rtol=0, atol=0)
    assert_close(source.first(3).y, Samples(y).first(3).x, rtol=0, atol=0)


def test_rows_of_integers_are_sentences_once_there_is_a_vocabulary():
    y = torch.arange(30).view(10, 3) % 4
    source = Samples(POINTS, y, vocabulary=("", "a", "red", "hat"))
    assert source.signature.condition == Tokens(("", "a", "red", "hat"), 3)
    assert_close(source.first(10).y, y)
    with pytest.raises(ValueError, match=r"pass vocabulary=… for sentences, y\.argmax"):
        Samples(POINTS, y)


@pytest.mark.parametrize(
    ("y", "settings"),
    [
        (LABELS, {}),
        (torch.rand(10, 2), {}),
        (BYTES, {}),
        (LABELS[:, None], {"vocabulary": "abc"}),
    ],
)
def test_every_kind_of_y_stays_with_its_own_sample_and_can_be_encoded(y, settings):
    source = Samples(torch.arange(10.0)[:, None], y, **settings)
    batch = source(Noise((0,), 40))
    assert_close(batch.y, source.first(10).y[batch.x[:, 0].long()], rtol=0, atol=0)
    assert source.signature.condition.encoded(batch.y).shape == (40, source.signature.condition.size)


# Datasets and lists


@pytest.mark.parametrize("wrap", [Listed, list], ids=["Dataset", "list"])
def test_pil_images_with_labels_are_read_like_an_array(wrap):
    items = [(picture(20 * i), i % 3) for i in range(10)]
    source = Samples(wrap(items), classes="abc")
    assert_close(source(Noise((0,), 9)), Samples(BYTES, LABELS, "abc")(Noise((0,), 9)), rtol=0, atol=0)


def test_grey_pil_images_have_one_channel_and_16_bits_become_8():
    assert Samples([picture(7, "L")]).signature.shape == (1, 4, 5)
    deep = Image.fromarray(np.array([[0, 65535], [257 * 100, 257 * 200]], np.uint16))
    assert Samples([deep]).x.flatten().tolist() == [0, 255, 100, 200]


def test_a_subset_of_pairs_is_read():
    source = Samples(Subset(TensorDataset(POINTS, LABELS), [4, 1]))
    assert_close(source.first(2).x, POINTS[[4, 1]])
    assert source.first(2).y.tolist() == [1, 1]


def test_images_and_labels_may_come_as_two_lists():
    source = Samples([picture(20 * i) for i in range(10)], LABELS.tolist())
    assert_close(source(Noise((0,), 9)), Samples(BYTES, LABELS)(Noise((0,), 9)), rtol=0, atol=0)
    assert Samples(POINTS, [picture(1)] * 10).signature.condition == Picture((3, 4, 5))


def test_a_dataset_is_read_once_and_never_when_drawn():
    class Counted(Listed):
        def __getitem__(self, i):
            n_read[i] += 1
            return super().__getitem__(i)

    n_read = Counter()
    source = Samples(Counted(list(torch.rand(40, 2))))
    assert n_read[39] == 1
    before = n_read.total()
    source(Noise((0,), 100))
    assert n_read.total() == before


def test_random_transforms_are_refused():
    class Flipped(Listed):
        def __getitem__(self, i):
            return super().__getitem__(i).flip(0) if torch.rand(()) < 0.5 else super().__getitem__(i)

    torch.manual_seed(0)
    with pytest.raises(ValueError, match=r"item \d+ differs each time .*take random transforms out"):
        Samples(Flipped(list(POINTS)))


def test_a_dataset_that_would_not_fit_says_how_much_it_takes_before_it_is_read():
    dataset = Listed([torch.zeros(3, 64, 64)] * 1000)
    message = "1000 samples of 49,152 bytes take 0.0 GiB of memory, more than the limit of 0.01 GiB; make it return"
    with pytest.raises(ValueError, match=re.escape(message) + ".* or pass limit_gib=1"):
        Samples(dataset, limit_gib=0.01)
    assert len(Samples(dataset, limit_gib=1)) == 1000


class Stream(IterableDataset):
    def __iter__(self):
        return iter(POINTS)


class Endless(Dataset):
    def __getitem__(self, i):
        return POINTS[0]


class Broken(Listed):
    def __getitem__(self, i):
        raise OSError("disk gone")


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (DataLoader(TensorDataset(POINTS)), r"x is a DataLoader; pass its \.dataset"),
        (Stream(), r"x is a Stream, which has no length; pass list\(x\)"),
        ((row for row in POINTS), r"x is a generator, .* pass list\(x\)"),
        (Endless(), r"x is a Endless, which has no length; pass"),
        (picture(0), "x is one image; pass a list of images"),
        ((POINTS, LABELS), r"x is a tuple; pass Samples\(x, y\)"),
        (Listed([]), "x holds no samples"),
        ([], "x holds no samples"),
        (Listed([{"image": 1, "label": 2}]), r"item 0 is a dict of image, label; expected x or \(x, y\)"),
        (Listed([(1, 2, 3)]), "item 0 is a tuple of 3; expected x or"),
        (Listed([(POINTS[0], "cat")]), "y of item 0 is a str; pass a tensor or an array of numbers"),
        (Listed([(POINTS[0], None)]), "y of item 0 is a NoneType"),
        (Broken([1]), "item 0 can't be read: OSError: disk gone"),
        (Listed([picture(0), picture(0, size=(6, 4))]), r"x of item 1 is torch.uint8 \(3, 4, 6\), but that of item 0"),
        (Listed([picture(0), picture(0, "L")]), r"x of item 1 is .* \(1, 4, 5\), but .* crop, pad or convert them"),
        (Listed([POINTS[0], POINTS[0].long()]), "x of item 1 is torch.int64"),
        (Listed([(POINTS[0], 1), (POINTS[0],)]), r"item 1 has 1 part\(s\), but item 0 has 2"),
        (Listed([1.0, 2.0]), r"x is float32 \(2,\); .*pass x\[:, None\]"),
    ],
    ids=str,
)
def test_what_can_not_be_read_item_by_item_says_what_to_pass(x, message):
    with pytest.raises(ValueError, match=message):
        Samples(x)


def test_pairs_and_labels_of_their_own_are_refused():
    with pytest.raises(ValueError, match=r"x's items are pairs \(x, y\), and y was passed too"):
        Samples(TensorDataset(POINTS, LABELS), LABELS)


# What is refused


BAD = POINTS.clone()
BAD[3, 1], BAD[7, 0] = torch.nan, torch.inf


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ("digits", "x is a str; pass a tensor or an array"),
        ({"x": 1}, "x is a dict"),
        (None, "x is a NoneType"),
        (3.5, "x or y is a single number"),
        (torch.zeros(0, 2), r"x holds no samples: it is float32 \(0, 2\)"),
        (torch.zeros(5, 0), "x holds no samples"),
        (BAD, "x has NaN or infinity in 2 of 10 samples, the first at index 3; repair or leave out these samples"),
        (np.full((2, 2), 1e300), "x has NaN or infinity in 2 of 2"),
        ([[1.0, 2.0], [3.0]], "x has rows of different lengths; crop or pad"),
        (np.array([[1, 2], "a"], dtype=object), "x holds Python objects"),
        (np.array(["cat", "dog"]), "x holds text; number it first"),
        (np.zeros(3, "M8[s]"), r"x is of type datetime64\[s\]; pass numbers"),
        (np.ma.masked_array(np.zeros((2, 2)), True), "x is a masked array"),
        (POINTS > 0, "x holds True and False; pass integers or floats"),
        (POINTS.numpy() > 0, "x holds True and False"),
        (POINTS.to(torch.complex64), "x is complex; pass the real part"),
        (POINTS.numpy().astype(complex), "x is complex"),
        (POINTS.to_sparse(), "x is a sparse or nested tensor; pass a dense one"),
        (POINTS[:, 0], r"x is float32 \(10,\); .* pass x\[:, None\] for points on a line"),
        (POINTS.long(), r"x is int64 \(10, 2\); .* floats for points"),
        (torch.zeros(10, 784, dtype=torch.uint8), r"x is uint8 \(10, 784\); .* reshape it to \[n, channels, height"),
        (BYTES.long(), r"x is int64 .* pass bytes \(uint8\)"),
        (FLOATS[None], r"x is float32 \(1, 10, 3, 4, 5\); expected images"),
        (torch.zeros(9, 32, 32, 3, dtype=torch.uint8), r"channels seem to come last; pass numpy\.moveaxis\(x, -1, 1\)"),
        (
            (FLOATS + 1) / 2,
            r"run from 0 to 1; expected -1 to 1: pass value_range=\(0, 1\), or value_range=\(-1, 1\) if",
        ),
        (BYTES.float(), r"run from 0 to 180; .* pass value_range=\(0, 255\), or bytes"),
        (2.4 * FLOATS, r"run from -2\.4 to 2\.4; .* subtracted a mean and divided by a deviation, remove it"),
    ],
    ids=str,
)
def test_an_x_that_can_not_be_used_is_refused(x, message):
    with pytest.raises(ValueError, match=message):
        Samples(x)


def test_an_image_may_overshoot_its_range_by_rounding_only():
    assert len(Samples(FLOATS * 1.0001)) == 10
    with pytest.raises(ValueError, match=r"run from -1\.001 to 1\.001"):
        Samples(FLOATS * 1.001)


def test_images_that_are_bright_all_over_can_be_passed_as_what_they_are():
    bright = (FLOATS + 1) / 2
    assert_close(Samples(bright, value_range=(-1, 1)).first(10).x, bright)


@pytest.mark.parametrize(
    ("y", "settings", "message"),
    [
        (LABELS[:9], {}, "x has 10 samples, but y has 9; pass one y per sample"),
        (LABELS - 1, {}, "labels y run from -1 to 1; number the classes from 0"),
        (LABELS, {"classes": "ab"}, "labels y run from 0 to 2, but there are 2 classes"),
        (LABELS + 10**9, {}, r"labels y run from 1000000000 to .* numpy\.unique"),
        (LABELS.float(), {}, r"y is float32 \(10,\); .* pass y\.long\(\) for labels, or y\[:, None\] for one factor"),
        (LABELS[:, None], {}, r"y\[:, 0\] for a column of labels"),
        (LABELS == 1, {}, "y holds True and False"),
        (["cat"] * 10, {}, r"y holds text; number it first, e\.g\. labels = numpy\.unique"),
        ("0123456789", {}, "y is a str"),
        (POINTS, {}, "factors y run from -30 to 70; expected 0 to 1: scale each column"),
        (BAD, {}, "y has NaN or infinity in 2 of 10"),
        (torch.zeros(10, 0), {}, r"y is empty: it is float32 \(10, 0\)"),
        (BYTES.long(), {}, r"y is int64 .* pass bytes"),
        (2 * FLOATS, {}, "float images y run from -2 to 2"),
        (torch.rand(10, 2), {"factors": ["a"]}, "factors has 1 names; pass 2"),
        (LABELS, {"classes": 3}, "classes is 3; pass a list of names"),
        (LABELS, {"classes": ("a", "b", "a")}, r"classes is \('a', 'b', 'a'\); pass different strings"),
        (LABELS, {"classes": (0, 1, 2)}, r"classes is \(0, 1, 2\); pass different strings"),
        (LABELS[:, None], {"vocabulary": "ab"}, "sentences y run from 0 to 2, but the words of the vocabulary from 0"),
        (LABELS, {"vocabulary": "abc"}, "vocabulary was passed, but y is classes; leave it out"),
        (None, {"classes": "abc"}, "classes was passed, but there is no y"),
        (LABELS, {"factors": "abc"}, "factors was passed, but y is classes"),
        (LABELS, {"value_range": (0, 1)}, "value_range was passed, but there are no float images"),
        (FLOATS, {"value_range": (1, -1)}, r"value_range is \(1, -1\); expected \(low, high\)"),
        (DataLoader(LABELS), {}, r"y is a DataLoader; pass its \.dataset"),
    ],
    ids=str,
)  # fmt: skip
def test_a_y_that_does_not_fit_is_refused(y, settings, message):
    with pytest.raises(ValueError, match=message):
        Samples(POINTS, y, **settings)
