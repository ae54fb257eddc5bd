"""The book's page of measurements, written from the rows of benchmarks/results and gancourse/results.

python -m benchmarks.tables          # writes book/benchmarks.md
python -m benchmarks.tables --print
"""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import Any

from benchmarks import accelerator, fast, machine, modulation, pages, processes, quality, speed, techniques, turns
from gancourse import data, experiments
from gancourse.experiments import precision, stacked_digits

PAGE = Path(__file__).parents[1] / "book" / "benchmarks.md"
METRICS = Path(__file__).parent / "results" / "metrics.jsonl"


def table(head: list[str], body: list[list[str]]) -> str:
    """A Markdown table whose first column is text and the others numbers."""
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _machine(row: dict[str, Any]) -> str:
    m = row["machine"]
    threads = "1 thread" if m["threads"] == 1 else f"{m['threads']} threads"
    where = m.get("accelerator") or f"{m['processor']}, {threads}"
    return f"{where}, PyTorch {m['versions']['torch']}"


def speed_section() -> str:
    """One table a workload: what each technique adds."""
    parts = []
    for row in {r["workload"]: r for r in machine.rows(speed.RESULTS)}.values():
        body = []
        for name, found in row["variants"].items():
            low, high = found["quartiles"]
            times = [f"{found['ratio']:.2f}", f"{low:.2f} to {high:.2f}"] if name != "textbook" else ["1", ""]
            share = f"{found['share_of_peak']:.0%}" if "share_of_peak" in found else ""
            body.append([name, f"{1e3 * found['seconds']:.0f}", *times, share])
        about = speed.WORKLOADS[row["workload"]].about
        head = ["", "ms a step", "times faster", "quartiles", "share of the peak"]
        peaks = " and ".join(f"{v / 1e9:.0f} GFLOP/s ({k})" for k, v in row["peaks"].items())
        parts.append(
            f"**{about[0].upper() + about[1:]}**; batch {row['batch_size']}, {row['rounds']} rounds; {_machine(row)}. "
            f"Peak: {peaks}.\n\n{table(head, body)}"
        )
    return "\n\n".join(parts)


def speed_summary() -> str:
    """All techniques together, of each workload."""
    said = []
    for name, row in {r["workload"]: r for r in machine.rows(speed.RESULTS)}.items():
        whole = [v for v in row["variants"].values() if "share_of_peak" in v]
        full = [v for n, v in row["variants"].items() if "share_of_peak" in v and n != "+ bf16"]
        times = f"{full[-1]['ratio']:.1f}" + (f" and {whole[-1]['ratio']:.1f}" if whole[-1] is not full[-1] else "")
        used = max(v["share_of_peak"] for v in full)
        said.append(f"{times} times as fast as *{name}* by the textbook, and up to {used:.0%} of the peak")
    return "; ".join(said)


def quality_summary() -> str:
    """The range over seeds."""
    rows = quality_rows()
    times = [row["times"] for row in rows if row["times"]]
    shares = [row["final"] / row["best"] for row in rows]
    return (
        f"{min(times):.0f} to {max(times):.0f} times sooner in {len(times)} of {len(rows)} seeds, and at its end at "
        f"{min(shares):.2f} to {max(shares):.2f} of the textbook's best distance"
    )


def reached(trace: list[dict[str, float]], target: float) -> int | None:
    """Steps after which a trace is first at or below a distance; None if it never is."""
    return next((point["steps"] for point in trace if point["fid"] <= target), None)


def quality_rows() -> list[dict[str, Any]]:
    """For each pair of seeds: the textbook's best, when it and the recipe reach it, and where the recipe ends."""
    rows = machine.rows(quality.RESULTS)
    rates = [r for r in rows if r["run"] == "rate"]
    if not rates:
        return []
    step = {name: statistics.median(values) for name, values in rates[-1]["seconds"].items()}
    found = []
    ours = {r["seed"]: r["trace"] for r in rows if r["run"] == quality.RECIPE}
    for row in sorted((r for r in rows if r["run"] == "textbook"), key=lambda r: r["seed"]):
        best = min(row["trace"], key=lambda point: point["fid"])
        if row["seed"] not in ours:
            continue
        mine = ours[row["seed"]]
        at = reached(mine, best["fid"])
        slow = best["steps"] * step["textbook"]
        near = reached(row["trace"], 1.05 * best["fid"]) * step["textbook"]
        ours_near = reached(mine, 1.05 * best["fid"])
        fast = None if at is None else at * step[quality.RECIPE]
        found.append(
            {
                "seed": row["seed"],
                "best": best["fid"],
                "textbook_s": slow,
                "ours_s": fast,
                "times": None if fast is None else slow / fast,
                "times_near": None if ours_near is None else near / (ours_near * step[quality.RECIPE]),
                "final": mine[-1]["fid"],
                "final_s": mine[-1]["steps"] * step[quality.RECIPE],
            }
        )
    return found


def quality_section() -> str:
    """Seconds until the textbook's best."""
    body = [
        [
            str(row["seed"]),
            f"{row['best']:.1f}",
            f"{row['textbook_s']:.0f}",
            "never" if row["ours_s"] is None else f"{row['ours_s']:.0f}",
            "" if row["times"] is None else f"{row['times']:.1f}",
            "" if row["times_near"] is None else f"{row['times_near']:.1f}",
            f"{row['final']:.1f}",
            f"{row['final_s']:.0f}",
            f"{row['final'] / row['best']:.2f}",
        ]
        for row in quality_rows()
    ]
    head = ["seed", "textbook's best", "seconds", "recipe's seconds to it", "times sooner", "to within 5 % of it"]
    return table([*head, "recipe's last", "seconds", "recipe's last / textbook's best"], body)


def metrics_section() -> str:
    """Agreement with other libraries, and who is faster."""
    rows = machine.rows(METRICS)
    agreement = [r for r in rows if r["what"] == "agreement"][-1:]
    parts = []
    for row in agreement:
        body = [
            [
                r["value"],
                r["library"],
                f"{r['ours']:.6g}",
                f"{r['theirs']:.6g}",
                f"{abs(r['ours'] - r['theirs']) / abs(r['theirs']):.0e}",
            ]
            for r in row["rows"]
        ]
        parts.append(table(["value", "library", "ours", "theirs", "relative difference"], body))
    for row in [r for r in rows if r["what"] == "rounding"][-1:]:
        body = [
            [r["value"], f"{r['floats']:.6g}", f"{r['bytes']:.6g}", f"{abs(r['bytes'] / r['floats'] - 1):.0e}"]
            for r in row["rows"]
        ]
        head = [f"10,000 samples of `{row['generator']}`", "as the generator made them", "as bytes", "relative change"]
        parts.append(table(head, body))
    races = {r["what"]: r for r in rows if "times_faster" in r}
    body = [
        [
            r["name"],
            f"{statistics.median(r['seconds']['ours']['wall']):.1f}",
            f"{statistics.median(r['seconds']['theirs']['wall']):.1f}",
            f"{r['times_faster']['wall']:.1f}",
            f"{r['relative_difference']:.0e}",
        ]
        for r in races.values()
    ]
    if body:
        parts.append(table(["against", "our seconds", "their seconds", "times faster", "relative difference"], body))
    return "\n\n".join(parts)


def precision_section() -> str:
    """Whether bfloat16 changes what is learned."""
    rows = experiments.rows("precision")
    metric = next((key for row in rows for key in row["metrics"]), "fid")
    found = experiments.summary(rows, metric)
    body = [[name, f"{s.mean:.1f}", f"{s.standard_error:.1f}", str(s.n)] for name, s in found.items()]
    text = table(["networks computed in", metric, "standard error", "seeds"], body)
    if found:
        full, half = found["float32"], found["bfloat16"]
        difference, error = half.mean - full.mean, math.hypot(half.standard_error, full.standard_error)
        verdict = "no more" if abs(difference) <= error else "more"
        doubt = (
            ", and less than twice that error: no proof of a difference" if error < abs(difference) < 2 * error else ""
        )
        text += (
            f"\n\nbfloat16 changes the mean by {difference:+.1f}, which is **{verdict} than the standard error of that "
            f"difference** over seeds, {error:.1f}{doubt}."
        )
    return text


def accelerator_note() -> str:
    """How the trainer compares with both kinds of textbook's loop in float32, at the smaller batch."""
    rows = [m for row in machine.rows(accelerator.RESULTS) for m in row["rows"] if "seconds" in m]
    batch = min(m["batch_size"] for m in rows)
    seconds = {m["side"]: m["seconds"] for m in rows if m["batch_size"] == batch}
    ours = seconds["trainer, float32"]
    times = [seconds[f"{name}, float32"] / ours for name in accelerator.LOOPS[:2]]
    return (
        f"In float32, at a batch of {batch}, the trainer is {times[0]:.2f} times as fast as the loop with its loader "
        f"and {times[1]:.2f} times as fast as the one with its images on the device."
    )


def fast_section() -> str:
    """Each image recipe: plain, fast, and fast in bfloat16; the newest row of each."""
    rows = list({row["recipe"]: row for row in machine.rows(fast.RESULTS)}.values())
    body = []
    for row in rows:
        for way, measured in row["ways"].items():
            low, high = measured["quartiles"]
            times = [f"{measured['ratio']:.2f}", f"{low:.2f} to {high:.2f}"] if way != "plain" else ["1", ""]
            name = f"`{row['recipe']}`" if way == "plain" else ""
            body.append([name, way, f"{1e3 * measured['seconds']:.0f}", *times, ", ".join(measured["techniques"])])
    head = ["recipe", "", "ms a step", "times as fast", "quartiles", "techniques"]
    lines = [head, ["---", "---", "--:", "--:", "--:", "---"], *body]
    machines = "; ".join(dict.fromkeys(_machine(row) for row in rows))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + f"\n\n{machines}."


MODULATION = """## A StyleGAN2's step

`python -m benchmarks.modulation`: `stylegan2-faces` with its paper's losses, and modulated convolutions in two forms.
The textbook's makes weights for each sample and convolves in groups; the course's scales channels.

{sides}

Then each technique alone, against the plain trainer with scaled channels, and beside all others, against a trainer that
has all but this one; the two take turns in one process. A discriminator with minibatch standard deviation can't score
real and generated images as one batch, so for that technique neither side has it, and `--fast` leaves it out here.

{techniques}

{where}.

"""


def modulation_section() -> str:
    """The sides of both precisions, and what each technique is worth; nothing until there are rows of all three."""
    rows = machine.rows(modulation.RESULTS)
    sides = {row["precision"]: row for row in rows if "sides" in row}
    worth = {(row["technique"], row["comparison"]): row for row in rows if "technique" in row}
    names = [name for name in techniques.TECHNIQUES if {(name, "alone"), (name, "last")} <= worth.keys()]
    if not (sides and names):
        return ""
    first = []
    for numbers, row in sides.items():
        for side, measured in row["sides"].items():
            low, high = measured["quartiles"]
            times = [f"{measured['ratio']:.2f}", f"{low:.2f} to {high:.2f}"] if side != "grouped" else ["1", ""]
            first.append([f"{side} ({numbers})", f"{1e3 * measured['seconds']:.0f}", *times])
    second = []
    for name in names:
        cells = []
        for comparison in ("alone", "last"):
            parts = worth[name, comparison]["parts"]
            low, high = parts["step"]["quartiles"]
            cells += [f"{parts['step']['ratio']:.2f}", f"{low:.2f} to {high:.2f}"]
            cells += [f"{parts['generator']['ratio']:.2f}", f"{parts['discriminator']['ratio']:.2f}"]
        second.append([name, *cells])
    part = ["times faster", "quartiles", "generator", "discriminator"]
    head = ["", *(f"{what}: {each}" for what in ("alone", "beside the others") for each in part)]
    return MODULATION.format(
        sides=table(["", "ms a step", "times faster", "quartiles"], first),
        techniques=table(head, second),
        where="; ".join(dict.fromkeys(_machine(row) for row in [*sides.values(), *worth.values()])),
    )


def accelerator_section() -> str:
    """Images a second on a GPU, of the newest measurement of each loop."""
    newest: dict[tuple[str, int], dict[str, Any]] = {}
    where = ""
    for row in machine.rows(accelerator.RESULTS):
        where = _machine(row)
        for measured in row["rows"]:
            newest[measured["side"], measured["batch_size"]] = measured
    batches = sorted({batch for _, batch in newest})
    body, failed = [], []
    for side in dict.fromkeys(side for side, _ in newest):
        cells = [newest.get((side, batch), {}) for batch in batches]
        if any("seconds" in cell for cell in cells):
            numbers = [f"{c['images_a_second']:,.0f}" if "seconds" in c else "" for c in cells]
            body.append([side, *numbers])
        else:
            failed.append(side)
    text = table(["`dcgan-28`", *(f"images a second, batch {n}" for n in batches)], body) + f"\n\n{where}."
    return text + (f" torch.compile failed for: {'; '.join(failed)}." if failed else "")


def processes_section() -> str:
    """One process against several, of the newest row of each recipe."""
    parts = []
    for row in {r["recipe"]: r for r in machine.rows(processes.RESULTS)}.values():
        body = []
        for n, found in row["processes"].items():
            low, high = found["quartiles"]
            times = [f"{found['ratio']:.2f}", f"{low:.2f} to {high:.2f}"] if body else ["1", ""]
            body.append([f"{n} × {found['threads']}", f"{1e3 * found['seconds']:.0f}", *times])
            body[-1].append(f"{found['waiting']:.1%}")
        head = ["processes × threads", "ms a step", "times as fast", "quartiles", "waiting for others"]
        parts.append(f"`{row['recipe']}`, {row['rounds']} rounds; {_machine(row)}.\n\n{table(head, body)}")
    return "\n\n".join(parts)


def stacked_section() -> str:
    """The four cells beside the paper's."""
    rows = experiments.rows("stacked-digits")
    if not rows:
        return ""
    modes, divergence = list(next(r for r in rows if r["metrics"])["metrics"])
    n_modes, found = experiments.summary(rows, modes), experiments.summary(rows, divergence)
    body = []
    for method, paper in stacked_digits.PAPER.items():
        if method not in found:
            continue
        mine = [f"{n_modes[method].mean:.0f} ± {n_modes[method].standard_error:.0f}"]
        mine += [f"{found[method].mean:.2f} ± {found[method].standard_error:.2f}"]
        ended = f"{found[method].n} of {found[method].n + found[method].diverged}"
        body.append([method, *mine, ended, "diverges" if paper is None else f"{paper[0]} / {paper[1]}"])
    return table(["", "modes", "reverse KL", "runs that ended", "R3GAN, table 1"], body)


TEXT = """# Measurements

Every number on this page was written by a command of the repository from rows that lie in it:
`python -m benchmarks.tables` writes the page again, and the commands below measure again.

## Seconds a step

`python -m benchmarks.speed --keep` lets the plain loop of a textbook and the course's trainer take turns, each in a
process of its own, on the same networks, batch and kind of data. A round's ratio is the textbook's time over the
variant's, each round begins with another loop, and the table has medians and quartiles over rounds. Each variant has
one technique more than the one above it.

The first loop and its networks are those of a chapter among this course's sources, Adam and all; the second are the
nearest-neighbour upsampling DCGAN that many tutorials have; the third the networks of {{cite:t}}`miyato2018`.

- *trainer*: whoever doesn't move is frozen, so that no gradient is computed for it; images stay bytes in memory, where
  the textbook's loop has torchvision transform them one by one. Spectral normalisation is torch's in the textbook's
  loop and the course's here, one power iteration a forward pass in both.
- *kept memory*: what a step frees stays with the process for the next one (`gancourse.memory.keep`), which the
  system would otherwise take back and give out anew, page by page.
- *one generator forward*: the generator's update takes the samples of the discriminator's. The usual upsampling loop
  does that as well; the other two draw latents for each update, as in algorithm 1 of {{cite:t}}`goodfellow2014`, and
  have a row for a loop that doesn't.
- *one discriminator batch*: a discriminator without batch normalisation scores real and generated images as one batch,
  and makes one power iteration instead of two.
- *channels last*: images and kernels lie with their channels innermost.
- *folding* (`gancourse.models.folded`): the same function of the same parameters, to 1e-12 in float64. Upsampling and
  convolution, or convolution and pooling, are one step; a convolution to one channel is a matrix product, and so is, in
  bfloat16, the weight gradient of a transposed convolution of small images; activations write over their input. The
  textbook's first generator projects latents to images and convolves them
  with nothing in between: two linear maps in a row, which fold into one.
- *fused Adam*: one kernel updates all weights. It saves calls, which are few here: differences within the quartiles
  are noise.
- *bf16*: networks compute in bfloat16 (`--precision bf16-mixed`), on processors that do so themselves.

The share of the peak is that of a 3 × 3 convolution of 256 channels on the same machine, in the same precision; the
operations are counted after folding, so a fold that leaves out multiplications may lower it.

**In full precision and in bfloat16: {speed_summary}.**

{speed}

## Recipes with `--fast`

`python -m benchmarks.fast`: each recipe for images as it stands, with `--fast`, and with `--fast` in bfloat16, taking
turns on the package's images. `--fast` chooses every technique above that suits the recipe's networks. They compute the
same function, but for two: with one generator forward, the generator's update takes the samples of the discriminator's
instead of new ones; and a discriminator with spectral normalisation makes one power iteration for its whole batch
instead of two.

{fast}

{modulation}## On a GPU

`python -m benchmarks.accelerator`: the trainer against the textbook's loop on a GPU that is far too large for these
networks. A step is some hundred kernel launches, and these take the time, not the arithmetic: a loop with less Python
around it is faster, a batch eight times as large takes hardly longer, and bfloat16 gains nothing. With its loader the
textbook's loop waits for the processor; with its images on the device it is faster than our trainer, which draws its
randomness on the processor, checks every gradient and keeps averages. {accelerator_note}

{accelerator}

## Time to quality

The textbook DCGAN trains for five epochs of the full digits, measured every third of an epoch; the recipe
`relativistic-digits` on the same digits, measured every 100 steps. Distances are fid(digits-classifier, 10k/10k).
Seconds are steps times the median seconds a step of both sides taking turns on a machine that does nothing else
(`python -m benchmarks.quality rate`: {rates}), so that evaluation is left out{kernels}. The textbook's best is the
least of fifteen noisy values; how many times sooner the recipe comes within 5 % of it than the textbook did is given
too. Five epochs are not the textbook's end: its source trains for fifty, and {unfinished} runs are at their best
where they are cut off here. The recipe runs to its own end, with a learning rate that falls to zero, and is measured
by the average of its weights (`average_kimg`), which the textbook doesn't keep: both are part of what makes it sooner.

**The recipe is there {quality_summary}.**

{quality}

## bfloat16

`gancourse experiment precision`: the whole recipe `relativistic-digits`, {precision_steps:,} steps, on the package's
{precision_images:,} digits instead of all.

{precision}

## Several processes

`python -m benchmarks.processes`: a recipe on the package's digits in one process with all cores, and in several with
their share of them, which give the same weights up to the order of sums (`gancourse train NAME --devices N`). Waiting
is the share of a step between asking the others for a sum and having it: sending, and being out of step. Several
processes are for several devices or machines; the cores of one processor are shared better by threads.

{processes}

## Stacked digits

`gancourse experiment stacked-digits`: the recipe `stacked-digits`, shortened to {stacked_steps:,} steps, with parts of
its objective taken away; 26,000 samples, labelled by the digits classifier; means and standard errors over seeds. The
right column is what {{cite:t}}`huang2024` report, modes and reverse KL, of their own network and a longer training.
{stacked_verdict}

{stacked}

The whole recipe, `gancourse train stacked-digits`: {recipe}.

## Metrics

`python -m benchmarks.metrics`: our values beside those of other libraries on the same features in float64, random ones
in each row, of the kind that the library takes; of bytes, which are digits of `relativistic-digits`, beside a library
that takes images as bytes and finds their features itself. Then what the same samples are worth before and after they
become bytes: that changes a distance by far more than these libraries differ on equal features. Last, two costly
metrics against the implementations that they are usually taken from, taking turns: scipy's matrix square root, for
covariances that are well conditioned (of singular ones, the distance costs as much as eigenvalues of the product do),
and prdc. {metrics_machine}

{metrics}
"""


def _rates() -> str:
    """Seconds a step of both sides of the time to quality, and the machine."""
    row = [r for r in machine.rows(quality.RESULTS) if r["run"] == "rate"][-1]
    said = []
    for name, values in row["seconds"].items():
        low, middle, high = (1e3 * v for v in turns.quartiles(values))
        said.append(f"{middle:.0f} ms ({low:.0f} to {high:.0f}) of the {name if name == 'textbook' else 'recipe'}")
    return f"{' against '.join(said)}; {_machine(row)}"


def _recipe_card() -> str:
    from gancourse import zoo

    if "stacked-digits" not in zoo.cards():
        return "not trained yet"
    card = zoo.card("stacked-digits")
    found = ", ".join(f"{name} = {value:.4g}" for name, value in card.metrics.items())
    return f"{found}, after {card.recipe.steps:,} steps and {card.seconds / 60:.0f} minutes"


def page() -> str:
    """The whole page."""
    traces = [r for r in machine.rows(quality.RESULTS) if r["run"] == "textbook"]
    fast = [str(r["seed"]) for r in traces if r.get("fast_kernels")]
    ends = [r["trace"] for r in traces]
    kernels = (
        f" (so that the textbook's traces, of seeds {', '.join(fast)}, could be computed with folded networks, which "
        "make the same samples in less time)"
        if fast
        else ""
    )
    return TEXT.format(
        speed=speed_section(),
        fast=fast_section(),
        modulation=modulation_section(),
        accelerator=accelerator_section(),
        accelerator_note=accelerator_note(),
        speed_summary=speed_summary(),
        quality_summary=quality_summary(),
        quality=quality_section(),
        kernels=kernels,
        rates=_rates(),
        unfinished=f"{sum(min(t, key=lambda p: p['fid']) is t[-1] for t in ends)} of {len(ends)}",
        precision=precision_section(),
        processes=processes_section(),
        stacked=stacked_section(),
        stacked_steps=stacked_digits.STEPS,
        stacked_verdict=stacked_verdict(),
        recipe=_recipe_card(),
        metrics=metrics_section(),
        metrics_machine=f"Measured on {_machine(machine.rows(METRICS)[-1])}.",
        precision_steps=precision.RECIPE.steps,
        precision_images=len(data.digits().images),
    )


def stacked_verdict() -> str:
    """What the four cells say, in words that follow from the rows."""
    rows = experiments.rows("stacked-digits")
    diverged = sorted({r["method"] for r in rows if "diverged" in r})
    divergence = list(next(r for r in rows if r["metrics"])["metrics"])[1]
    found = experiments.summary(rows, divergence)
    complete = found.pop(next(iter(stacked_digits.PAPER)))
    worse, better, near = "worse than the complete objective", "better than it", "not told from it"
    groups: dict[str, list[str]] = {worse: [], better: [], near: []}
    for name, other in found.items():
        apart = (other.mean - complete.mean) / math.hypot(other.standard_error, complete.standard_error)
        groups[worse if apart > 2 else better if apart < -2 else near].append(name)
    ends = f"Training diverged in {', '.join(diverged)}." if diverged else "Here no cell diverged."
    told = [f"{verdict}: {', '.join(f'*{name}*' for name in names)}" for verdict, names in groups.items() if names]
    return f"{ends} Told apart by two standard errors of the reverse KL, over few seeds: {'; '.join(told)}."


if __name__ == "__main__":
    pages.write(page, PAGE, __doc__)
