import os
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image, ImageOps
from torch.testing import assert_close

from gancourse import data
from gancourse.data import Folder, MissingDataError, Samples, Source
from gancourse.data.decoding import FORMATS, in_eight_bits, read_square
from gancourse.data.folder import is_held_out
from gancourse.rng import Noise


def photo(width=64, height=48, seed=0, contrast=100.0):
    """A smooth colour image, whose content doesn't depend on its size."""
    c = np.random.default_rng(seed).normal(size=(3, 3, 3))
    u, v = np.linspace(-1, 1, width)[None, :], np.linspace(-1, 1, height)[:, None]
    rows = [sum(c[k, i, j] * u**i * v**j for i in range(3) for j in range(3)) for k in range(3)]
    return Image.fromarray((128 + contrast * np.tanh(np.stack(rows, 2))).astype(np.uint8))


def grey(width=64, height=48):
    return photo(width, height).convert("L")


def deep(image):
    """16-bit grey of which each value is 257 times the 8-bit one."""
    return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)


def fill(folder, images):
    """Save images by name, folders included."""
    for name, image in images.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path)
    return folder


def truncate(path, share=0.5):
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def pixels(image, tmp_path, name="x.png", size=16, **settings):
    """Bytes of one image that was saved and read."""
    image.save(tmp_path / name, **settings)
    reading = read_square(tmp_path / name, size)
    assert reading.reason == ""
    return torch.from_numpy(reading.pixels).int()


# The whole


def mixed(folder):
    """50 images: 42 of several kinds, two damaged, and several ways to keep one picture."""
    kinds = ("jpg", "png", "webp", "gif", "bmp", "tiff")
    fill(folder, {f"{i:02}.{kinds[i % 6]}": photo(40 + i, 70 - i, i) for i in range(42)})
    fill(
        folder, {"a.jpg": photo(), "b.png": photo(), "16 bits.png": deep(photo()), "alpha.png": photo().convert("RGBA")}
    )
    fill(folder, {"cmyk.jpg": photo().convert("CMYK"), "strip.png": photo(3, 4000), "grey.png": grey()})
    photo().save(folder / "plain.png")
    truncate(folder / "a.jpg")
    (folder / "b.png").write_bytes(b"\x89PNG and then something else")
    return folder


def test_fifty_mixed_images_are_drawn_from_and_what_was_skipped_is_said(tmp_path):
    folder = Folder(mixed(tmp_path), size=28)
    assert folder.report() == str(folder) == repr(folder) == (
        "50 images, 47 read as 28 × 28 images of 3 channels; skipped 3: a.jpg (truncated), b.png (not a file of BMP, "
        "GIF, JPEG, PNG, PPM, TIFF, WEBP), strip.png (3 × 4000 pixels: one side is over 10 times the other)"
    )  # fmt: skip
    assert [path for path, _ in folder.skipped] == ["a.jpg", "b.png", "strip.png"]
    assert (len(folder), folder.n_samples, len(folder.files)) == (47, 47, 47)
    x, y, _ = folder(Noise((0,), 200))
    assert x.shape == (200, 3, 28, 28)
    assert x.dtype == torch.float32
    assert -1 <= x.min() < -0.5 < 0.5 < x.max() <= 1
    assert y is None
    assert isinstance(folder, Source)
    # The same picture in 16 bits, with alpha or in CMYK gives the same pixels.
    of = dict(zip(folder.files, folder.x.int(), strict=True))
    assert_close(of["16 bits.png"], of["grey.png"], rtol=0, atol=1)
    assert_close(of["alpha.png"], of["plain.png"], rtol=0, atol=0)
    assert_close(of["cmyk.jpg"].float().mean(), of["plain.png"].float().mean(), rtol=0, atol=3)


def test_a_folder_of_good_images_skips_none(tmp_path):
    folder = Folder(fill(tmp_path, {"a.png": photo(), "b.png": photo(seed=1)}))
    assert folder.skipped == ()
    assert folder.report() == "2 images, 2 read as 28 × 28 images of 3 channels"


def test_a_folder_gives_the_batches_of_samples_of_its_bytes(tmp_path):
    folder = Folder(fill(tmp_path, {f"{c}/{i}.png": photo(seed=i) for c in "ab" for i in range(4)}))
    samples = Samples(folder.x, folder.y, "ab")
    assert folder.signature == samples.signature
    assert_close(folder(Noise((1,), 20)), samples(Noise((1,), 20)), rtol=0, atol=0)
    assert_close(folder.first(3), samples.first(3), rtol=0, atol=0)


def test_reading_twice_gives_the_same_bytes_in_the_order_of_names_whatever_the_system_lists(tmp_path, monkeypatch):
    names = ["b/2.png", "b/10.png", "B/é.png", "a/Z.png", "a/sub/x.png", "a/y.jpg"]
    fill(tmp_path, {name: photo(seed=i) for i, name in enumerate(names)})
    first = Folder(tmp_path)
    assert first.files == ("B/é.png", "a/Z.png", "a/sub/x.png", "a/y.jpg", "b/10.png", "b/2.png")
    listdir = os.listdir
    monkeypatch.setattr(os, "listdir", lambda path: sorted(listdir(path), reverse=True))
    second = Folder(tmp_path)
    assert second.files == first.files
    assert torch.equal(second.x, first.x)
    assert torch.equal(second.y, first.y)


def test_an_accent_is_sorted_alike_however_the_system_stores_it(tmp_path):
    composed = fill(tmp_path / "1", {"é.png": photo(), "f.png": photo(seed=1)})
    decomposed = fill(tmp_path / "2", {"e\u0301.png": photo(), "f.png": photo(seed=1)})
    assert torch.equal(Folder(composed).x, Folder(decomposed).x)
    assert is_held_out(("é.png",)) == is_held_out(("e\u0301.png",))


def test_thousands_of_files_in_one_folder_are_read_each_once(tmp_path):
    for i in range(3000):
        (tmp_path / f"{i}.pgm").write_bytes(b"P5 1 1 255 " + bytes([i % 251]))
    folder = Folder(tmp_path, size=1)
    assert len(set(folder.files)) == 3000
    assert folder.x.flatten().tolist() == [int(name[:-4]) % 251 for name in folder.files]


# Pixels


@pytest.mark.parametrize("name", ["x.png", "x.bmp", "x.tiff", "x.ppm", "x.gif", "x.webp", "x.jpg", "x.jfif", "x.JPG"])
def test_every_kind_of_file_gives_the_same_picture(tmp_path, name):
    """Up to what a palette or compression loses: on average 1 % of the range, where another picture is 10 % off."""

    def loss(image):
        return (pixels(image, tmp_path, name) - pixels(photo(), tmp_path)).abs().float().mean() / 255

    assert loss(photo()) <= (0.01 if name in ("x.gif", "x.webp", "x.jpg", "x.jfif", "x.JPG") else 0)
    assert loss(photo(seed=1)) > 0.1  # the twin that must fail


def test_every_format_is_opened_by_its_content_not_its_name(tmp_path):
    photo().save(tmp_path / "x.png")
    (tmp_path / "x.png").rename(tmp_path / "x.jpg")
    assert len(Folder(tmp_path)) == 1


def test_no_other_format_is_opened(tmp_path):
    photo().save(tmp_path / "x.eps")  # PostScript, for which Pillow would start another program
    (tmp_path / "x.eps").rename(tmp_path / "x.png")
    assert read_square(tmp_path / "x.png", 8).reason == f"not a file of {', '.join(FORMATS)}"


@pytest.mark.parametrize(("width", "height"), [(60, 48), (48, 60), (93, 31), (16, 48), (5, 15)])
def test_resizing_and_cropping_agree_with_torch(tmp_path, width, height):
    """On noise whose overshoots aren't clipped, up to Pillow's rounding after each axis: 0.5 · 1.25 + 0.5."""
    noise = np.random.default_rng(0).integers(90, 166, (height, width, 3), dtype=np.uint8)
    shape = (16 * height // min(width, height), 16 * width // min(width, height))
    whole = torch.from_numpy(noise).permute(2, 0, 1)[None].float()
    resized = torch.nn.functional.interpolate(whole, shape, mode="bicubic", antialias=True)[0]
    top, left = ((n - 16) // 2 for n in shape)
    ours = pixels(Image.fromarray(noise), tmp_path).float()
    assert_close(ours, resized[:, top : top + 16, left : left + 16], rtol=0, atol=1.2)
    assert (ours - resized[:, :16, :16]).abs().max() > 10  # the twin that must fail: the corner


def test_shrinking_averages_so_that_a_fine_pattern_becomes_grey(tmp_path):
    stripes = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (128, 64)))
    inner = pixels(stripes, tmp_path)[:, 2:-2, 2:-2]
    assert_close(inner, torch.full_like(inner, 128), rtol=0, atol=2)
    nearest = np.asarray(stripes.resize((16, 16), Image.Resampling.NEAREST))
    assert nearest.min() == nearest.max()  # the twin that must fail: without a filter one colour is left


@pytest.mark.parametrize("name", ["x.jpg", "x.png"])
def test_a_large_photograph_gives_what_a_small_one_gives(tmp_path, name):
    large, small = (pixels(photo(16 * n, 12 * n), tmp_path, name, quality=95) for n in (120, 8))
    assert_close(large, small, rtol=0, atol=8)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["x.jpg", "x.png", "x.tiff", "x.webp"])
def test_the_orientation_that_a_camera_notes_is_honoured(tmp_path, name, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    turned = pixels(photo(), tmp_path, name, exif=exif, quality=95)
    with Image.open(tmp_path / name) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    assert_close(turned, pixels(upright, tmp_path, "upright.png"), rtol=0, atol=3)
    if orientation > 1:
        assert (turned - pixels(photo(), tmp_path)).abs().max() > 30


def test_damaged_notes_of_a_camera_cost_no_image(tmp_path):
    photo().save(tmp_path / "x.jpg", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\1" * 40)
    folder = Folder(tmp_path, size=16)
    assert (len(folder), folder.skipped) == (1, ())


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_what_is_transparent_is_laid_on_white(tmp_path, mode):
    image = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    image.paste((90, 90, 90, 255), (0, 0, 10, 20))
    if mode == "P":
        image = image.convert("P")
        image.info["transparency"] = image.getpixel((15, 10))
    converted = in_eight_bits(image if mode == "P" else image.convert(mode))
    assert converted.mode == ("L" if mode == "LA" else "RGB")
    left, right = (np.atleast_1d(converted.getpixel((x, 10))) for x in (2, 15))
    assert right.tolist() == [255] * len(right)
    assert abs(left - 90).max() <= 15  # palettes round


def test_half_transparent_colours_are_mixed_with_white():
    image = in_eight_bits(Image.new("RGBA", (1, 1), (255, 0, 0, 128)))
    assert_close(torch.tensor(image.getpixel((0, 0))), torch.tensor([255, 127, 127]), rtol=0, atol=1)


@pytest.mark.parametrize("name", ["x.png", "x.tiff"])
def test_sixteen_bits_give_what_eight_bits_give(tmp_path, name):
    assert_close(pixels(deep(grey()), tmp_path, name), pixels(grey(), tmp_path), rtol=0, atol=0)
    values = np.arange(65536).reshape(256, 256).astype(np.uint16)
    converted = torch.from_numpy(np.asarray(in_eight_bits(Image.fromarray(values))).astype(np.float32))
    assert_close(converted, torch.from_numpy(values.astype(np.float32)) / 257, rtol=0, atol=0.501)


def test_one_bit_is_black_and_white(tmp_path):
    chess = Image.fromarray(np.indices((16, 16)).sum(0) % 2 == 0)
    assert chess.mode == "1"
    assert set(pixels(chess, tmp_path).flatten().tolist()) == {0, 255}


def test_cmyk_gives_its_colours_back(tmp_path):
    assert_close(pixels(photo().convert("CMYK"), tmp_path, "x.tiff"), pixels(photo(), tmp_path), rtol=0, atol=2)
    assert_close(
        pixels(photo().convert("CMYK"), tmp_path, "x.jpg", quality=95), pixels(photo(), tmp_path), rtol=0, atol=16
    )


def test_of_a_moving_picture_the_first_frame_counts(tmp_path):
    frames = [photo(seed=seed) for seed in range(3)]
    frames[0].save(tmp_path / "x.gif", save_all=True, append_images=frames[1:])
    moving = torch.from_numpy(read_square(tmp_path / "x.gif", 16).pixels).int()
    distances = [(moving - pixels(frame, tmp_path, "still.gif")).abs().float().mean() for frame in frames]
    assert distances[0] < 0.01 * 255
    assert min(distances[1:]) > 0.1 * 255


# Channels


def test_grey_images_have_one_channel_even_if_they_are_saved_in_colour(tmp_path):
    fill(tmp_path, {"a.png": grey(), "b.png": grey().convert("RGB"), "c.png": grey().convert("P")})
    folder = Folder(tmp_path)
    assert folder.signature.shape == (1, 28, 28)
    assert torch.equal(folder.x[0], folder.x[1])
    assert torch.equal(folder.x[0], folder.x[2])


def test_one_image_in_colour_gives_all_three_channels(tmp_path):
    folder = Folder(fill(tmp_path, {"a.png": grey(), "b.png": photo()}))
    assert folder.signature.shape == (3, 28, 28)
    assert (folder.x[0] == folder.x[0, :1]).all()
    assert not (folder.x[1] == folder.x[1, :1]).all()


def test_channels_can_be_asked_for(tmp_path):
    fill(tmp_path, {"a.png": grey(), "b.png": photo()})
    dark = Folder(tmp_path, channels=1)
    assert dark.signature.shape == (1, 28, 28)
    assert_close(dark.x[1].int(), dark.x[0].int(), rtol=0, atol=1)  # grey() is the luminance of photo()
    (tmp_path / "b.png").unlink()
    assert Folder(tmp_path, channels=3).signature.shape == (3, 28, 28)


# Classes


def test_subfolders_are_classes_by_sorted_name_with_all_that_lies_below(tmp_path):
    names = ["dog/1.png", "cat/2.png", "cat/deep/er/3.png", "a bird/4.png"]
    folder = Folder(fill(tmp_path, {name: photo(seed=i) for i, name in enumerate(names)}))
    assert folder.signature.condition.names == ("a bird", "cat", "dog")
    assert dict(zip(folder.files, folder.y.tolist(), strict=True)) == {
        "a bird/4.png": 0, "cat/2.png": 1, "cat/deep/er/3.png": 1, "dog/1.png": 2,
    }  # fmt: skip


def test_images_beside_the_classes_are_skipped_and_said(tmp_path):
    folder = Folder(fill(tmp_path, {"a/1.png": photo(), "lost.png": photo()}))
    assert folder.skipped == (("lost.png", "beside the folders of the classes"),)
    assert folder.report().startswith("2 images, 1 read")


def test_a_folder_without_images_is_no_class_and_is_said(tmp_path):
    fill(tmp_path, {"a/1.png": photo()})
    (tmp_path / "empty").mkdir()
    folder = Folder(tmp_path)
    assert folder.signature.condition.names == ("a",)
    assert folder.report().endswith("; no images in empty")
    (tmp_path / "a").rename(tmp_path / ".a")
    fill(tmp_path, {"1.png": photo()})
    assert Folder(tmp_path).signature.condition is None


def test_a_class_whose_images_are_all_damaged_keeps_its_number(tmp_path):
    fill(tmp_path, {"a/1.png": photo(), "b/1.png": photo(), "c/1.png": photo()})
    truncate(tmp_path / "b/1.png")
    folder = Folder(tmp_path)
    assert folder.signature.condition.names == ("a", "b", "c")
    assert folder.y.tolist() == [0, 2]


def test_hidden_files_are_ignored_and_others_counted(tmp_path):
    fill(tmp_path, {"1.png": photo(), ".2.png": photo(), "__MACOSX/3.png": photo(), ".trash/4.png": photo()})
    for name in ("notes.txt", "more.TXT", "IMG.HEIC", "README", "._1.png"):
        (tmp_path / name).touch()
    folder = Folder(tmp_path)
    assert folder.files == ("1.png",)
    assert folder.report().endswith("; ignored 1 .heic, 2 .txt, 1 without ending")


# Splits


def test_a_tenth_is_held_out_and_the_two_parts_make_the_whole(tmp_path):
    for i in range(400):
        (tmp_path / f"{i}.pgm").write_bytes(b"P5 1 1 255 " + bytes([i % 251]))
    train, test, whole = (Folder(tmp_path, 1, split=split) for split in ("train", "test", None))
    assert sorted(train.files + test.files) == sorted(whole.files)
    assert not set(train.files) & set(test.files)
    assert 20 < len(test) < 65  # five standard deviations around 40


def test_images_that_are_added_move_no_other_one(tmp_path):
    fill(tmp_path, {f"a/{i}.png": photo(seed=i) for i in range(40)})
    before = set(Folder(tmp_path, split="test").files)
    fill(tmp_path, {f"b/{i}.png": photo(seed=i) for i in range(40)})
    after = set(Folder(tmp_path, split="test").files)
    assert before == {name for name in after if name.startswith("a/")}


def test_both_splits_know_all_classes_even_where_one_has_no_image_of_a_class(tmp_path):
    names = [f"{i}.png" for i in range(60)]
    fill(tmp_path, {f"common/{name}": grey(9, 9) for name in names} | {"rare/1.png": grey(9, 9)})
    train, test = (Folder(tmp_path, split=split) for split in ("train", "test"))
    assert train.signature == test.signature
    assert sum(1 in part.y for part in (train, test)) == 1


def test_both_splits_have_the_channels_of_the_whole(tmp_path):
    names = [f"{i}.png" for i in range(60)]
    fill(tmp_path, {name: grey(9, 9) for name in names})
    assert {Folder(tmp_path, split=split).signature.shape[0] for split in ("train", "test", None)} == {1}
    for name in (next(filter(lambda n: is_held_out((n,)) == is_test, names)) for is_test in (True, False)):
        photo(9, 9).save(tmp_path / name)
        assert {Folder(tmp_path, split=split).signature.shape[0] for split in ("train", "test", None)} == {3}
        grey(9, 9).save(tmp_path / name)


def test_a_split_without_images_says_what_to_pass(tmp_path):
    fill(tmp_path, {"1.png": photo()})
    split = "train" if is_held_out(("1.png",)) else "test"
    with pytest.raises(ValueError, match=f"none of the 1 images in .* are in its {split} split .* pass split=None"):
        Folder(tmp_path, split=split)


# The catalogue


def test_the_catalogue_opens_a_folder_by_its_path(tmp_path, monkeypatch):
    fill(tmp_path / "my photos: 2024", {f"{i}.png": photo(seed=i) for i in range(40)})
    source = data.load(f"folder:{tmp_path}/my photos: 2024", size=16)
    assert source.signature.shape == (3, 16, 16)
    assert source.files == Folder(tmp_path / "my photos: 2024", split="train").files
    assert data.load(f"folder:{tmp_path}/my photos: 2024").signature.shape == (3, 28, 28)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(data.load("folder:~/my photos: 2024", "test")) == 40 - len(source)


def test_the_catalogue_asks_for_a_path(tmp_path):
    for name in ("folder", "folder:"):
        with pytest.raises(ValueError, match="can't be opened; write folder:PATH"):
            data.load(name)
    with pytest.raises(ValueError, match="has no full set"):
        data.load(f"folder:{tmp_path}", full=True)


# What can't be used


def reason(path):
    return read_square(path, 8).reason


def test_damaged_files_each_have_their_reason(tmp_path):
    fill(
        tmp_path, {"cut.jpg": photo(), "cut.png": photo(), "cut.tiff": photo(), "cut.gif": photo(), "cut.webp": photo()}
    )
    for path in tmp_path.iterdir():
        truncate(path)
        assert re.match("truncated|damaged: ", reason(path)), path
    (tmp_path / "none.png").touch()
    assert reason(tmp_path / "none.png") == "empty"
    assert reason(tmp_path / "nowhere.png") == "no such file or directory"
    Image.fromarray(np.random.default_rng(0).random((9, 9), dtype=np.float32)).save(tmp_path / "f.tiff")
    assert reason(tmp_path / "f.tiff").startswith("floating-point pixels, whose range is not known")
    Image.fromarray(np.full((9, 9), 70_000, np.int32)).save(tmp_path / "i.tiff")
    assert reason(tmp_path / "i.tiff") == "32-bit pixels from 70000 to 70000; save it with 8 or 16 bits"


@pytest.mark.parametrize("name", ["x.jpg", "x.png", "x.webp", "x.gif", "x.bmp", "x.tiff"])
def test_no_damage_to_a_file_raises(tmp_path, name):
    photo().save(tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    rng = np.random.default_rng(0)
    for i in range(60):
        damaged = bytearray(whole)
        for at in rng.integers(len(whole) if i % 2 else 100, size=8):
            damaged[at] = rng.integers(256)
        (tmp_path / f"{i}{Path(name).suffix}").write_bytes(bytes(damaged))
    folder = Folder(tmp_path)
    assert len(folder) + len(folder.skipped) == 61
    assert all(reason for _, reason in folder.skipped)


@pytest.mark.parametrize("side", [10_000, 20_000])
def test_an_image_that_would_fill_the_memory_is_skipped(tmp_path, side):
    fill(tmp_path, {"bomb.png": Image.new("1", (side, side)), "good.png": photo()})
    folder = Folder(tmp_path)
    assert folder.skipped == (("bomb.png", "more than 89 million pixels"),)


def test_reading_leaves_the_filters_of_warnings_as_they_were(tmp_path):
    before = warnings.filters[:]
    Folder(fill(tmp_path, {"a.png": photo()}))
    assert warnings.filters == before


@pytest.mark.parametrize(("width", "height", "is_read"), [(10, 100, 1), (100, 10, 1), (10, 101, 0), (101, 10, 0)])
def test_a_strip_is_read_up_to_ten_times_its_width(tmp_path, width, height, is_read):
    photo(width, height).save(tmp_path / "x.png")
    assert (read_square(tmp_path / "x.png", 8).pixels is not None) == is_read


def test_small_images_are_enlarged_and_said(tmp_path):
    folder = Folder(fill(tmp_path, {"a.png": photo(), "tiny.png": photo(1, 1)}))
    assert len(folder) == 2
    assert folder.report().endswith("; enlarged 1 that were smaller than 28 × 28")


def test_links_in_circles_and_to_nowhere_end_and_are_said(tmp_path):
    fill(tmp_path, {"a/1.png": photo(), "b/2.png": photo()})
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "a/beside").symlink_to(tmp_path / "b")
    (tmp_path / "b/back").symlink_to(tmp_path / "a")
    (tmp_path / "a/self.png").symlink_to(tmp_path / "a/self.png")
    (tmp_path / "a/nowhere.png").symlink_to(tmp_path / "gone.png")
    folder = Folder(tmp_path)
    assert folder.files == ("a/1.png", "a/beside/2.png", "b/2.png", "b/back/1.png")
    reasons = dict(folder.skipped)
    assert reasons["a/nowhere.png"] == "no such file or directory"
    assert "symbolic links" in reasons["a/self.png"]
    again = "a folder that is read already, by a link"
    assert folder.unread == (("a/beside/back", again), ("a/up", again), ("b/back/beside", again), ("b/back/up", again))
    assert folder.report().startswith("8 images, 4 read")
    assert f"; folders not read: a/beside/back ({again})" in folder.report()


def test_folders_deeper_than_python_recurses_are_read(tmp_path):
    depth = 1050
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        for _ in range(depth):
            os.mkdir("d")
            os.chdir("d")
        photo().save("x.png")
        assert Folder(tmp_path).files == (depth * "d/" + "x.png",)
    finally:  # what removes temporary folders does recurse
        os.unlink("x.png")
        for _ in range(depth):
            os.chdir("..")
            os.rmdir("d")
        os.chdir(here)


def test_a_pipe_is_not_waited_for(tmp_path):
    fill(tmp_path, {"a.png": photo()})
    os.mkfifo(tmp_path / "pipe.png")
    assert Folder(tmp_path).skipped == (("pipe.png", "not a file"),)


def test_names_that_are_not_utf8_or_hold_control_characters_are_read_and_shown(tmp_path):
    image = photo()
    image.save(tmp_path / "good.png")
    content = (tmp_path / "good.png").read_bytes()
    (tmp_path / "good.png").unlink()
    for name in (b"class \xff/a\nb.png", b"class \xff/\x1b[31m.png"):
        path = os.path.join(os.fsencode(tmp_path), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)
    with open(os.path.join(os.fsencode(tmp_path), b"class \xff", b"\xfe.png"), "wb") as file:
        file.write(content[:100])
    folder = Folder(tmp_path)
    assert folder.files == ("class \\xff/\\x1b[31m.png", "class \\xff/a\\nb.png")
    assert folder.signature.condition.names == ("class \\xff",)
    assert "class \\xff/\\xfe.png (" in folder.report()
    folder.report().encode("utf-8")


def closed(monkeypatch, *names):
    """Refuse to list or open what has one of these names, as the system does for want of rights (but not to root)."""

    def refusing(function):
        def refuse(path, *rest, **settings):
            if Path(path).name in names:
                raise PermissionError(13, "Permission denied", str(path))
            return function(path, *rest, **settings)

        return refuse

    monkeypatch.setattr(os, "listdir", refusing(os.listdir))
    monkeypatch.setattr(Image, "open", refusing(Image.open))


def test_files_and_folders_that_may_not_be_read_are_skipped_and_said(tmp_path, monkeypatch):
    fill(tmp_path, {"a/1.png": photo(), "a/2.png": photo(), "shut/3.png": photo()})
    closed(monkeypatch, "2.png", "shut")
    folder = Folder(tmp_path)
    assert folder.skipped == (("a/2.png", "permission denied"),)
    assert folder.unread == (("shut", "permission denied"),)
    closed(monkeypatch, tmp_path.name)
    with pytest.raises(PermissionError, match=r"can't be read: permission denied; change its rights"):
        Folder(tmp_path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": 0}, "size is 0; pass the height and width of the images, a positive integer"),
        ({"size": -28}, "size is -28"),
        ({"size": 28.0}, r"size is 28\.0"),
        ({"size": True}, "size is True"),
        ({"channels": 4}, r"channels is 4; pass 1 \(grey\), 3 \(colour\) or None"),
        ({"split": "validation"}, "split 'validation' is unknown; pass 'train', 'test' or None"),
        ({"size": 100_000}, "1 samples of 30,000,000,000 bytes take 27.9 GiB .* pass a smaller size or fewer"),
    ],
)  # fmt: skip
def test_settings_that_make_no_images_are_refused(tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        Folder(fill(tmp_path, {"a.png": photo()}), **settings)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "path is ''; pass the path of a folder of images"),
        ("a\0b", "path is 'a.x00b'"),
        (None, "path is None"),
        (7, "path is 7"),
        (b"bytes", "path is b'bytes'"),
    ],
)
def test_what_is_no_path_is_refused(path, message):
    with pytest.raises(ValueError, match=message):
        Folder(path)


def test_a_folder_that_is_not_there_is_missing_data(tmp_path):
    with pytest.raises(MissingDataError, match=r"there is no folder .*nowhere; pass the path"):
        Folder(tmp_path / "nowhere")
    with pytest.raises(MissingDataError, match="names a home that isn't known"):
        Folder("~nobody-of-that-name/images")
    with pytest.raises(MissingDataError, match="can't be opened: file name too long"):
        Folder(tmp_path / ("x" * 5000))


def test_a_file_is_no_folder(tmp_path):
    photo().save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png is a file; pass the folder that holds it: "):
        Folder(tmp_path / "a.png")


def test_a_folder_without_images_says_what_was_looked_for(tmp_path):
    with pytest.raises(ValueError, match=r"holds no images; looked for \.bmp \.gif .* \.webp"):
        Folder(tmp_path)
    (tmp_path / "a.heic").touch()
    with pytest.raises(ValueError, match=r"holds no images \(there are 1 \.heic\)"):
        Folder(tmp_path)


def test_a_folder_whose_images_are_all_skipped_says_why(tmp_path):
    fill(tmp_path, {f"{i}.png": photo() for i in range(5)})
    for path in tmp_path.iterdir():
        path.write_bytes(b"")
    message = r"no image in .* can be used: 0\.png \(empty\), .*2\.png \(empty\) and 2 more \(\.skipped names them\)"
    with pytest.raises(ValueError, match=message):
        Folder(tmp_path)


def test_a_link_to_nowhere_alone_is_said_rather_than_no_images(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(ValueError, match=r"no image in .* can be used: a\.png \(no such file or directory\)"):
        Folder(tmp_path)


def test_parts_of_a_data_set_do_not_pass_for_classes(tmp_path):
    fill(tmp_path, {"train/a.png": photo(), "test/b.png": photo()})
    with pytest.raises(ValueError, match="holds the parts test, train, which would count as classes; pass one of them"):
        Folder(tmp_path)
    fill(tmp_path, {"bus/c.png": photo()})
    assert Folder(tmp_path).signature.condition.names == ("bus", "test", "train")
