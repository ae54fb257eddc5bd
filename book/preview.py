"""Draw the picture that stands for the course where somebody links to it: `python book/preview.py`."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import torch

from gancourse import plots

TARGET = Path(__file__).resolve().parent / "assets" / "preview.png"


def main() -> None:
    """Write assets/preview.png, 1200 × 630."""
    plots.use_style()
    generator = torch.Generator().manual_seed(0)
    angle = torch.arange(8).repeat_interleave(28) * torch.pi / 4
    ring = 2 * torch.stack([angle.cos(), angle.sin()], 1)
    real = ring + 0.14 * torch.randn(len(ring), 2, generator=generator)
    generated = ring + 0.26 * torch.randn(len(ring), 2, generator=generator)
    figure, ax = plt.subplots(figsize=(12, 6.3), layout="none")
    ax.set_position((0.54, 0.06, 0.46, 0.88))
    plots.points(real, generated, ax, limit=2.9)
    ax.set_axis_off()
    figure.text(
        0.05, 0.56, "Generative\nadversarial networks", fontsize=42, weight="bold", va="center", linespacing=1.1
    )
    figure.text(0.05, 0.32, "A course in which every claim is executed", fontsize=22, va="center")
    figure.text(0.05, 0.2, "real", fontsize=22, color=plots.text_colour(plots.REAL))
    figure.text(0.11, 0.2, "generated", fontsize=22, color=plots.text_colour(plots.GENERATED))
    figure.savefig(TARGET, dpi=100)


if __name__ == "__main__":
    main()
