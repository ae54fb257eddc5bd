"""Joining the processes of one training; the only module that imports Lightning Fabric."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch

from gancourse.processes import LostProcessError


@contextmanager
def _without_messages() -> Iterator[None]:
    """Inside, suppress Lightning's messages and warnings about settings."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def join(device: torch.device, n_devices: int, n_nodes: int = 1, timeout_s: float = 60.0) -> torch.device:
    """Make this process one of several that train together; returns its device.

    The environment must define its rank, as `gancourse train --devices 2`, torchrun and Lightning do: LOCAL_RANK,
    NODE_RANK, MASTER_ADDR and MASTER_PORT.

    Args:
        device: its type is the type of each process's device.
        n_devices: number of processes on this machine, one for each device; on a CPU, any number.
        n_nodes: number of machines.
        timeout_s: how long to wait for another process before it counts as lost.

    Raises:
        ValueError: LOCAL_RANK isn't set.
        LostProcessError: another process did not join in time.
        ModuleNotFoundError: Lightning isn't installed.
    """
    if "LOCAL_RANK" not in os.environ:
        raise ValueError("LOCAL_RANK isn't set: start the processes with `gancourse train NAME --devices N`")
    try:
        from lightning.fabric import Fabric
        from lightning.fabric.strategies import DDPStrategy
    except ModuleNotFoundError as error:
        message = f"{error}; several processes need Lightning: pip install 'gancourse[distributed]'"
        raise ModuleNotFoundError(message, name=error.name) from None
    backend = "nccl" if device.type == "cuda" else "gloo"
    strategy = DDPStrategy(process_group_backend=backend, timeout=timedelta(seconds=timeout_s))
    with _without_messages():
        fabric = Fabric(accelerator=device.type, devices=n_devices, num_nodes=n_nodes, strategy=strategy)
        try:
            fabric.launch()
        except RuntimeError as error:
            raise LostProcessError(f"another process did not join in time: {error}") from None
    return fabric.device
