"""Small chapters for the tests of the slides: one as the old ones are, one recast."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from pathlib import Path

import build
import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from gancourse.widgets import dirac

AUTHORS = {"goodfellow2014": "Goodfellow et al. 2014", "mao2017": "Mao et al. 2017"}

DIAGRAM = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 160" font-size="17"
  role="img" aria-labelledby="t u">
  <title id="t">G gives samples to D</title>
  <desc id="u">A circle, an arrow, a word.</desc>
  <style>
    svg { color: var(--diagram-ink, #1b1f24) }
    text, .tip { fill: currentColor }
    .fake { fill: var(--course-generated, #b84e00) }
  </style>
  <defs><marker id="tip" markerWidth="8" markerHeight="8" refY="4"><path class="tip" d="M0 0L8 4L0 8z"/></marker></defs>
  <circle class="fake" cx="60" cy="80" r="30"/><text x="180" y="86">samples</text>
  <path d="M100 80H160" stroke="currentColor" marker-end="url(#tip)"/>
</svg>
"""
QUESTION = """```{question} Whose weights change in the turn of $G$?
- [x] Those of $G$ alone
  Only the optimiser of $G$ takes a step.
- [ ] Those of $G$ and $D$
  The gradient passes through $D$, but $D$ takes no step.
- [ ] Those of $D$ alone
  That is the other turn.
```"""
TABLE = """<table><caption>Eight modes, three seeds</caption><thead><tr><th>game</th><th>modes</th></tr></thead>
<tbody><tr><td>1 : 1</td><td>8</td></tr><tr><td>10 : 1</td><td>1</td></tr></tbody></table>"""


def png(width: int = 700, height: int = 300, ppi: float | None = None) -> str:
    """A grey picture, base64, which says how many pixels an inch it has if they are given."""
    resolution = [(b"pHYs", struct.pack(">IIB", *(round(ppi / 0.0254),) * 2, 1))] if ppi else []
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        *resolution,
        (b"IDAT", zlib.compress((b"\0" + b"\xc0" * width) * height)),
        (b"IEND", b""),
    )
    out = io.BytesIO(b"\x89PNG\r\n\x1a\n")
    out.seek(0, io.SEEK_END)
    for kind, data in chunks:
        out.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))
    return base64.b64encode(out.getvalue()).decode()


def markdown(source: str, kind: str = "slide", *tags: str) -> nbformat.NotebookNode:
    return new_markdown_cell(source, metadata={"slideshow": {"slide_type": kind}, "tags": list(tags)})


def speaker(source: str) -> nbformat.NotebookNode:
    return markdown(source, "notes", "speaker", "remove-cell")


def code(*outputs, kind: str = "fragment", source: str = "print(secret_name)", tags=(), alt: str = "A grey box"):
    metadata = {"slideshow": {"slide_type": kind}, "tags": list(tags)}
    if alt:
        metadata["mystnb"] = {
            "image": {"alt": alt},
            "figure": {"caption": "All is grey. See {numref}`fig-a`.", "name": "fig-b"},
        }
    return new_code_cell(source, execution_count=1, outputs=list(outputs), metadata=metadata)


def printed(text: str):
    return new_output("stream", name="stdout", text=text)


def shown(html: str):
    return new_output("execute_result", {"text/html": html, "text/plain": "shown"}, execution_count=1)


def figure(width: int = 700, height: int = 300, ppi: float | None = None):
    return new_output("display_data", {"image/png": png(width, height, ppi), "text/plain": "<Figure size 700x300>"})


def sample() -> nbformat.NotebookNode:
    """A chapter with one of everything, its prose as the notes."""
    return new_notebook(
        cells=[
            markdown("# A game of `two`\n\nTrained against each other"),
            markdown("Follows {cite:t}`goodfellow2014`.", "notes"),
            code(printed("never shown"), kind="skip"),
            markdown(
                "## The value\n\n- $D$ scores, $G$ draws $z \\sim p_z$\n\n"
                "$$ V(D, G) = \\mathbb{E}[\\log D(x)] + \\mathbb{E}[\\log(1 - D(G(z)))] $$ (eq-value)"
            ),
            markdown("```{prf:theorem} Optimum\n:label: thm-a\n$D^* = p/(p+q)$ by {eq}`eq-value`.\n```", "notes"),
            code(printed("loss 1.386\n")),
            code(figure()),
            code(printed("x"), kind="slide", source="def loss(s):\n    return softplus(-s)", tags=["slide-code"]),
            markdown("## A table\n\n| a | b |\n|---|---|\n| 1 | 2 |", "subslide"),
        ]
    )


def recast() -> nbformat.NotebookNode:
    """A recast chapter with one of everything."""
    slide = "remove-cell"
    return new_notebook(
        cells=[
            markdown("# Two networks, one game\n\n![G gives samples to D](assets/diagrams/game.svg)", "slide", slide),
            speaker("Minute 0. Who has seen a forged note? Answer: nobody who noticed."),
            markdown("## Prose of the page\n\nSee {eq}`eq-value` in {numref}`fig-a`.", "skip"),
            code(printed("never shown"), kind="skip"),
            markdown("## $D$ scores, $G$ learns from the score\n\n- one\n- two\n- three", "slide", slide, "steps"),
            speaker("Minute 3. What does $D$ see? Answer: samples, never a density."),
            code(figure(800, 800, ppi=250), alt="A grey square"),
            markdown("Old notes with {eq}`eq-value`.", "notes"),
            markdown(QUESTION, "slide"),
            speaker("Minute 6. Hands for each letter."),
            markdown("## One mode, and it wanders\n\n- **97 %** at the fullest mode\n- **16 %** at 1 : 1",
                     "slide", slide, "numbers"),
            speaker("Minute 8. Which number is the collapse? Answer: the first."),
            markdown("## Ten steps of G to one of D lose seven modes", "slide", slide),
            code(shown(TABLE), tags=["steps"], alt=""),
            speaker("Minute 10. Why not eight? Answer: G moves before D has followed."),
            markdown("## Drag the start: R1 converges from anywhere", "slide", slide),
            code(shown(dirac("R1").html), alt="", tags=["hide-input"]),
            speaker("Minute 12. Where will it end? Answer: at the centre."),
            markdown("## The loss is two lines", "slide", slide),
            code(source="scores = D(G(z))\nloss = softplus(-scores)", tags=["show-source"], alt=""),
            speaker("Minute 15. What is missing? Answer: `detach`, in the other turn."),
        ]
    )  # fmt: skip


def build_deck(notebook: nbformat.NotebookNode, folder: Path, name: str = "02_sample") -> Path:
    """Write the notebook to a file, a diagram beside it, and build its slides."""
    diagrams = folder / "book" / "assets" / "diagrams"
    diagrams.mkdir(parents=True, exist_ok=True)
    (diagrams / "game.svg").write_text(DIAGRAM, encoding="utf-8")
    nbformat.write(notebook, folder / "book" / f"{name}.ipynb")
    return build.build_chapter(folder / "book" / f"{name}.ipynb", folder / "out" / name)
