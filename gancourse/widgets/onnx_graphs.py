"""The networks of `steer` as ONNX graphs, and as the file that a page loads. Needs the packages onnx and onnxscript."""

from __future__ import annotations

import copy
import gzip
import json
import logging
import warnings
from base64 import b64encode
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gancourse.widgets.styled import Styled

NEEDED = ("onnx", "onnxscript")
OPSET = 20
PLACE = "const PACKED = {};"  # in page/runtime.js


class _Synthesis(nn.Module):
    """A generator's synthesis as a module that can be exported."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, w: Tensor, noise: Tensor) -> Tensor:
        return self.generator.synthesis(w, noise)


def missing_packages() -> list[str]:
    """Which of the packages that export graphs aren't installed."""
    return [name for name in NEEDED if find_spec(name) is None]


def graphs(networks: Styled) -> dict[str, bytes]:
    """The three networks as files of ONNX, with single-precision weights.

    - mapping: z [n, latent_size] → w of the same shape, for any n
    - synthesis: w [1, n_layers, latent_size], noise [1, n_noise] → image [1, 3, size, size]
    - meter: image [1, 3, size, size] → readings [1, numbers]

    Args:
        networks: what is exported, in evaluation mode.

    Raises:
        ModuleNotFoundError: onnx or onnxscript isn't installed.
    """
    if missing := missing_packages():
        raise ModuleNotFoundError(f"exporting graphs needs {' and '.join(missing)}; install gancourse[live]")
    generator = networks.generator
    z = torch.zeros(2, generator.latent_size)
    w, noise = torch.zeros(1, generator.n_layers, generator.latent_size), torch.zeros(1, networks.n_noise)
    with torch.no_grad():
        image = generator.synthesis(w, noise)
    any_number = ({0: torch.export.Dim("n")},)
    return {
        "mapping": _exported(generator.mapping, {"z": z}, "w", any_number),
        "synthesis": _exported(_Synthesis(generator), {"w": w, "noise": noise}, "image"),
        "meter": _exported(networks.meter, {"image": image}, "readings"),
    }


def _exported(
    network: nn.Module, inputs: Mapping[str, Tensor], output: str, shapes: Sequence[dict] | None = None
) -> bytes:
    """One network as a file of ONNX.

    Args:
        network: of tensors.
        inputs: examples, by name.
        output: name of what comes out.
        shapes: of each input, the axes that may be of any size.
    """
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's and onnxscript's own
            program = torch.onnx.export(
                copy.deepcopy(network).eval(),
                tuple(inputs.values()),
                input_names=list(inputs),
                output_names=[output],
                dynamic_shapes=shapes,
                opset_version=OPSET,
                dynamo=True,
                optimize=False,  # folded weights would no longer be halves, which gzip packs in half the space
                verbose=False,
            )
    finally:
        log.setLevel(level)
    return _without_traces(program.model_proto)


def _without_traces(model: Any) -> bytes:
    """A file of ONNX without the paths and lines of code that each node came from."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return model.SerializeToString(deterministic=True)


def network_script(networks: Styled, name: str) -> str:
    """The file with the networks and their tables, which a page loads as a script.

    Latents and noise come from tables, as a browser can't draw torch's random numbers: 64 seeds' latents (32 kB for 128
    numbers each) and 4 seeds' noise (42 kB for images of 32 × 32), in single precision.

    Args:
        networks: what is packed.
        name: of the generator, by which the figure asks for them.
    """
    tables = {"latents": networks.latents(), "noises": networks.noises(), "mean": networks.generator.mean_w}
    files = graphs(networks) | {key: value.float().numpy().tobytes() for key, value in tables.items()}
    numbers = {"n_layers": networks.generator.n_layers, "n_noise": networks.n_noise}
    packed = {key: _packed(data) for key, data in files.items()} | numbers
    return f"(window.gancourseLive ??= {{}})[{json.dumps(name)}] = {json.dumps(packed)};\n"


def runtime_script(module: bytes, wasm: bytes) -> str:
    """The file with onnxruntime-web, which a page loads as a script.

    Args:
        module: its `ort.wasm.bundle.min.mjs`.
        wasm: its `ort-wasm-simd-threaded.wasm`.
    """
    packed = {"module": b64encode(module).decode(), "wasm": _packed(wasm)}
    text = (Path(__file__).parent / "page" / "runtime.js").read_text("utf-8")
    return text.replace(PLACE, f"const PACKED = {json.dumps(packed)};")


def _packed(data: bytes) -> str:
    """Bytes compressed, the same way always, as text."""
    return b64encode(gzip.compress(data, 9, mtime=0)).decode()
