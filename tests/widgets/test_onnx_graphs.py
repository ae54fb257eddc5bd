"""The networks as ONNX graphs: what they compute is what torch does, and the file that a page loads holds them."""

from __future__ import annotations

import base64
import gzip
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.testing import assert_close

from gancourse.widgets import onnx_graphs
from gancourse.widgets.styled import N_NOISES, N_SEEDS, Setting, Styled
from tests.widgets.live_page import needs_graphs
from tests.widgets.style_based import small


@pytest.fixture(scope="module")
def networks() -> Styled:
    return small()


@pytest.fixture(scope="module")
def script(networks: Styled) -> str:
    needs_graphs()
    return onnx_graphs.network_script(networks, "small")


@pytest.fixture(scope="module")
def packed(script: str) -> dict:
    """What the file holds, unpacked."""
    values = json.loads(script.partition(" = ")[2].removesuffix(";\n"))
    return {k: gzip.decompress(base64.b64decode(v)) if isinstance(v, str) else v for k, v in values.items()}


def run(file: bytes, **inputs: torch.Tensor) -> torch.Tensor:
    """A graph's output by onnx's own evaluator."""
    import onnx
    from onnx.reference import ReferenceEvaluator

    model = onnx.load_model_from_string(file)
    onnx.checker.check_model(model)
    (output,) = ReferenceEvaluator(model).run(None, {name: value.numpy() for name, value in inputs.items()})
    return torch.from_numpy(np.array(output))


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2, N_SEEDS])
def test_the_mapping_maps_any_number_of_latents(networks: Styled, packed: dict, n: int):
    z = networks.latents(range(n))
    assert_close(run(packed["mapping"], z=z), networks.generator.mapping(z), atol=1e-5, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize("setting", [Setting(), Setting(9, 1, 1.5, 2, 0)])
def test_the_other_graphs_make_and_read_the_image_that_torch_does(networks: Styled, packed: dict, setting: Setting):
    noise = networks.noises([setting.noise]) if setting.noise else torch.zeros(1, networks.n_noise)
    image = run(packed["synthesis"], w=networks.mixed(setting), noise=noise)
    assert_close(image, networks.image(setting), atol=1e-4, rtol=0)
    assert_close(run(packed["meter"], image=image), networks.meter(image), atol=1e-4, rtol=0)


@pytest.mark.slow
def test_the_tables_are_the_seeds_random_numbers_exactly(networks: Styled, packed: dict):
    latents = np.frombuffer(packed["latents"], np.float32).reshape(N_SEEDS, -1)
    noises = np.frombuffer(packed["noises"], np.float32).reshape(N_NOISES, -1)
    assert np.array_equal(latents, networks.latents().numpy())
    assert np.array_equal(noises, networks.noises().numpy())
    assert np.array_equal(np.frombuffer(packed["mean"], np.float32), networks.generator.mean_w.numpy())
    assert (packed["n_layers"], packed["n_noise"]) == (4, 64 + 256 + 1024)


@pytest.mark.slow
def test_the_graphs_name_no_file_of_this_machine(packed: dict):
    for name in ("mapping", "synthesis", "meter"):
        for text in (".py", str(Path(__file__).parents[2]), str(Path(torch.__file__).parents[1])):
            assert text.encode() not in packed[name], (name, text)


@pytest.mark.slow
def test_the_networks_stay_as_they_were(networks: Styled, script: str):
    for one, other in zip(networks.generator.parameters(), small().generator.parameters(), strict=True):
        assert torch.equal(one, other)


def test_half_precision_weights_take_half_the_space(networks: Styled):
    weights = torch.randn(50_000, generator=torch.Generator().manual_seed(0))
    halves = weights.half().float()
    sizes = [len(onnx_graphs._packed(values.numpy().tobytes())) for values in (halves, weights)]
    assert sizes[0] < 0.65 * sizes[1]


def test_the_runtimes_file_holds_both_parts_and_the_same_bytes_always():
    text = onnx_graphs.runtime_script(b"export {};", b"\0asm")
    assert text == onnx_graphs.runtime_script(b"export {};", b"\0asm")
    packed = json.loads(text.partition("const PACKED = ")[2].partition(";\n")[0])
    assert base64.b64decode(packed["module"]) == b"export {};"
    assert gzip.decompress(base64.b64decode(packed["wasm"])) == b"\0asm"


def test_without_onnx_the_message_says_what_to_install(networks: Styled, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(onnx_graphs, "find_spec", lambda name: None if name == "onnxscript" else sys)
    with pytest.raises(ModuleNotFoundError, match=r"exporting graphs needs onnxscript; install gancourse\[live\]"):
        onnx_graphs.graphs(networks)
