"""Write the gallery of trained networks from the zoo: its cards → book/gallery.md, samples → book/assets/gallery/.

python book/gallery.py            # write the page and the pictures again, after a model was added or trained again
python book/gallery.py --check    # only say whether page and pictures belong to the zoo's cards

The page says what the cards say; pictures are the samples of seed 0, whose last bits depend on the processor.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from gancourse import zoo
from gancourse.games.game import is_conditional
from gancourse.plots.pictures import scatter, sheet, small_png
from gancourse.widgets.styled import GENERATOR
from gancourse.zoo import Card, Trained

BOOK = Path(__file__).resolve().parent
PICTURES = Path("assets/gallery")
COLUMNS, ROWS, POINTS = 10, 5, 1000
PER_LABEL = 8

HEAD = """# Gallery

Every trained network that lies in the package, with the numbers of its card. A number's name carries its protocol:
what read the samples, and how many samples and data there were. Nobody chose the pictures: they are the samples of
seed 0, good and bad. `gancourse zoo` lists the networks, `gancourse evaluate NAME` measures one again.
`python book/gallery.py` writes this page from the zoo.
"""
READERS = """
## Networks that read

Metrics take their features from these, or count what they read.
"""


def labels(trained: Trained) -> tuple[str, ...]:
    """The classes that samples can be asked for; none if the network takes none."""
    return trained.recipe.play.classes(trained.recipe.signature()) if is_conditional(trained.network) else ()


def n_samples(trained: Trained) -> int:
    """How many samples its picture shows."""
    if len(trained.recipe.signature().shape) != 3:
        return POINTS
    return PER_LABEL * len(labels(trained)) or COLUMNS * ROWS


def samples(trained: Trained) -> Tensor:
    """The samples of seed 0 that its picture shows; equally many of each class, in order."""
    n = n_samples(trained)
    return trained.samples(n, 0, trained.labels(labels(trained), n) if labels(trained) else None)


def picture(trained: Trained) -> np.ndarray:
    """A grid of samples, of which each row is of one label if there are labels; or points in the plane."""
    x = samples(trained)
    if x.ndim != 4:
        return scatter(trained.recipe.real().first(len(x)).x, x)
    return sheet(x, PER_LABEL if labels(trained) else COLUMNS)


def duration(seconds: float) -> str:
    """Seconds in words.

    >>> duration(42), duration(1357)
    ('42 s', '23 min')
    """
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def table(rows: Iterable[tuple[str, ...]]) -> str:
    """A Markdown table; the first row is its head, and numbers stand right."""
    head, *body = rows
    ruler = (":--", *["--:"] * (len(head) - 1))
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ruler, *body))


def numbers(card: Card) -> str:
    """What was measured, by name."""
    return table([("Measured", "Value"), *((name, f"{value:.4g}") for name, value in card.metrics.items())])


def training(card: Card) -> str:
    """Steps, time and size in one line."""
    fast = f", with {', '.join(card.techniques)}" if card.techniques else ""
    return f"{card.recipe.steps:,} steps in {duration(card.seconds)}{fast}; {card.parameters:,} weights."


def about(card: Card) -> str:
    """What it is, as a sentence."""
    return f"{card.recipe.about[0].upper()}{card.recipe.about[1:].rstrip('.')}."


def steered(card: Card) -> str:
    """The figure to steer it with, if there is one."""
    return "\n```{widget} steer\n```\n" if card.name == GENERATOR else ""


def _generator(card: Card) -> str:
    trained = zoo.trained(card.name)
    n, names, data = n_samples(trained), labels(trained), card.recipe.data.name
    what = "points" if n == POINTS else "images"
    rows = f" A row for each label, from the top {', '.join(names)}." if names else ""
    command = shlex.join(["gancourse", "sample", card.name, "--n", str(n), *(("--label", *names) if names else ())])
    return f"""
### {card.name}

{about(card)} {training(card)}

```{{figure}} {PICTURES.as_posix()}/{card.name}.png
:alt: {n} generated {what} that should look like the data set {data}.{rows}

{n} samples of seed 0, not chosen.{rows}
```
{steered(card)}
{numbers(card)}
```bash
{card.command}
{command}
```
"""


def _reader(card: Card) -> str:
    return f"""
### {card.name}

{about(card)} {training(card)}

{numbers(card)}
```bash
{card.command}
```
"""


def page(cards: Mapping[str, Card]) -> str:
    """The whole page, of the zoo's networks with these cards."""
    makers = [card for card in cards.values() if card.recipe.play.makes_samples]
    readers = [card for card in cards.values() if not card.recipe.play.makes_samples]
    return "".join(
        [HEAD, "\n## Networks that make samples\n", *map(_generator, makers), READERS, *map(_reader, readers)]
    )


def pictured(cards: Mapping[str, Card]) -> set[str]:
    """Names of the files of the pictures."""
    return {f"{name}.png" for name, card in cards.items() if card.recipe.play.makes_samples}


def write_pictures(cards: Mapping[str, Card], folder: Path) -> None:
    """Write a picture of each network that makes samples, and remove those of others."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.png"):
        if path.name not in pictured(cards):
            path.unlink()
    for name in pictured(cards):
        (folder / name).write_bytes(small_png(picture(zoo.trained(name.removesuffix(".png")))))


def main(arguments: list[str] | None = None) -> int:
    """Write page and pictures, or check them; 0 if all is well."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if something isn't up to date")
    parser.add_argument("--book", type=Path, default=BOOK, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    target, cards = options.book / "gallery.md", zoo.cards()
    text, folder = page(cards), options.book / PICTURES
    if options.check:
        is_same = target.exists() and target.read_text("utf-8") == text
        if not is_same or {path.name for path in folder.glob("*.png")} != pictured(cards):
            print(f"{target} is not what the zoo's cards say: run `python book/gallery.py`", file=sys.stderr)
            return 1
        return 0
    target.write_text(text, encoding="utf-8")
    write_pictures(cards, folder)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
