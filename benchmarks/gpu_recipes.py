"""The book's page on recipes for GPUs: `python -m benchmarks.gpu_recipes` writes it again, in half a minute.

Its numbers are calculated, by `gancourse.recipes.cost`; nothing is trained.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks import pages
from gancourse.recipes import TFLOPS, Cost, cost, recipe, recipes

PAGE = Path(__file__).parents[1] / "book" / "gpu_recipes.md"
DEVICES = (1, 2)
ASSUMED = {"float32": TFLOPS, "bfloat16": 5 * TFLOPS}
"""What each GPU is assumed to keep up in a precision, in 10¹² operations a second."""
GIB = 2**30

TEXT = """# Recipes for GPUs

Some recipes have the size of a paper's own training. A processor would take months, no weights of them lie in the
package, and their data is downloaded on request. They train in one process or in several, on one GPU or on several, as
all recipes do:

```bash
{commands}
```

Photographs are those of CIFAR-10 {{cite:p}}`krizhevsky2009`: {{cite:t}}`karras2020ada` for StyleGAN2, without their
augmentation; the code that {{cite:t}}`brock2019` published later for BigGAN. The file
`gancourse/recipes/shelf/photographs.py` names the source of each setting and says where ours departs from it. To try
one without the download, take faces of the same shape: `gancourse train stylegan2-cifar --data faces-by-hair`.

## What they need

**Every number here is a calculation, not a measurement: nobody has trained these recipes for this page.**
`gancourse cost NAME` calculates them, and `python -m benchmarks.gpu_recipes` writes this page.

{table}

- *Operations* are those of matrix products and convolutions, two for each multiplication with addition. Torch counts
  them on networks of the full size that have no memory: forward, backward, and gradients of gradients where R1 is due.
  *An image* is a real image that the discriminator sees.
- *Memory* is what each GPU holds in float32: weights, gradients, Adam's two moments and the averaged generator, all of
  which each GPU has; and what the largest update keeps for its backward pass, of its part of the batch. What kernels
  need besides is left out.
- *Hours* assume what each GPU keeps up, in 10¹² operations a second: {float32:g} in float32, which the course computes
  in full, and {bfloat16:g} in bfloat16 (`--precision bf16-mixed`), where an H100's peaks are 67 and 989; and that
  sending gradients takes no time. Another assumption: `gancourse cost NAME --tflops 50`.

Before a training of this length, run a thousand steps (`--steps 1000`), and multiply its seconds a step, which
`gancourse report` shows, by the steps above: that is a measurement.
"""


def names() -> list[str]:
    """The recipes that the package has no data for."""
    return [name for name, each in recipes.items() if not each.is_offline]


def table(costs: dict[str, list[Cost]]) -> str:
    """A column for each recipe, and rows in Markdown.

    Args:
        costs: by name, of each number of devices in DEVICES.
    """
    rows = {
        "parameters of the generator": [f"{one[0].parameters['generator']:,}" for one in costs.values()],
        "parameters of the discriminator": [f"{one[0].parameters['discriminator']:,}" for one in costs.values()],
        "batch": [f"{recipe(name).training.batch_size}" for name in costs],
        "steps": [f"{one[0].steps:,}" for one in costs.values()],
        "images": [f"{one[0].images / 1e6:g} million" for one in costs.values()],
        "operations an image": [f"{one[0].operations_per_image / 1e9:.0f} · 10⁹" for one in costs.values()],
        "operations in all": [f"{one[0].operations * one[0].steps / 1e18:.2g} · 10¹⁸" for one in costs.values()],
    }
    for i, n in enumerate(DEVICES):
        gpus = "one GPU" if n == 1 else f"each of {n} GPUs"
        rows[f"memory of {gpus}"] = [f"{one[i].memory / GIB:.1f} GiB" for one in costs.values()]
        for precision, tflops in ASSUMED.items():
            what = f"hours on {gpus.removeprefix('each of ')} at {tflops:g} · 10¹² a second ({precision})"
            rows[what] = [_rounded(one[i].hours(tflops)) for one in costs.values()]
    lines = ["|  | " + " | ".join(f"`{name}`" for name in costs) + " |", "| --- |" + " --: |" * len(costs)]
    return "\n".join([*lines, *(f"| {what} | {' | '.join(values)} |" for what, values in rows.items())])


def _rounded(hours: float) -> str:
    return f"{hours:.0f}" if hours >= 10 else f"{hours:.1f}"


def page() -> str:
    """The whole page."""
    costs = {name: [cost(recipe(name), n) for n in DEVICES] for name in names()}
    commands = "\n".join(f"gancourse train {name} --download --devices 2 --fast" for name in costs)
    return TEXT.format(commands=commands, table=table(costs), **ASSUMED)


if __name__ == "__main__":
    pages.write(page, PAGE, __doc__)
