"""The course's style in a notebook that is run and stored as chapters are."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cells import resolution

from tests import checkout

execute = checkout.script("book/execute.py")

TEXT = """---
jupytext: {text_representation: {extension: .md, format_name: myst}}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

# Title

```{code-cell} ipython3
import matplotlib.pyplot as plt

from gancourse import plots

plots.use_style()
```

```{code-cell} ipython3
_, ax = plt.subplots()
ax.plot([0, 1], label="D(x) → ½")
ax.set(title="Score", xlabel=r"$\\nabla_x D(x)$, $\\mathcal{N}$")
plots.label_lines(ax)
plt.show()
```

```{code-cell} ipython3
plots.table([{"loss": "minimax", "gradient": 0.25}])
```
"""


@pytest.mark.slow
def test_figures_and_tables_are_stored_as_the_page_wants_them_and_again_the_same(tmp_path: Path):
    runs = [execute.run(TEXT, "01_try", tmp_path) for _ in "ab"]
    assert runs[0] == runs[1]
    _, drawn, table = [cell.outputs for cell in runs[0].cells if cell.cell_type == "code"]
    picture = drawn[-1].data["image/png"]
    width, dpi = resolution(base64.b64decode(picture))
    assert round(dpi) == 192
    assert abs(drawn[-1].metadata["image/png"]["width"] - width / 2) <= 1
    assert width / 2 <= 688  # the page's column
    assert table[0].data["text/plain"].splitlines()[0] == "loss     gradient"
    assert "course-table" in table[0].data["text/html"]
    assert "| minimax | 0.25 |" in table[0].data["text/markdown"]
