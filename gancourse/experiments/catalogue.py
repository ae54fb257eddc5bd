"""Every experiment by name."""

from __future__ import annotations

from gancourse.experiments import (
    attention,
    batch_width,
    class_weights,
    conditionings,
    diffused_discriminator,
    dirac,
    few_labels,
    gan_vs_diffusion,
    growing,
    guidelines,
    minibatch_std,
    orthogonal,
    path_lengths,
    precision,
    remedies,
    stacked_digits,
    strong_start,
    transport_term,
    wgan_family,
)
from gancourse.experiments.table import Experiment
from gancourse.names import lookup

experiments: dict[str, Experiment] = {
    table.name: table
    for table in (
        guidelines.table,
        diffused_discriminator.table,
        dirac.table,
        remedies.ring_remedies,
        remedies.grid_remedies,
        wgan_family.table,
        stacked_digits.table,
        precision.table,
        conditionings.table,
        class_weights.table,
        few_labels.table,
        strong_start.table,
        growing.table,
        minibatch_std.table,
        batch_width.table,
        attention.table,
        orthogonal.table,
        path_lengths.table,
        gan_vs_diffusion.table,
        transport_term.table,
    )
}


def experiment(name: str) -> Experiment:
    """Experiment of that name.

    Raises:
        ValueError: there is none; the message suggests the nearest.

    >>> len(experiment("dcgan-guidelines").methods)
    7
    """
    return lookup(experiments, name, "experiment")
