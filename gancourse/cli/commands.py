"""What to do with trained networks, experiments and exercises."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from gancourse import experiments, recipes, zoo
from gancourse.cli.errors import FAILED
from gancourse.cli.options import Flat, Folder, Name, called_later
from gancourse.models.family import PLAIN, Sampling
from gancourse.models.truncation import TruncationRule
from gancourse.zoo.pages import write_film, write_report

GIB = 2**30
Statistics = Literal["auto", "training", "standing"]


def sample(arguments: list[str]) -> None:
    """Draw a picture of generated data."""
    # What samples may be asked for depends on the network, which must be known before its options are read.
    sampling = next((s for word in arguments if word[:1] != "-" and (s := zoo.sampling_of(word)) != PLAIN), PLAIN)

    def command(
        what: Name,
        n: int = 64,
        seed: int = 0,
        out: Path = Path("samples.png"),
        label: tuple[str, ...] = (),
        truncation: float | None = None,
        truncation_rule: TruncationRule = "resample",
        statistics: Statistics = "auto",
        asked: Flat[Sampling] = sampling,
    ) -> None:
        """Draw a picture of generated data.

        Args:
            what: a name of the zoo or a run's folder.
            n: how many samples.
            seed: which latents.
            out: where the picture goes.
            label: classes to make samples of, by name or number, equally many of each; those of the data if left out.
            truncation: largest absolute value of a latent's numbers: smaller for more typical samples that vary less.
            truncation_rule: whether larger numbers are drawn again (resample), set to it (clamp), or all numbers are
                truncated at 2 and multiplied by it (scale).
            statistics: what BatchNorm normalises by: what it saw last in training, or standing ones, the means of what
                samples have in each layer; "auto" is standing for truncated latents and training otherwise. Where
                BatchNorm follows the first layer, as in DCGANs, standing ones undo most of the truncation.
            asked: what else samples are asked for.
        """
        trained = _with_latents(zoo.trained(what), truncation, truncation_rule, statistics)
        _draw(trained, n, seed, out, label, asked)

    called_later(command, arguments, "gancourse sample")()


def _with_latents(
    trained: zoo.Trained, truncation: float | None, rule: TruncationRule, statistics: Statistics
) -> zoo.Trained:
    """The network with truncated latents, or with other statistics of BatchNorm.

    Raises:
        ValueError: the options don't go together, or the network's latents can't be truncated.
    """
    if truncation is None and rule != "resample":
        raise ValueError(f"the rule {rule} truncates nothing; pass --truncation too, such as 0.5")
    if truncation is None and statistics != "standing":
        return trained
    if reason := trained.recipe.play.sampling.no_truncation:
        raise ValueError(f"{trained.recipe.name} {reason}")
    if truncation is not None:
        return trained.truncated(truncation, rule, statistics != "training")
    return trained.with_standing_statistics()


def _draw(trained: zoo.Trained, n: int, seed: int, out: Path, label: tuple[str, ...], sampling: Sampling) -> None:
    """Draw samples into a file."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    from gancourse import plots

    if n < 1:
        raise ValueError(f"n is {n}; ask for at least 1 sample")
    if out.is_dir():
        raise ValueError(f"{out} is a folder; pass a file, such as {out / 'samples.png'}")
    out = out if out.suffix else out.with_suffix(".png")
    y = trained.labels(label, n) if label else None
    samples = trained.samples(n, seed, y, sampling)
    figure, ax = plt.subplots(figsize=(6, 6), layout="constrained")
    if samples.ndim == 4:
        plots.images(samples, max(1, round(n**0.5)), ax)
    else:
        plots.points(trained.recipe.real().first(n).x, samples, ax)
    figure.savefig(out, dpi=150)
    of_label = f" ({', '.join(label)})" if label else ""
    print(f"{n} samples of {trained.recipe.name}{of_label}: {out}")


def evaluate(
    what: Name, n: int | None = None, seed: int = 0, statistics: Literal["training", "standing"] = "training"
) -> None:
    """Print a network's metrics.

    Args:
        what: a name of the zoo or a run's folder.
        n: how many samples to judge a generator by; as many as is usual for its data if left out.
        seed: which latents.
        statistics: what BatchNorm normalises by: what it saw last in training, or standing ones, the means of what
            samples have in each layer, which averaged weights of a generator need while they change fast.
    """
    trained = zoo.trained(what)
    for name, value in (
        (trained.with_standing_statistics() if statistics == "standing" else trained).evaluate(n, seed).items()
    ):
        print(f"{name} = {value:.4g}")


def report(folder: Folder, out: Path | None = None) -> None:
    """Write one HTML page about a run: curves, pictures, recipe, command.

    Args:
        folder: the run's folder.
        out: where the page goes; report.html in the run's folder if left out.
    """
    print(f"the course of {folder}: {write_report(folder, out)}")


def film(folder: Folder, out: Path | None = None, seconds: float = 5.0) -> None:
    """Write an animation of a run's pictures.

    Args:
        folder: the run's folder.
        out: where it goes, a .gif, .png or .webp; film.gif in the run's folder if left out.
        seconds: how long it lasts.
    """
    print(f"the pictures of {folder}: {write_film(folder, out, seconds)}")


def list_zoo() -> None:
    """List the trained networks that lie in the package."""
    for name, card in zoo.cards().items():
        measured = ", ".join(f"{k} = {v:.4g}" for k, v in card.metrics.items())
        print(f"{name:20} {card.parameters:>9,} parameters  {measured}  ({card.command}, {card.seconds} s)")


def add_to_zoo(folder: Folder, zoo_folder: Path = zoo.FOLDER) -> None:
    """Measure a finished run and put its network into the zoo.

    Args:
        folder: the run's folder.
        zoo_folder: where weights and card go.
    """
    # Refuse what no command reproduces, before anything is measured.
    recipe, arithmetic = recipes.read_recipe(folder), recipes.read_arithmetic(folder)
    zoo.command_of(recipe, arithmetic)
    steps, seconds, techniques = recipes.read_saved(folder)
    if steps is not None and steps < recipe.steps:
        raise ValueError(
            f"{folder} is trained to step {steps} of {recipe.steps}; finish it with `gancourse resume "
            f"{shlex.quote(str(folder))}` first"
        )
    trained = zoo.trained(folder)
    card = zoo.add(trained.network, recipe, trained.evaluate(), seconds, zoo_folder, arithmetic, techniques)
    print(f"{card.name}: {card.metrics} after {card.seconds} s")


def cost(name: Name, devices: int = 1, tflops: float = recipes.TFLOPS) -> None:
    """Say what a recipe costs by calculation: nothing is trained, and no data is read.

    Args:
        name: the recipe.
        devices: GPUs that share each batch.
        tflops: what each of them is assumed to keep up, in 10¹² operations a second; an assumption, not a measurement.
    """
    of_recipe = recipes.cost(recipes.recipe(name), devices)
    hours = of_recipe.hours(tflops)
    parameters = ", ".join(f"{n:,} of the {player}" for player, n in of_recipe.parameters.items())
    print(f"{name} by calculation; nothing was measured")
    print(f"parameters: {parameters}")
    print(f"images: {of_recipe.images:,}, in {of_recipe.steps:,} steps")
    print(f"operations: {of_recipe.operations_per_image:.3g} an image, {of_recipe.operations:.3g} a step")
    print(
        f"memory of each device: {of_recipe.memory / GIB:.2f} GiB, of which weights, gradients, Adam's moments and "
        f"averages take {of_recipe.weights / GIB:.2f} and activations {of_recipe.activations / GIB:.2f}"
    )
    each = "one device" if devices == 1 else f"{devices} devices, each"
    print(f"hours: {hours:.3g} on {each} of an assumed {tflops:g} · 10¹² operations a second")


def check(folder: Folder = Path("exercises")) -> None:
    """Run every check of the exercises in a folder and print a table.

    Args:
        folder: holds the notebooks that you filled in.
    """
    from gancourse import checks

    rows = checks.report(folder)
    print(checks.table(rows))
    if not all(row.passed for row in rows) or not any(row.exercise for row in rows):
        sys.exit(FAILED)


def experiment(name: Name, workers: int = 0, folder: Path = experiments.FOLDER) -> None:
    """Run what is missing of a table of methods × seeds and print its summary.

    Args:
        name: the experiment.
        workers: how many runs side by side; 0 for one a core.
        folder: where its rows are kept, as JSON lines.
    """
    comparison = experiments.experiment(name)
    total = len(comparison.runs)
    done = len(experiments.rows(name, folder))
    runs = experiments.run(comparison, workers, folder)
    for row in tqdm(runs, name, total, initial=done, unit="run", disable=not sys.stderr.isatty()):
        if not sys.stderr.isatty():
            print(f"{row['method']}, seed {row['seed']}: {row['metrics']} in {row['seconds']} s", flush=True)
    rows = experiments.rows(name, folder)
    for metric in dict.fromkeys(key for row in rows for key in row["metrics"]):
        print(metric)
        for method, (mean, error, n, diverged) in experiments.summary(rows, metric).items():
            print(f"  {method:30} {mean:8.3g} ± {error:.2g} (n = {n}, diverged {diverged})")
