"""The trainer of every game, with its optimisers, schedules, averages, checkpoints, precision and processes."""

from gancourse.training.average import Average
from gancourse.training.batch_norm import standing_statistics
from gancourse.training.checkpoints import (
    CheckpointError,
    load_checkpoint,
    read_tensors,
    save_checkpoint,
    write_tensors,
)
from gancourse.training.fabric import join
from gancourse.training.optimisers import adam
from gancourse.training.precision import MixedPrecision, Precision, has_bf16
from gancourse.training.progress import Step
from gancourse.training.schedules import constant, cosine, linear
from gancourse.training.trainer import Trainer
from gancourse.training.workers import launch

__all__ = [
    "Average",
    "CheckpointError",
    "MixedPrecision",
    "Precision",
    "Step",
    "Trainer",
    "adam",
    "constant",
    "cosine",
    "has_bf16",
    "join",
    "launch",
    "linear",
    "load_checkpoint",
    "read_tensors",
    "save_checkpoint",
    "standing_statistics",
    "write_tensors",
]
