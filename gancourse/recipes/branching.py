"""Starting a training from the checkpoint of another one, so that several continue from the same weights."""

from __future__ import annotations

from pathlib import Path

import torch

from gancourse.recipes.building import REFERENCE, Arithmetic, Built, build
from gancourse.recipes.schema import Recipe
from gancourse.rng import CPU
from gancourse.training import CheckpointError, load_checkpoint, read_tensors


def branch(
    checkpoint: Path, recipe: Recipe, *, device: torch.device = CPU, arithmetic: Arithmetic = REFERENCE
) -> Built:
    """A recipe whose training starts in the middle: at the step, weights, averages and optimisers of a checkpoint.

    The recipe may differ in what a checkpoint doesn't hold: the objective and terms without memory, rates and their
    decay, batch size, seed, precision, data of the same kind. All draws and the schedule continue at the checkpoint's
    step, so an unchanged recipe gives the bits of a training that was never interrupted.

    Args:
        checkpoint: of a run's folder, `checkpoint.safetensors`, or of `training.save_checkpoint`, after a whole step.
        recipe: what is trained from there on, up to its own number of steps.
        device: where to compute.
        arithmetic: how to compute.

    Raises:
        FileNotFoundError: there is no such checkpoint.
        CheckpointError: it is damaged, or its players, their numbers of updates, networks or averages are others.
        ValueError: as for `build`.
    """
    built = build(recipe, device, arithmetic=arithmetic)
    _, head = read_tensors(checkpoint)
    turns = [player.name for player in built.trainer.turns]
    if (saved := head.get("turns", turns)) != turns or head["turn"] % len(turns):
        raise CheckpointError(
            f"{checkpoint} was saved after {head['turn']} turns of {saved}, which don't end a step of {turns}; pass a "
            "checkpoint of a whole step of the same players"
        )
    load_checkpoint(checkpoint, built.trainer, to_go_on=False)
    return built
