"""The slides' type face, taken from an installed package and put into a style sheet as data: nothing is fetched."""

import base64
import importlib.metadata

FAMILY = "Course Sans"
# The face of the page and of matplotlib's figures, Source Sans Pro, in the package that carries reveal.js.
PACKAGE = "sphinx-revealjs"
FILES = {
    (400, "normal"): "source-sans-pro-regular.woff",
    (400, "italic"): "source-sans-pro-italic.woff",
    (600, "normal"): "source-sans-pro-semibold.woff",
    (600, "italic"): "source-sans-pro-semibolditalic.woff",
}


def style_sheet() -> str:
    """@font-face rules that hold the type face's files.

    Raises:
        FileNotFoundError: the package lacks one of them.
    """
    return "".join(_rule(name, *face) for face, name in FILES.items())


def _rule(name: str, weight: int, style: str) -> str:
    """One face as a rule."""
    path = next((file for file in importlib.metadata.files(PACKAGE) or [] if file.name == name), None)
    if path is None:
        raise FileNotFoundError(f"{PACKAGE} {importlib.metadata.version(PACKAGE)} lacks {name}")
    data = base64.b64encode(path.locate().read_bytes()).decode()
    return (
        f'@font-face {{ font-family: "{FAMILY}"; font-weight: {weight}; font-style: {style}; '
        f"font-display: block; src: url(data:font/woff;base64,{data}); }}\n"
    )
