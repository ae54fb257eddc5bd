"""The metrics compared with other libraries: agreement and speed.

    python -m benchmarks.metrics --keep         # three minutes on two cores
    python -m benchmarks.metrics [agreement] [rounding] [frechet] [neighbours] [--threads N] [--repeats N]

Agreement: the largest relative difference of each value from each library on the same float64 features, and from a
library that takes images as bytes and computes the features itself. Rounding: values of the same samples before and
after conversion to bytes. Speed: our function and theirs run alternately on the same arrays; medians of wall-clock and
processor seconds, and their spread. With --keep, each result is appended to results/metrics.jsonl, with the machine,
the seeds and the versions.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import io
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks import machine
from gancourse import data, metrics, zoo

RESULTS = Path(__file__).parent / "results" / "metrics.jsonl"
LIBRARIES = ("numpy", "scipy", "torchmetrics", "torch-fidelity", "prdc", "scikit-learn", "POT")


def features(n: int, d: int, seed: int, std: float = 1.0, shift: float = 0.0) -> Tensor:
    """Features with deviations that fall like 1/√i, as for networks, float64 [n, d]."""
    scale = torch.arange(1, d + 1, dtype=torch.float64) ** -0.5
    random = torch.Generator().manual_seed(seed)
    return (torch.randn(n, d, dtype=torch.float64, generator=random) * std + shift) * scale


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Inside, suppress output and warnings of libraries."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


class Identity(nn.Module):
    """A feature extractor that returns its input."""

    num_features = 32

    def forward(self, x: Tensor) -> Tensor:
        """The rows of x, flattened."""
        return x.flatten(1)


class Map(nn.Module):
    """A generator that is a linear map and a tanh; `sample` returns fixed latents, first z0, then z1."""

    def __init__(self, a: Tensor, latents: list[Tensor]) -> None:
        super().__init__()
        self.a, self.latents = a, latents

    def sample(self, n: int) -> Tensor:
        """The next of the fixed latents."""
        return self.latents.pop(0)

    def forward(self, z: Tensor) -> Tensor:
        """Samples of latents z."""
        return torch.tanh(z @ self.a)


class Square(nn.Module):
    """Squared distance, after undoing the rescaling that the library applies."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Distance of each pair of rows."""
        return ((x - y) * 255 / 2).square().sum(1)


def agreement(seed: int) -> Iterator[tuple[str, str, float, float]]:
    """Name of a value, name of a library, our number, theirs."""
    yield from _of_moments(seed)
    yield from _of_neighbours(seed)
    yield from _of_paths_and_plans(seed)
    yield from _of_bytes(seed)


def _of_moments(seed: int) -> Iterator[tuple[str, str, float, float]]:
    from scipy import linalg
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
    from torch_fidelity.metric_isc import isc_features_to_metric
    from torch_fidelity.metric_kid import kid_features_to_metric
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.inception import InceptionScore
    from torchmetrics.image.kid import KernelInceptionDistance

    x, y = features(500, 32, seed), features(400, 32, seed + 1, 1.1, 0.2)
    distance = metrics.frechet_distance(x, y)
    a, b = metrics.Statistics.of(x), metrics.Statistics.of(y)
    root = linalg.sqrtm((a.covariance @ b.covariance).numpy()).real
    trace = (a.covariance + b.covariance).trace().item() - 2 * np.trace(root)
    yield "Fréchet distance", "scipy", distance, (a.mean - b.mean).square().sum().item() + trace
    statistics = [fid_features_to_statistics(s) for s in (y, x)]  # the first is the generated one
    theirs = next(iter(fid_statistics_to_metric(*statistics, False).values()))
    yield "Fréchet distance", "torch-fidelity", distance, theirs
    images = [s.sigmoid().view(-1, 2, 4, 4) for s in (x, y)]
    theirs = FrechetInceptionDistance(Identity(), normalize=True, input_img_size=(2, 4, 4)).set_dtype(torch.float64)
    theirs.update(images[0], real=True)
    theirs.update(images[1], real=False)
    ours = metrics.frechet_distance(*(i.flatten(1) for i in images))
    yield "Fréchet distance", "torchmetrics", ours, theirs.compute().item()

    z = y[:400]
    theirs = KernelInceptionDistance(Identity(), subsets=1, subset_size=400).set_dtype(torch.float64)
    theirs.update(x[:400], real=True)
    theirs.update(z, real=False)
    ours = metrics.kernel_distance(x[:400], z)
    yield "kernel distance", "torchmetrics", ours, theirs.compute()[0].item()
    options = {"kid_subsets": 1, "kid_subset_size": 400, "verbose": False}
    theirs = kid_features_to_metric(z, x[:400], **options)["kernel_inception_distance_mean"]
    yield "kernel distance", "torch-fidelity", ours, theirs

    logits = features(400, 10, seed, 4.0)
    ours = metrics.inception_score(logits, n_splits=10)
    theirs = isc_features_to_metric(logits, splits=10, shuffle=False)
    yield "Inception score", "torch-fidelity", ours.mean, theirs["inception_score_mean"]
    yield "Inception score, deviation", "torch-fidelity", ours.standard_deviation, theirs["inception_score_std"]
    theirs = InceptionScore(Identity(), splits=1).set_dtype(torch.float64)
    theirs.update(logits)
    yield "Inception score", "torchmetrics", metrics.inception_score(logits, 1).mean, theirs.compute()[0].item()


def _of_neighbours(seed: int) -> Iterator[tuple[str, str, float, float]]:
    from prdc import compute_prdc
    from torch_fidelity.metric_prc import calculate_precision_recall_full

    x, y = features(1000, 32, seed), features(800, 32, seed + 1, 0.9, 0.1)
    ours, theirs = metrics.precision_recall(x, y, 5), compute_prdc(x.numpy(), y.numpy(), 5)
    for name, value in ours._asdict().items():
        yield name, "prdc", value, float(theirs[name])
    for name, value, other in zip(
        ("precision", "recall"), ours, calculate_precision_recall_full(y, x, 5), strict=False
    ):
        yield name, "torch-fidelity", value, other


def _of_paths_and_plans(seed: int) -> Iterator[tuple[str, str, float, float]]:
    import ot
    from scipy import stats
    from torchmetrics.functional.image import perceptual_path_length

    a, z0, z1 = (features(n, 16, seed + i) for i, n in enumerate((16, 50, 50)))
    for kind in ("lerp", "slerp_any"):
        ours = metrics.perceptual_path_length(
            Map(a, []), lambda x: x, z0, z1, torch.zeros(50), spherical=kind != "lerp"
        )
        theirs = perceptual_path_length(
            Map(a, [z0, z1]), num_samples=50, interpolation_method=kind, resize=None,
            lower_discard=None, upper_discard=None, sim_net=Square(),
        )  # fmt: skip
        yield f"path length, {kind}", "torchmetrics", ours.mean().item(), theirs[0].item()

    x, y = features(120, 5, seed), features(90, 5, seed + 1, 1.2, 0.3)
    for p in (1, 2):
        cost = ot.dist(x.numpy(), y.numpy(), metric="euclidean") ** p
        yield f"W{p}", "POT", metrics.wasserstein(x, y, p), ot.emd2([], [], cost) ** (1 / p)
        directions = metrics.transport._directions(5, 128, seed)
        theirs = ot.sliced_wasserstein_distance(x.numpy(), y.numpy(), projections=directions.numpy(), p=p)
        yield f"sliced W{p}", "POT", metrics.sliced_wasserstein(x, y, 128, p, seed), float(theirs)
    classes = torch.randint(10, (200,), generator=torch.Generator().manual_seed(seed)).square() // 9
    coverage = metrics.class_coverage(classes, 12)
    yield "reverse KL", "scipy", coverage.reverse_kl, float(stats.entropy(coverage.counts.numpy(), np.ones(12)))


GENERATOR, CLASSIFIER = "relativistic-digits", "digits-classifier"


def to_bytes(images: Tensor) -> Tensor:
    """Images in [−1, 1] as bytes, as in a file."""
    return ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def of_images(real: Tensor, generated: Tensor) -> dict[str, float]:
    """Our values of images in [−1, 1], with the classifier's features, in float64."""
    network = copy.deepcopy(zoo.load(CLASSIFIER)).double()
    x, y = (zoo.Extractor(CLASSIFIER, network.features)(images.double()) for images in (real, generated))
    logits = zoo.Extractor(CLASSIFIER, network)(generated.double())
    precision, recall, *_ = metrics.precision_recall(x, y, k=3)
    return {
        "Fréchet distance": metrics.frechet_distance(x, y),
        "kernel distance": metrics.kernel_distance(x, y),
        "Inception score": metrics.inception_score(logits, 1).mean,
        "precision": precision,
        "recall": recall,
    }


def _of_bytes(seed: int, n: int = 2000) -> Iterator[tuple[str, str, float, float]]:
    """Our values from bytes, and those of a library from the same bytes with the same network."""
    from torch_fidelity import calculate_metrics, register_feature_extractor
    from torch_fidelity.feature_extractor_base import FeatureExtractorBase
    from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY

    class Classifier(FeatureExtractorBase):
        """The zoo's classifier, with the library's interface of an extractor."""

        def __init__(self, name: str, features_list: list[str], **options: Any) -> None:
            super().__init__(name, features_list)
            self.network = copy.deepcopy(zoo.load(CLASSIFIER)).double()

        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            """The requested outputs for bytes."""
            x = x.double() / 127.5 - 1
            outputs = {"features": self.network.features(x).flatten(1), "logits": self.network(x)}
            return tuple(outputs[name] for name in self.features_list)

        @staticmethod
        def get_provided_features_list() -> tuple[str, ...]:
            return ("features", "logits")

        @staticmethod
        def get_default_feature_layer_for_metric(metric: str) -> str:
            return "logits" if metric == "isc" else "features"

        @staticmethod
        def can_be_compiled() -> bool:
            return False

    if CLASSIFIER not in FEATURE_EXTRACTORS_REGISTRY:
        register_feature_extractor(CLASSIFIER, Classifier)
    real, generated = data.digits().images[:n], to_bytes(zoo.samples(zoo.load(GENERATOR), n, seed))
    theirs = calculate_metrics(
        input1=_Rows(generated), input2=_Rows(real), feature_extractor=CLASSIFIER, cuda=False, verbose=False,
        fid=True, kid=True, isc=True, prc=True,
        kid_subsets=1, kid_subset_size=n, isc_splits=1, prc_neighborhood=3, batch_size=500, save_cpu_ram=True,
    )  # fmt: skip
    keys = ("frechet_inception_distance", "kernel_inception_distance_mean", "inception_score_mean")
    ours = of_images(data.images.to_floats(real), data.images.to_floats(generated))
    for (name, value), key in zip(ours.items(), (*keys, "precision", "recall"), strict=True):
        yield f"{name}, of bytes", "torch-fidelity", value, float(theirs[key])


class _Rows(torch.utils.data.Dataset):
    """Rows of a tensor."""

    def __init__(self, rows: Tensor) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> Tensor:
        """One row."""
        return self.rows[i]


def rounding(seed: int, n: int = 10_000) -> list[dict[str, Any]]:
    """The values of a generator's samples as floats and as bytes."""
    real, generated = data.digits().first(n).x, zoo.samples(zoo.load(GENERATOR), n, seed)
    before, after = of_images(real, generated), of_images(real, data.images.to_floats(to_bytes(generated)))
    return [{"value": name, "floats": before[name], "bytes": after[name]} for name in before]


def frechet_task(seed: int) -> tuple[str, Callable[[], Any], Callable[[], Any]]:
    """Fréchet distance from means and covariances of 10,000 samples each, 2,048 features."""
    from scipy import linalg

    a, b = (metrics.Statistics.of(features(10_000, 2048, seed + i, 1 + 0.05 * i, 0.02 * i)) for i in range(2))

    def theirs() -> float:
        root = linalg.sqrtm(a.covariance.numpy() @ b.covariance.numpy())
        rest = (a.mean - b.mean).square().sum() + a.covariance.trace() + b.covariance.trace()
        return rest.item() - 2 * np.trace(root).real

    return (
        "Fréchet distance from covariances, 2,048 features: scipy's sqrtm",
        lambda: metrics.frechet_distance(a, b),
        theirs,
    )


def neighbours_task(seed: int) -> tuple[str, Callable[[], Any], Callable[[], Any]]:
    """Precision, recall, density and coverage of 10,000 × 512 features each, k = 3."""
    from prdc import compute_prdc

    x, y = features(10_000, 512, seed), features(10_000, 512, seed + 1, 0.97, 0.02)

    def theirs() -> list[float]:
        values = compute_prdc(x.numpy(), y.numpy(), 3)
        return [float(values[name]) for name in metrics.PrecisionRecall._fields]

    return (
        "precision, recall, density, coverage, 10,000 × 512: prdc",
        lambda: list(metrics.precision_recall(x, y)),
        theirs,
    )


def compare_speed(task: tuple[str, Callable[[], Any], Callable[[], Any]], repeats: int) -> dict[str, Any]:
    """Run both functions alternately; seconds of each run, ratios of medians, and values with their difference."""
    name, ours, theirs = task
    seconds: dict[str, dict[str, list[float]]] = {who: {"wall": [], "processor": []} for who in ("ours", "theirs")}
    values: dict[str, Any] = {}
    for _ in range(repeats):
        for who, function in (("ours", ours), ("theirs", theirs)):
            wall, processor = time.perf_counter(), time.process_time()
            with quiet():
                values[who] = function()
            seconds[who]["wall"].append(round(time.perf_counter() - wall, 2))
            seconds[who]["processor"].append(round(time.process_time() - processor, 2))
            print(
                f"  {who}: {seconds[who]['wall'][-1]} s wall, {seconds[who]['processor'][-1]} s processor", flush=True
            )
    ratios = {
        clock: round(float(np.median(seconds["theirs"][clock]) / np.median(seconds["ours"][clock])), 2)
        for clock in ("wall", "processor")
    }
    a, b = (np.atleast_1d(values[who]) for who in ("ours", "theirs"))
    return {
        "name": name,
        "seconds": seconds,
        "times_faster": ratios,
        "values": {who: np.atleast_1d(v).tolist() for who, v in values.items()},
        "relative_difference": float(np.max(np.abs(a - b) / np.abs(b))),
    }


def write(row: dict[str, Any]) -> None:
    """Append one result."""
    machine.append(RESULTS, row, *LIBRARIES)


WHAT = ("agreement", "rounding", "frechet", "neighbours")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="*", default=list(WHAT), help=", ".join(WHAT))
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of torch; set numpy's by OMP_NUM_THREADS")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", action="store_true", help="append the results to results/metrics.jsonl")
    options = parser.parse_args()
    if unknown := set(options.what) - set(WHAT):
        parser.error(f"{', '.join(sorted(unknown))}: expected some of {', '.join(WHAT)}")
    keep = write if options.keep else lambda row: None
    torch.set_num_threads(options.threads)
    common = {"seed": options.seed, "threads": options.threads}
    if "agreement" in options.what:
        with quiet():
            rows = list(agreement(options.seed))
        print(f"{'value':28} {'library':16} {'ours':>18} {'theirs':>18}  relative difference")
        for name, library, ours, theirs in rows:
            print(f"{name:28} {library:16} {ours:18.12g} {theirs:18.12g}  {abs(ours - theirs) / abs(theirs):.1e}")
        worst = max(abs(ours - theirs) / abs(theirs) for *_, ours, theirs in rows)
        print(f"largest relative difference {worst:.1e}")
        table = [dict(zip(("value", "library", "ours", "theirs"), row, strict=True)) for row in rows]
        keep({"what": "agreement", "largest_relative_difference": worst, "rows": table} | common)
    if "rounding" in options.what:
        table = rounding(options.seed)
        for row in table:
            change = abs(row["bytes"] - row["floats"]) / abs(row["floats"])
            print(f"{row['value']:28} {row['floats']:12.6g} as bytes {row['bytes']:12.6g}  {change:.1e}")
        keep({"what": "rounding", "generator": GENERATOR, "rows": table} | common)
    for what, make_task in {"frechet": frechet_task, "neighbours": neighbours_task}.items():
        if what in options.what:
            task = make_task(options.seed)
            print(task[0], flush=True)
            row = compare_speed(task, options.repeats)
            print(f"  times faster: {row['times_faster']}, relative difference {row['relative_difference']:.1e}")
            keep({"what": what} | row | common)


if __name__ == "__main__":
    sys.exit(main())
