"""Tables that a cell ends in: real ones on the page, on slides and in JupyterLab, and text within 78 columns."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WIDTH = 78
"""Columns of text that a page shows without scrolling."""
GAP = "  "
LEAST_COLUMN = 6
Rows = Sequence[Mapping[str, object]] | tuple[Sequence[str], Sequence[Sequence[object]]]


def table(rows: Rows, caption: str | None = None) -> Table:
    """Rows as a table; a cell that ends in it shows it.

    Args:
        rows: dictionaries with the same keys, or (header, rows). Numbers are shown with three significant digits and
            integers with separators of thousands; for another form pass text. `True` is yes, `None` an empty cell.
        caption: one line above the table.

    Raises:
        ValueError: there are no rows, or one has other columns than the first.

    >>> table([{"loss": "minimax", "gradient": 0.0031}, {"loss": "non-saturating", "gradient": 2.7}])
    loss            gradient
    ------------------------
    minimax           0.0031
    non-saturating       2.7
    """
    if isinstance(rows, tuple) and len(rows) == 2 and not isinstance(rows[0], Mapping):
        header, body = [str(name) for name in rows[0]], [list(map(_plain, row)) for row in rows[1]]
    else:
        header = [str(name) for name in rows[0]] if rows else []
        body = [_values(row, header) for row in rows]
    if not body:
        raise ValueError("a table has no rows; pass dictionaries, or (header, rows)")
    for row in body:
        if len(row) != len(header):
            raise ValueError(f"row {row} has {len(row)} values; expected {len(header)}, one for each of {header}")
    numeric = tuple(all(_is_number(row[i]) or row[i] is None for row in body) for i in range(len(header)))
    return Table(tuple(header), tuple(tuple(map(_text, row)) for row in body), numeric, caption)


@dataclass(frozen=True, repr=False)
class Table:
    """A table's texts; `numeric` says which columns are set to the right."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]
    caption: str | None = None

    def __repr__(self) -> str:
        widths = self._widths()
        lines = [] if self.caption is None else [*textwrap.wrap(self.caption, WIDTH), ""]
        lines += self._row_lines(self.header, widths)
        lines.append("-" * (sum(widths) + len(GAP) * (len(widths) - 1)))
        for row in self.rows:
            lines += self._row_lines(row, widths)
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        first = "td" if self.numeric[0] else 'th scope="row"'
        head = "".join(f'<th scope="col"{self._align(i)}>{html.escape(n)}</th>' for i, n in enumerate(self.header))
        body = []
        for row in self.rows:
            cells = [f"<{first}{self._align(0)}>{html.escape(row[0])}</{first.split()[0]}>"]
            cells += [f"<td{self._align(i)}>{html.escape(text)}</td>" for i, text in enumerate(row) if i]
            body.append(f"<tr>{''.join(cells)}</tr>")
        caption = f"<caption>{html.escape(self.caption)}</caption>\n" if self.caption else ""
        rows = "\n".join(body)
        return (
            f'<table class="course-table">\n{caption}<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>'
        )

    def _repr_markdown_(self) -> str:
        marks = ["---:" if right else ":---" for right in self.numeric]
        rows = [self.header, marks, *self.rows]
        lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
        return "\n".join(lines if self.caption is None else [f"**{self.caption}**", "", *lines])

    def _align(self, column: int) -> str:
        return f' style="text-align: {"right" if self.numeric[column] else "left"}"'

    def _widths(self) -> list[int]:
        """Widths of the columns; the widest are cut down, and wrapped, until all fit the page."""
        widths = [max(len(row[i]) for row in (self.header, *self.rows)) for i in range(len(self.header))]
        room = WIDTH - len(GAP) * (len(widths) - 1)
        while sum(widths) > room and max(widths) > LEAST_COLUMN:
            widths[widths.index(max(widths))] -= 1
        return widths

    def _row_lines(self, row: Sequence[str], widths: Sequence[int]) -> list[str]:
        parts = [textwrap.wrap(text, width) or [""] for text, width in zip(row, widths, strict=True)]
        lines = []
        for k in range(max(map(len, parts))):
            cells = [part[k] if k < len(part) else "" for part in parts]
            aligned = zip(cells, widths, self.numeric, strict=True)
            lines.append(GAP.join(c.rjust(w) if right else c.ljust(w) for c, w, right in aligned).rstrip())
        return lines


def _values(row: Mapping[str, object], header: Sequence[str]) -> list[object]:
    if set(map(str, row)) != set(header):
        raise ValueError(f"row {dict(row)} has the columns {list(row)}; expected {list(header)}")
    by_name = {str(name): _plain(value) for name, value in row.items()}
    return [by_name[name] for name in header]


def _plain(value: object) -> object:
    """A number in place of a tensor or an array that holds one."""
    return value.item() if hasattr(value, "item") else value


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        text = value.strip().lstrip("+−-±<≤>≥≈ ").replace(",", "").removesuffix("%").strip()
        if text in ("nan", "inf", "–"):
            return True
        # Such as 0.12 ± 0.03, 3 of 5, or 0.2 to 0.4.
        parts = text.replace("±", " ").replace(" of ", " ").replace(" to ", " ").split()
        return bool(parts) and all(part.lstrip("−-+").replace(".", "", 1).isdigit() for part in parts)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: object) -> str:
    """How a value is written: a minus sign for a hyphen, no more digits than say something."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}".replace("-", "−")
    if isinstance(value, float):
        return f"{value:.3g}".replace("-", "−")
    return str(value)
