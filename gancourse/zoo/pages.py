"""What a run leaves to look at: one HTML page, or an animation of its pictures."""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

import gancourse
from gancourse.plots.curves import line_chart
from gancourse.recipes import read_arithmetic, read_recipe, read_saved
from gancourse.recipes.running import LOG
from gancourse.spelling import text
from gancourse.values import options
from gancourse.zoo.storage import command_of
from gancourse.zoo.watching import ROWS, rows_of

STYLE = """
:root { color-scheme: light dark; --ink: #1c2733; --paper: #fff; --faint: #5d6b78; --line: #d5dce3; --wash: #f4f6f8 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e9ee; --paper: #14191f; --faint: #9aa7b4; --line: #36424e; --wash: #1d242c }
}
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 66rem; padding: 2rem 1.2rem 4rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, sans-serif }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .3rem } h2 { font-size: 1.25rem; margin: 2.4rem 0 .8rem }
p { margin: .4rem 0 } .faint { color: var(--faint) }
code { background: var(--wash); border-radius: 4px; padding: .12em .4em; font-size: .92em; overflow-wrap: anywhere }
.facts { display: flex; flex-wrap: wrap; gap: .6rem 2.2rem; margin: 1.2rem 0; padding: 0; list-style: none }
.facts b { display: block; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: 1rem }
figure { margin: 0 } figure img { width: 100%; display: block; border-radius: 6px; image-rendering: pixelated;
  border: 1px solid var(--line) }
figcaption { color: var(--faint); font-size: .9rem; margin-top: .25rem; font-variant-numeric: tabular-nums }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1.4rem }
svg { width: 100%; height: auto; display: block } svg text { font: 12px system-ui, sans-serif; fill: var(--faint) }
svg .title { fill: var(--ink); font-size: 14px; font-weight: 600 } svg .axis { stroke: var(--line) }
.scroll { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100% }
th, td { text-align: right; padding: .3rem .7rem; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child, td:first-child { text-align: left; padding-left: 0 } th { color: var(--faint); font-weight: 500 }
.alarm { color: #c0392b; font-weight: 600 }
"""


class _Course:
    """What a run's folder tells of its course."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self.recipe = read_recipe(self.folder)
        self.looks = rows_of(self.folder / ROWS)
        self.losses = rows_of(self.folder / LOG)
        self.saved = read_saved(self.folder)

    @property
    def pictures(self) -> list[tuple[int, Path]]:
        """Step and file of each picture that is there."""
        named = [(row["step"], self.folder / row["picture"]) for row in self.looks if "picture" in row]
        return [(step, path) for step, path in named if path.is_file()]

    def command(self) -> str:
        """What reproduces the run, or why nothing does."""
        try:
            return f"<code>{html.escape(command_of(self.recipe, read_arithmetic(self.folder)))}</code>"
        except ValueError as error:
            return f'<span class="faint">no command reproduces it: {html.escape(str(error))}</span>'


def write_report(folder: Path, out: Path | None = None) -> Path:
    """Write one HTML page about a run, which needs no other file and no network; returns its path.

    Args:
        folder: the run's folder.
        out: the page; report.html in the folder if left out.

    Raises:
        FileNotFoundError: the folder holds no run.
        CheckpointError: its checkpoint or description is damaged.
        ValueError: out is a folder.
        OSError: it can't be written.
    """
    course = _Course(folder)
    out = _file(out, course.folder / "report.html")
    recipe = course.recipe
    parts = [
        f"<h1>{html.escape(recipe.name)}</h1><p class='faint'>{html.escape(recipe.about)}</p>",
        _facts(course),
        f"<p>Command: {course.command()}</p>",
        _pictures(course),
        _charts(course),
        _table(course),
        _options(course),
    ]
    out.write_text(
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{html.escape(recipe.name)}: the course of "
        "a training</title><meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<style>{STYLE}</style></head><body><main>{''.join(parts)}</main></body></html>\n",
        "utf-8",
    )
    return out


def _file(out: Path | None, default: Path) -> Path:
    if out is None:
        return default
    if Path(out).is_dir():
        raise ValueError(f"{out} is a folder; pass a file, such as {Path(out) / default.name}")
    return Path(out)


def _facts(course: _Course) -> str:
    steps, seconds, techniques = course.saved
    done = "some" if steps is None else f"{steps:,}"
    facts = [("steps", f"{done} of {course.recipe.steps:,}"), ("of training", _duration(seconds))]
    if steps and seconds:
        facts.append(("steps a second", f"{steps / seconds:.3g}"))
    last = course.looks[-1] if course.looks else {}
    facts += [(name, f"{value:.4g}") for name, value in last.get("metrics", {}).items()]
    facts.append(("gancourse", gancourse.__version__))
    items = "".join(f"<li><b>{html.escape(value)}</b>{html.escape(name)}</li>" for name, value in facts)
    said = ", ".join(techniques) or "none: the bit-reproducible reference"
    return f"<ul class='facts'>{items}</ul><p class='faint'>Techniques of speed: {html.escape(said)}.</p>"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _pictures(course: _Course) -> str:
    if not course.pictures:
        return ""
    figures = []
    for step, path in course.pictures:
        data = base64.b64encode(path.read_bytes()).decode()
        alt = f"Samples of the same latents after {step} steps"
        figures.append(
            f"<figure><img alt='{alt}' src='data:image/png;base64,{data}'>"
            f"<figcaption>step {step:,}</figcaption></figure>"
        )
    return f"<h2>The same latents over time</h2><div class='pictures'>{''.join(figures)}</div>"


def _charts(course: _Course) -> str:
    losses = {row["step"]: row["losses"] for row in course.losses + course.looks if "losses" in row}
    curves: dict[str, list[tuple[float, float]]] = {}
    for step, players in sorted(losses.items()):
        for player, terms in players.items():
            curves.setdefault(player, []).append((step, sum(terms.values())))
    wanted = {"loss by player": curves}
    for name in dict.fromkeys(key for row in course.looks for key in row.get("metrics", {})):
        points = [(row["step"], row["metrics"][name]) for row in course.looks if name in row.get("metrics", {})]
        wanted[name] = {name: points}
    lost = [(row["step"], row["variety"]["lost"]) for row in course.looks if "variety" in row]
    wanted["share of the data that the generator has lost"] = {"lost": lost}
    charts = [line_chart(title, each, "step") for title, each in wanted.items() if _has_a_point(each)]
    return f"<h2>Curves</h2><div class='charts'>{''.join(charts)}</div>" if charts else ""


def _has_a_point(curves: Mapping[str, Sequence[tuple[float, float]]]) -> bool:
    """Whether there is anything to draw: a training that diverges may leave no finite number."""
    return any(math.isfinite(y) for points in curves.values() for _, y in points)


def _table(course: _Course) -> str:
    if not course.looks:
        return ""
    names = list(dict.fromkeys(key for row in course.looks for key in row.get("metrics", {})))
    head = "".join(f"<th>{html.escape(name)}</th>" for name in ("step", "seconds", *names, "cells reached"))
    body = []
    for row in course.looks:
        cells = [f"{row['step']:,}", f"{row.get('seconds', math.nan):.1f}"]
        cells += [f"{row['metrics'][n]:.4g}" if n in row.get("metrics", {}) else "" for n in names]
        cells.append(_reached(row.get("variety")))
        body.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return (
        f"<h2>Looks</h2><div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"
        "</div>"
    )


def _reached(variety: dict[str, Any] | None) -> str:
    if variety is None:
        return ""
    reached = f"{variety['cells'] - variety['starved']} of {variety['cells']}"
    return f"<span class='alarm'>{reached}, {variety['lost']:.0%} lost</span>" if variety["collapsed"] else reached


def _options(course: _Course) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(_shown(option.value))}</td></tr>"
        for name, option in options(course.recipe).items()
    )
    return f"<h2>Recipe</h2><div class='scroll'><table><tbody>{rows}</tbody></table></div>"


def _shown(value: Any) -> str:
    return " ".join(map(text, value)) or "none" if isinstance(value, tuple) else text(value)


# The film

SUFFIXES: dict[str, dict[str, Any]] = {
    ".gif": {"disposal": 1},
    ".png": {},
    ".webp": {"lossless": True},
}


def write_film(folder: Path, out: Path | None = None, seconds: float = 5.0) -> Path:
    """Write an animation of a run's pictures; returns its path.

    Args:
        folder: the run's folder.
        out: a .gif, .png or .webp; film.gif in the folder if left out.
        seconds: how long it lasts; the last picture stands twice as long as the others.

    Raises:
        FileNotFoundError: the folder holds no run.
        ValueError: it has no pictures, `seconds` isn't positive, or the file is of another kind.
        OSError: it can't be written.
    """
    course = _Course(folder)
    out = _file(out, course.folder / "film.gif")
    if out.suffix not in SUFFIXES:
        ending = repr(out.suffix) if out.suffix else "nothing"
        raise ValueError(f"{out} ends in {ending}; expected one of {', '.join(SUFFIXES)}")
    if not 0 < seconds < float("inf"):
        raise ValueError(f"the film would last {seconds} s; pass a positive number")
    if not course.pictures:
        raise ValueError(f"{folder} holds no pictures: it was trained with --no-watch, or makes no samples")
    frames = [_frame(path, f"step {step:,}") for step, path in course.pictures]
    ms = round(1000 * seconds / (len(frames) + 1))
    durations = [ms] * (len(frames) - 1) + [2 * ms]
    first, *others = frames
    first.save(out, save_all=True, append_images=others, duration=durations, loop=0, **SUFFIXES[out.suffix])
    return out


def _frame(path: Path, caption: str) -> Image.Image:
    """A picture with a line of text below it."""
    with Image.open(path) as stored:
        picture = stored.convert("RGB")
    size = max(14, picture.width // 24)
    frame = Image.new("RGB", (picture.width, picture.height + 2 * size), "white")
    frame.paste(picture, (0, 0))
    ImageDraw.Draw(frame).text(
        (size // 2, picture.height + size // 2), caption, fill="#333333", font=ImageFont.load_default(size)
    )
    return frame
