"""What the figure `steer` shows: faces of a style-based generator, and the factors that a regressor reads of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from gancourse import zoo
from gancourse.data.faces import FACTORS
from gancourse.models import FactorRegressor
from gancourse.rng import Noise

GENERATOR, REGRESSOR = "stylegan2-faces", "faces-regressor"
N_SEEDS, N_NOISES = 64, 4
HIGHEST_PSI = 1.5
SHOWN = (
    "turn",
    "smile",
    "mouth",
    "eyelids",
    "hair amount",
    "glasses",
    "freckles",
    "earrings",
    "skin",
    "hair style",
    "hair colour",
    "backdrop",
)
"""The factors that have a bar, from top to bottom."""


class StyleBased(Protocol):
    """What the figure asks of a generator: `gancourse.models.stylegan2.Generator` has it.

    Args:
        mapping: latents [n, latent_size] to styles w of the same shape.
        latent_size: numbers of z and of w.
        n_layers: how many w an image has.
        noise_sizes: height and width of each layer's noise.
        mean_w: mean of the styles, [latent_size].
    """

    mapping: nn.Module
    latent_size: int
    n_layers: int
    noise_sizes: tuple[int, ...]
    mean_w: Tensor

    def synthesis(self, w: Tensor, noise: Tensor | None = None) -> Tensor:
        """Images [n, 3, size, size] of w [n, n_layers, latent_size] and noise [n, sum of the squared sizes]."""


class Setting(NamedTuple):
    """Where the controls stand.

    Args:
        seed: of the first latents.
        second: seed of the latents whose styles the later layers have.
        psi: truncation: what the styles' distance from their mean is multiplied by.
        crossover: index of the first layer with the second seed's style, 1 to `n_layers`, as for `gancourse sample
            --crossover`; `n_layers` for no mixing.
        noise: number of the layers' noise; 0 for none.
    """

    seed: int = 7
    second: int = 2
    psi: float = 0.7
    crossover: int = 3
    noise: int = 1


class Row(NamedTuple):
    """One bar of the meter.

    Args:
        name: of the factor.
        column: the first of its numbers among the meter's.
        classes: their names; empty for a value from 0 to 1.
    """

    name: str
    column: int
    classes: tuple[str, ...]


class Reading(NamedTuple):
    """What a bar shows.

    Args:
        name: of the factor.
        value: its length, from 0 to 1: the factor's value, the probability of "yes", or that of the likeliest class.
        word: the likeliest class; empty for a value and for yes or no.
    """

    name: str
    value: float
    word: str

    @property
    def text(self) -> str:
        """What is written beside the bar."""
        return self.word or f"{self.value:.2f}"


def rows() -> list[Row]:
    """The meter's bars, and where their numbers are.

    >>> rows()[0], rows()[-1].classes[0]
    (Row(name='turn', column=0, classes=()), 'blue')
    """
    columns, column = {}, 0
    for name, factor in FACTORS.items():
        columns[name] = column
        column += max(1, len(factor.classes))
    return [Row(name, columns[name], FACTORS[name].classes) for name in SHOWN]


class Meter(nn.Module):
    """Maps images [n, 3, 32, 32] to what a regressor reads: values from 0 to 1 and probabilities, [n, numbers].

    What lies outside [−1, 1] is cut off before, as a screen does.

    Args:
        regressor: of all factors of faces.

    Raises:
        ValueError: it reads other factors.
    """

    def __init__(self, regressor: FactorRegressor) -> None:
        super().__init__()
        expected = tuple(len(factor.classes) for factor in FACTORS.values())
        if regressor.n_classes != expected:
            raise ValueError(f"the regressor reads factors of {regressor.n_classes} classes; expected {expected}")
        self.regressor = regressor

    def forward(self, image: Tensor) -> Tensor:
        """One column for a value, and one for each class."""
        readings = self.regressor.readings(image.clamp(-1, 1))
        return torch.cat([r.softmax(1) if r.ndim == 2 else r.clamp(0, 1)[:, None] for r in readings], 1)


class Faces(NamedTuple):
    """What the figure shows at one setting.

    Args:
        images: the mixture, the first seed's face and the second's, [3, 3, size, size].
        readings: of the mixture.
    """

    images: Tensor
    readings: list[Reading]


class Styled:
    """A style-based generator and a regressor, asked for what the figure shows.

    Args:
        generator: in evaluation mode.
        regressor: in evaluation mode.

    Raises:
        ValueError: the generator takes no noise, or the regressor reads other factors than those of faces.
    """

    def __init__(self, generator: StyleBased, regressor: FactorRegressor) -> None:
        if not generator.noise_sizes:
            raise ValueError(f"{type(generator).__name__} takes no noise; pass a generator with noise in its layers")
        self.generator, self.meter = generator, Meter(regressor).eval()

    @property
    def n_noise(self) -> int:
        """Numbers of noise in an image."""
        return sum(size * size for size in self.generator.noise_sizes)

    def latents(self, seeds: Sequence[int] = range(N_SEEDS)) -> Tensor:
        """The latents that `gancourse sample --seed` begins with, of each seed, [seeds, latent_size]."""
        return torch.cat([_draws(seed).normal("z", self.generator.latent_size) for seed in seeds])

    def noises(self, seeds: Sequence[int] = range(1, N_NOISES + 1)) -> Tensor:
        """The layers' noise in the first sample of each seed, [seeds, n_noise]."""
        return torch.cat([_draws(seed).normal("layers' noise", self.n_noise) for seed in seeds])

    def mixed(self, setting: Setting) -> Tensor:
        """Styles w̄ + ψ (w − w̄) of the first seed up to the crossover and of the second from it on, [1, layers, size].

        Raises:
            ValueError: the setting is out of range.
        """
        self.check(setting)
        first, second = self.generator.mapping(self.latents([setting.seed, setting.second]))
        is_first = torch.arange(self.generator.n_layers)[:, None] < setting.crossover
        mean = self.generator.mean_w
        return (mean + setting.psi * (torch.where(is_first, first, second) - mean))[None]

    @torch.no_grad()
    def image(self, setting: Setting) -> Tensor:
        """The face at a setting, [1, 3, size, size], without bounds; errors as for `mixed`."""
        noise = self.noises([setting.noise]) if setting.noise else torch.zeros(1, self.n_noise)
        return self.generator.synthesis(self.mixed(setting), noise)

    @torch.no_grad()
    def faces(self, setting: Setting) -> Faces:
        """The mixture with its readings, and both seeds' own faces; errors as for `mixed`."""
        alone = [setting._replace(seed=s, crossover=self.generator.n_layers) for s in (setting.seed, setting.second)]
        images = torch.cat([self.image(each) for each in (setting, *alone)])
        numbers = self.meter(images[:1])[0].tolist()
        return Faces(images, [reading(row, numbers) for row in rows()])

    def check(self, setting: Setting) -> None:
        """Complain about a setting that no control has.

        Raises:
            ValueError: a number is out of range.
        """
        limits = zip(LOWEST, highest(self.generator.n_layers), strict=True)
        for (name, value), (low, high) in zip(setting._asdict().items(), limits, strict=True):
            if not low <= value <= high:
                raise ValueError(f"{name} is {value}; expected {low:g} to {high:g}")


LOWEST = Setting(0, 0, 0.0, 1, 0)
"""The smallest number of each control."""


def highest(n_layers: int) -> Setting:
    """The largest number of each control."""
    return Setting(N_SEEDS - 1, N_SEEDS - 1, HIGHEST_PSI, n_layers, N_NOISES)


def reading(row: Row, numbers: Sequence[float]) -> Reading:
    """What a bar shows of the meter's numbers.

    >>> reading(Row("bow", 1, ("none", "left", "right")), [0.5, 0.1, 0.7, 0.2])
    Reading(name='bow', value=0.7, word='left')
    >>> reading(Row("glasses", 0, ("no", "yes")), [0.25, 0.75])
    Reading(name='glasses', value=0.75, word='')
    """
    own = list(numbers[row.column : row.column + max(1, len(row.classes))])
    if row.classes in ((), ("no", "yes")):
        return Reading(row.name, own[-1], "")
    best = max(range(len(own)), key=own.__getitem__)
    return Reading(row.name, own[best], row.classes[best])


def _draws(seed: int) -> Noise:
    return Noise((seed, "evaluation"), 1)


def of_zoo(generator: str = GENERATOR, regressor: str = REGRESSOR) -> Styled:
    """The zoo's networks.

    Raises:
        ValueError: the zoo has none of that name.
    """
    return Styled(zoo.load(generator), zoo.load(regressor))
