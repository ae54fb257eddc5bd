"""The trainer that plays every game, and what surrounds it."""

from gancourse.training.average import Average
from gancourse.training.checkpoints import (
    CheckpointError,
    load_checkpoint,
    read_tensors,
    save_checkpoint,
    write_tensors,
)
from gancourse.training.schedules import constant, cosine, linear
from gancourse.training.trainer import Step, Trainer, adam

__all__ = [
    "Average",
    "CheckpointError",
    "Step",
    "Trainer",
    "adam",
    "constant",
    "cosine",
    "linear",
    "load_checkpoint",
    "read_tensors",
    "save_checkpoint",
    "write_tensors",
]
