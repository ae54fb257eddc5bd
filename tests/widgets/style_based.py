"""A generator with styles that is as small as can be, and a regressor beside it: what `steer` asks of networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gancourse import zoo
from gancourse.data.faces import FACTORS
from gancourse.models import FactorRegressor
from gancourse.recipes import recipe
from gancourse.rng import initialised_from
from gancourse.widgets.styled import Styled

SIZE, WIDTH = 6, 5


class Small(nn.Module):
    """Styles scale the channels of three convolutions, at 8, 16 and 32 pixels; the fourth style is the colours'."""

    def __init__(self) -> None:
        super().__init__()
        self.latent_size, self.n_layers, self.noise_sizes = SIZE, 4, (8, 16, 32)
        self.mapping = nn.Sequential(nn.Linear(SIZE, SIZE), nn.LeakyReLU(0.2), nn.Linear(SIZE, SIZE))
        self.constant = nn.Parameter(torch.randn(WIDTH, 4, 4))
        self.layers = nn.ModuleList(nn.Conv2d(WIDTH, WIDTH, 3, padding=1) for _ in self.noise_sizes)
        self.affine = nn.ModuleList(nn.Linear(SIZE, WIDTH) for _ in range(self.n_layers))
        self.colours = nn.Conv2d(WIDTH, 3, 1)
        self.register_buffer("mean_w", torch.randn(SIZE) / 4)
        for layer in (self.mapping[0], self.mapping[2], *self.affine):  # styles that are seen
            nn.init.normal_(layer.weight, std=0.7)

    def synthesis(self, w: Tensor, noise: Tensor | None = None) -> Tensor:
        maps = [None] * 3 if noise is None else noise.split([size * size for size in self.noise_sizes], 1)
        x = self.constant.expand(len(w), -1, -1, -1)
        for i, (layer, size) in enumerate(zip(self.layers, self.noise_sizes, strict=True)):
            x = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = layer(x * (1 + self.affine[i](w[:, i]))[:, :, None, None])
            if maps[i] is not None:
                x = x + 0.3 * maps[i].reshape(-1, 1, size, size)
            x = functional.leaky_relu(x, 0.2)
        return self.colours(x * (1 + self.affine[3](w[:, 3]))[:, :, None, None])


def small() -> Styled:
    """Both networks untrained, always the same ones."""
    with initialised_from(0, "style-based"):
        regressor = FactorRegressor([len(factor.classes) for factor in FACTORS.values()], width=4, n_features=16)
        nn.init.constant_(regressor.head[1].bias, 0.5)  # values that aren't all cut off at 0
        return Styled(Small().eval().requires_grad_(False), regressor.eval().requires_grad_(False))


def stylegan() -> Styled:
    """The recipe's generator untrained, with noise that is seen and a mean of styles, beside the small regressor."""
    generator = zoo.untrained(recipe("stylegan2-faces")).eval().requires_grad_(False)
    for layer in generator.layers:
        layer.noise_scale.fill_(0.1)
    generator.mean_w.normal_(generator=torch.Generator().manual_seed(0))
    return Styled(generator, small().meter.regressor)
