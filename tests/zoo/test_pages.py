"""What a run leaves to look at: one page that needs nothing else, and a film."""

import base64
import json
import re
from html.parser import HTMLParser
from io import BytesIO

import pytest
from PIL import Image

from gancourse import recipes
from gancourse.errors import NotFiniteError
from gancourse.recipes import Arithmetic, recipe
from gancourse.values import options
from gancourse.zoo.pages import write_film, write_report
from gancourse.zoo.watching import PICTURES, ROWS, Watcher, rows_of

VOID = {"meta", "img", "line", "polyline", "circle"}


class Page(HTMLParser):
    """A page's elements, text and addresses; complains about what doesn't nest."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.addresses, self.words = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))
        self.addresses += [v for k, v in attributes if k in ("src", "href", "xlink:href", "action", "data")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attributes for name, attributes in self.seen if name == tag]


def report_of(folder):
    """The page of a run, once it is known to need nothing from elsewhere."""
    written = write_report(folder).read_text("utf-8")
    assert not re.search(r"https?:|[='(\"]\s*//|@import|url\(", written)
    page = Page(written)
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert all(attributes.get("alt") for attributes in page.all("img"))
    assert all(attributes.get("aria-label") for attributes in page.all("svg"))
    return page


def trained(folder, name="ring", watch=True, steps=None, arithmetic=recipes.REFERENCE, **changes):
    tiny = {"width": 8, "batch_size": 8, "steps": 20} if name == "ring" else {"batch_size": 4, "steps": 3}
    watcher = Watcher(folder)
    running = recipes.train(recipe(name).changed(**tiny | changes), folder, arithmetic=arithmetic)
    for progress in running:
        if watch and watcher.is_due(progress):
            watcher.look(progress)
        if progress.done == steps:
            break
    running.close()
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of the ring; tests change no file of it but those they write."""
    return trained(tmp_path_factory.mktemp("runs") / "a & <b>")


def test_a_report_has_pictures_curves_looks_options_and_the_command(run):
    page = report_of(run)
    assert len(page.all("img")) == 10
    for attributes, row in zip(page.all("img"), rows_of(run / ROWS), strict=True):
        picture = base64.b64decode(attributes["src"].split(",")[1])
        assert picture == (run / row["picture"]).read_bytes()
        assert Image.open(BytesIO(picture)).size == (320, 320)
    titles = [attributes["aria-label"].split(":")[0] for attributes in page.all("svg")]
    assert titles == ["loss by player", "modes", "share within 3σ", "reverse KL", *titles[4:]]
    assert titles[4:] == ["share of the data that the generator has lost"]
    assert "20 of 20" in page.text
    assert "gancourse train ring --width 8 --steps 20 --batch-size 8" in page.text
    assert "terms r1:weight=0.1" in page.text
    assert "Techniques of speed: none: the bit-reproducible reference." in page.text
    assert len(page.all("tr")) == 1 + 10 + len(options(recipe("ring")))


def test_a_report_goes_where_it_is_asked_to(run, tmp_path):
    assert write_report(run) == run / "report.html"
    assert write_report(run, tmp_path / "page.html").read_text() == (run / "report.html").read_text()
    with pytest.raises(ValueError, match=r"is a folder; pass a file, such as .*report\.html"):
        write_report(run, tmp_path)


def test_a_run_that_wasn_t_watched_has_a_page_with_its_logged_losses(tmp_path):
    page = report_of(trained(tmp_path, watch=False))
    assert (tmp_path / PICTURES).exists() is (tmp_path / ROWS).exists() is False
    assert page.all("img") == []
    assert [a["aria-label"].split(":")[0] for a in page.all("svg")] == ["loss by player"]
    assert "Looks" not in page.text


def test_a_classifier_has_a_page_without_pictures(tmp_path):
    page = report_of(trained(tmp_path, "digits-classifier", full=False))
    assert page.all("img") == []
    assert len(page.all("svg")) == 1
    assert "gancourse train digits-classifier --no-full --steps 3" in page.text


def test_images_have_a_page_with_sheets(tmp_path):
    page = report_of(trained(tmp_path, "dcgan-digits", full=False, width=4))
    assert len(page.all("img")) == 3
    assert any("fid(digits-classifier, 1k/1k)" in a["aria-label"] for a in page.all("svg"))


def test_a_half_finished_run_has_a_page_that_says_how_far_it_is(tmp_path):
    folder = trained(tmp_path, steps=9)
    page = report_of(folder)
    assert "0 of 20" in page.text  # of its checkpoint, which was written at the start
    assert len(page.all("img")) == 4


def test_a_diverged_run_has_a_page(tmp_path):
    with pytest.raises(NotFiniteError):
        trained(tmp_path, learning_rate=1e30)
    page = report_of(tmp_path)
    assert "0 of 20" in page.text
    assert "--learning-rate 1e+30" in page.text


def test_numbers_that_are_not_finite_leave_gaps_and_no_chart_of_nothing(run, tmp_path):
    rows = rows_of(run / ROWS)
    for row in rows:
        row["metrics"] = {"fid": float("nan"), "kid": float("inf") if row["step"] < 10 else 2.0}
        row["losses"] = {"generator": {"adversarial": float("inf")}}
    for name in ("recipe.json", "checkpoint.safetensors"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    (tmp_path / ROWS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    titles = [a["aria-label"].split(":")[0] for a in report_of(tmp_path).all("svg")]
    assert titles == ["kid", "share of the data that the generator has lost"]


def test_what_was_written_by_hand_can_t_break_the_page(run, tmp_path):
    for name in ("checkpoint.safetensors", "log.jsonl"):
        (tmp_path / name).write_bytes((run / name).read_bytes())
    described = json.loads((run / "recipe.json").read_text()) | {"name": "<b>x", "about": "'\"</title><script>"}
    (tmp_path / "recipe.json").write_text(json.dumps(described))
    page = report_of(tmp_path)
    assert page.all("script") == []
    assert len(page.all("title")) == 1
    assert "no command reproduces it: recipe '<b>x' not found" in page.text


def test_damaged_rows_and_lost_pictures_are_left_out(run, tmp_path):
    for path in ("recipe.json", "checkpoint.safetensors"):
        (tmp_path / path).write_bytes((run / path).read_bytes())
    rows = [json.dumps(row) for row in rows_of(run / ROWS)]
    (tmp_path / ROWS).write_text("\n".join([rows[0], rows[1][:40], "{}", "[1]", rows[2], '{"step": 7, "losses": {}}']))
    (tmp_path / PICTURES).mkdir()
    kept = rows_of(run / ROWS)[0]["picture"]
    (tmp_path / kept).write_bytes((run / kept).read_bytes())
    assert len(report_of(tmp_path).all("img")) == 1
    with Image.open(write_film(tmp_path)) as film:
        assert film.format == "GIF"


def test_techniques_of_a_fast_run_stand_on_its_page(tmp_path):
    page = report_of(trained(tmp_path, arithmetic=Arithmetic(fast=True)))
    assert "one generator forward" in page.text
    assert "--steps 20 --batch-size 8 --fast" in page.text


# Film


@pytest.mark.parametrize(("suffix", "kind"), [("gif", "GIF"), ("png", "PNG"), ("webp", "WEBP")])
def test_a_film_shows_each_picture_with_its_step_and_the_last_twice_as_long(suffix, kind, run, tmp_path):
    durations, frames = [], []
    with Image.open(write_film(run, tmp_path / f"film.{suffix}", seconds=2.2)) as film:
        assert (film.format, film.n_frames) == (kind, 10)
        for index in range(film.n_frames):
            film.seek(index)
            film.load()
            durations.append(film.info["duration"])
            frames.append(film.convert("RGB"))
    assert sum(durations) == pytest.approx(2200, abs=100)  # GIF counts in hundredths
    assert durations[-1] == pytest.approx(2 * durations[0], abs=10)
    assert len({frame.tobytes() for frame in frames}) == 10
    with Image.open(run / rows_of(run / ROWS)[-1]["picture"]) as last:
        picture = last.convert("RGB")
    assert frames[-1].width == picture.width
    assert frames[-1].height > picture.height
    if suffix != "gif":  # whose 256 colours may be others
        assert frames[-1].crop((0, 0, *picture.size)).tobytes() == picture.tobytes()


def test_a_film_lies_beside_its_run_unless_another_place_is_named(run):
    assert write_film(run) == run / "film.gif"


def test_a_run_of_one_picture_has_a_film_of_one_frame(tmp_path):
    with Image.open(write_film(trained_once(tmp_path))) as film:
        assert getattr(film, "n_frames", 1) == 1


def trained_once(folder):
    watcher = Watcher(folder)
    for progress in recipes.train(recipe("ring").changed(width=8, batch_size=8, steps=1), folder):
        watcher.look(progress)
    return folder


@pytest.mark.parametrize(
    ("out", "seconds", "message"),
    [
        ("film.mp4", 5.0, r"ends in '\.mp4'; expected one of \.gif, \.png, \.webp"),
        ("film", 5.0, "ends in nothing; expected"),
        ("film.gif", 0.0, r"the film would last 0\.0 s; pass a positive number"),
        ("film.gif", float("nan"), "the film would last nan s"),
        ("film.gif", float("inf"), "the film would last inf s"),
        ("", 5.0, "is a folder; pass a file"),
    ],
)
def test_a_film_that_can_t_be_is_refused(out, seconds, message, run, tmp_path):
    with pytest.raises(ValueError, match=message):
        write_film(run, tmp_path / out, seconds)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["ring", "digits-classifier"])
def test_a_run_without_pictures_has_no_film(name, tmp_path):
    folder = trained(tmp_path, name, watch=False, **({} if name == "ring" else {"full": False}))
    with pytest.raises(ValueError, match="holds no pictures: it was trained with --no-watch, or makes no samples"):
        write_film(folder)


def test_a_picture_that_is_none_is_named(tmp_path):
    folder = trained_once(tmp_path)
    picture = next((folder / PICTURES).iterdir())
    picture.write_bytes(b"no picture")
    with pytest.raises(OSError, match=picture.name):
        write_film(folder)
