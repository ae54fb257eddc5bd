"""Make the files with which pages run a generator: `python book/live.py`, which `make live` and `make book` call.

- `_build/live/runtime.js`: onnxruntime-web, which npm downloads; its version and checksum are pinned here
- `_build/live/stylegan2-faces.js`: the zoo's generator and the regressor of factors as ONNX graphs, with their tables

Where one can't be had, one line says why and pages keep their pictures.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "_build" / "live"
PACKAGE = "onnxruntime-web@1.30.0"
SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
MODULE, WASM = "package/dist/ort.wasm.bundle.min.mjs", "package/dist/ort-wasm-simd-threaded.wasm"
PATIENCE_S = 600


class NotToBeHadError(Exception):
    """Why there will be pictures only, in one line that says what to do."""


def main(arguments: list[str] | None = None) -> int:
    """Make what is missing or older than the zoo's weights; 1 if that can't be done and must be, else 0."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--strict", action="store_true", help="exit 1 if the files can't be made")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where to write (default: _build/live)")
    options = parser.parse_args(arguments)
    try:
        prepare(options.out)
    except NotToBeHadError as error:
        print(f"live: the generator isn't put into the page, which keeps its picture: {error}", file=sys.stderr)
        return int(options.strict)
    return 0


def prepare(folder: Path) -> None:
    """Write both files, unless they are there.

    Raises:
        NotToBeHadError: the zoo has no such generator, or a package or a download is missing or wrong.
    """
    from gancourse import zoo
    from gancourse.widgets import onnx_graphs
    from gancourse.widgets.styled import GENERATOR, REGRESSOR, of_zoo

    cards = zoo.cards()
    if missing := [name for name in (GENERATOR, REGRESSOR) if name not in cards]:
        raise NotToBeHadError(f"the zoo has no weights {missing[0]!r}")
    stamp = _stamp(cards[name].sha256 for name in (GENERATOR, REGRESSOR))
    names = [folder / f"{name}.js" for name in ("runtime", GENERATOR)]
    if all(path.is_file() for path in names) and _text(folder / "stamp") == stamp:
        return
    if missing := onnx_graphs.missing_packages():
        raise NotToBeHadError(f"{' and '.join(missing)} not installed; run `make live`")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "stamp").unlink(missing_ok=True)
    _write(names[0], onnx_graphs.runtime_script(*onnxruntime_web(folder)))
    _write(names[1], onnx_graphs.network_script(of_zoo(), GENERATOR))
    _write(folder / "stamp", stamp)
    sizes = ", ".join(f"{path.name} {path.stat().st_size / 1e6:.1f} MB" for path in names)
    print(f"live: {sizes}")


def onnxruntime_web(folder: Path) -> tuple[bytes, bytes]:
    """Its module and its WebAssembly: from the package kept in a folder, or else downloaded to it by npm.

    Args:
        folder: where the package is kept.

    Raises:
        NotToBeHadError: npm is missing or fails, or the package isn't the pinned one.
    """
    kept = folder / f"{PACKAGE.replace('@', '-')}.tgz"
    if not kept.is_file():
        _download(kept)
    if (digest := b64encode(hashlib.sha512(kept.read_bytes()).digest()).decode()) != SHA512:
        kept.unlink()
        raise NotToBeHadError(f"npm's {PACKAGE} has SHA-512 {digest[:12]}…, expected {SHA512[:12]}…; it was deleted")
    with tarfile.open(kept) as package:
        return package.extractfile(MODULE).read(), package.extractfile(WASM).read()


def _download(path: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NotToBeHadError(f"npm, which downloads {PACKAGE}, isn't installed")
    with tempfile.TemporaryDirectory() as place:
        command = [npm, "pack", PACKAGE, "--silent", "--fetch-retries=0", f"--pack-destination={place}"]
        try:
            subprocess.run(command, cwd=place, check=True, capture_output=True, text=True, timeout=PATIENCE_S)
            (package,) = Path(place).glob("*.tgz")
        except (subprocess.SubprocessError, OSError, ValueError):
            raise NotToBeHadError(f"npm can't download {PACKAGE}; is there a network?") from None
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(package, temporary := path.with_name(f".{path.name}.tmp"))
        os.replace(temporary, path)


def _stamp(digests: Iterable[str]) -> str:
    """What the files depend on: the weights, the runtime, and the code of the networks and of what packs them."""
    package = ROOT / "gancourse"
    own = [package / "widgets" / name for name in ("onnx_graphs.py", "styled.py", "page/runtime.js")]
    code = [Path(__file__), *own, *sorted((package / "models").glob("*.py"))]
    parts = [*digests, SHA512, *(hashlib.sha256(path.read_bytes()).hexdigest() for path in code)]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""


def _write(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old text or the new one."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, "utf-8", newline="\n")
    os.replace(temporary, path)


if __name__ == "__main__":
    raise SystemExit(main())
