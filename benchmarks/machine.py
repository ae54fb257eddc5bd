"""Description of the machine of a measurement, and the files of results."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

import gancourse


def processor() -> str:
    """The processor's name according to the operating system."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def description(*libraries: str) -> dict[str, Any]:
    """Processor, load, threads, accelerator if there is one, and versions, also of the libraries named."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "threads": torch.get_num_threads(),
        "accelerator": device,
        "capability": torch.backends.cpu.get_cpu_capability(),
        "versions": {
            "torch": torch.__version__.split("+")[0],
            "gancourse": gancourse.__version__,
            "python": platform.python_version(),
        }
        | {name: version(name) for name in libraries},
    }


def append(path: Path, row: dict[str, Any], *libraries: str) -> None:
    """Add a row to a file of JSON lines, with the machine's description."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row | {"machine": description(*libraries)}, ensure_ascii=False) + "\n")


def rows(path: Path) -> list[dict[str, Any]]:
    """The rows of such a file; an empty list if there is no file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []
