"""The loss of one level of LAPGAN's discriminators, right and as people get it wrong, and small networks to try it."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits, interpolate

from gancourse.checks.ch11_multiscale.filters import FILTERS, Down, Up

Answer = Callable[[nn.Module, nn.Module, Tensor, Tensor, Down, Up], Tensor]


class BandGenerator(nn.Module):
    """Latents and coarse images to bands; with BatchNorm, so that its mode and its calls can be seen."""

    def __init__(self) -> None:
        super().__init__()
        self.noise, self.norm, self.last = nn.Linear(3, 4), nn.BatchNorm2d(6), nn.Conv2d(6, 2, 3, padding=1)
        self.n_calls = 0  # in any mode

    def forward(self, z: Tensor, low: Tensor) -> Tensor:
        """Bands [batch, 2, height, width]."""
        self.n_calls += 1
        planes = self.noise(z)[:, :, None, None].expand(-1, -1, *low.shape[2:])
        return self.last(self.norm(torch.cat([planes, low], 1)).relu())


class LevelDiscriminator(nn.Module):
    """Images and coarse images to scores."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.score = nn.Conv2d(4, 5, 3, padding=1), nn.Linear(5, 1)
        self.modes: set[bool] = set()

    def forward(self, x: Tensor, low: Tensor) -> Tensor:
        """Scores [batch]."""
        self.modes.add(self.training)
        return self.score(self.body(torch.cat([x, low], 1)).tanh().mean((2, 3)))[:, 0]


def players(dtype: torch.dtype, size: float = 1.0) -> tuple[BandGenerator, LevelDiscriminator]:
    """The same small networks each time; D's scores are `size` times as large."""
    torch.manual_seed(7)
    g, d = BandGenerator().to(dtype), LevelDiscriminator().to(dtype)
    with torch.no_grad():
        g.norm.running_mean.add_(0.3)  # differs from a batch's, so that eval mode shows in the values
        # Large differences between samples: a small mistake then shows in the values.
        g.last.weight.mul_(4)
        d.body.weight.mul_(3)
        d.score.weight.mul_(6 * size)
        d.score.bias.mul_(size)
    return g, d


Batch = tuple[Tensor, Tensor, Down, Up]
SHAPES = {4: (8, 8), 2: (6, 10), 1: (4, 8), 3: (7, 5)}
"""Height and width of the images by the number of samples; the last ones are odd."""


def batch(n: int, dtype: torch.dtype, draw: int = 0) -> Batch:
    """Images and latents, and the filters of the level; another draw has other numbers of the same shapes."""
    generator = torch.Generator().manual_seed(n + 100 * draw)
    images = 2 * torch.rand(n, 2, *SHAPES[n], generator=generator, dtype=torch.float64) - 1
    z = torch.randn(n, 3, generator=generator, dtype=torch.float64)
    filters = FILTERS[0] if n == 2 else FILTERS[1]
    return images.to(dtype), z.to(dtype), *filters


def _entropy(scores: Tensor, label: float) -> Tensor:
    return binary_cross_entropy_with_logits(scores, torch.full_like(scores, label), reduction="none")


def level_loss(
    generator: nn.Module,
    discriminator: nn.Module,
    image: Tensor,
    z: Tensor,
    down: Down,
    up: Up,
    *,
    real: Callable[[Tensor, Tensor], Tensor] = lambda band, low: low + band,
    fake: Callable[[Tensor, Tensor], Tensor] = lambda band, low: low + band,
    real_condition: Callable[[Tensor, Tensor], Tensor] = lambda low, x: low,
    fake_condition: Callable[[Tensor, Tensor], Tensor] = lambda low, x: low,
    shown: Callable[[Tensor, Tensor], Tensor] = lambda low, image: low,
    latents: Callable[[Tensor], Tensor] = lambda z: z,
    labels: tuple[float, float] = (1.0, 0.0),
    parts: tuple[float, float] = (1.0, 1.0),
    terms: Callable[[Tensor, float], Tensor] = _entropy,
) -> Tensor:
    """The right answer, with switches for the mistakes below."""
    size = tuple(image.shape[-2:])
    low = up(down(image), size)
    sample = generator(latents(z), shown(low, image)).detach()
    x_real, x_fake = real(image - low, low), fake(sample, low)
    on_real = terms(discriminator(x_real, real_condition(low, x_real)), labels[0])
    on_fake = terms(discriminator(x_fake, fake_condition(low, x_fake)), labels[1])
    return parts[0] * on_real + parts[1] * on_fake


def _varied(**changes: object) -> Answer:
    return lambda *args: level_loss(*args, **changes)


def _filtered(own_down: Down, own_up: Up) -> Answer:
    return lambda g, d, image, z, down, up: level_loss(g, d, image, z, own_down, own_up)


def _pooled(images: Tensor) -> Tensor:
    return avg_pool2d(images, 2, ceil_mode=True)


def _hinge(scores: Tensor, label: float) -> Tensor:
    return (1 - scores if label else 1 + scores).relu()


def _linear(scores: Tensor, label: float) -> Tensor:
    return -scores if label else scores


def _squared(scores: Tensor, label: float) -> Tensor:
    return (scores - label).square()


ARGUMENTS = "use the arguments `down` and `up`, which the caller chooses"


def _eval_mode(g: nn.Module, *others: object) -> Tensor:
    g.eval()
    return level_loss(g, *others)


def _own_condition(g: nn.Module, d: nn.Module, image: Tensor, z: Tensor, down: Down, up: Up) -> Tensor:
    """Generated images are judged with their own coarse version."""
    size = tuple(image.shape[-2:])
    return level_loss(g, d, image, z, down, up, fake_condition=lambda low, x: up(down(x), size))


def _band(band: Tensor, low: Tensor) -> Tensor:
    return band


MISTAKES: list[tuple[Answer, str]] = [
    (
        _varied(real=_band, fake=_band),
        "D sees the bands alone; LAPGAN adds l to both before D sees them, so that it judges images",
    ),
    (_varied(fake=_band), "l isn't added to the generated band: D could tell generated from real by that alone"),
    (_varied(real=_band), "l isn't added to the real band: D could tell generated from real by that alone"),
    (
        _varied(real=lambda band, low: band + 2 * low),
        "l is added to the real image, which contains it already: h + l is the image",
    ),
    (
        _varied(real_condition=lambda low, x: torch.zeros_like(low), fake_condition=lambda low, x: low * 0),
        "D's condition is zero; it is l, for real and for generated images",
    ),
    (
        _varied(real_condition=lambda low, x: x, fake_condition=lambda low, x: x),
        "D's condition is the image that it judges; it is l",
    ),
    (
        _varied(real_condition=lambda low, x: x - low, fake_condition=lambda low, x: x - low),
        "D's condition is the band; it is l",
    ),
    (
        _own_condition,
        "The generated image is judged with a coarse image made of itself, u(d(h̃ + l)): then D can't see that G "
        "ignores l. The condition is the l that G was given",
    ),
    (
        _varied(fake_condition=lambda low, x: low.roll(1, 0)),
        "Generated images are judged with other samples' l (moved by one); each has the l that G was given",
    ),
    (
        _varied(fake_condition=lambda low, x: low.flip(0)),
        "Generated images are judged with other samples' l (reversed); each has the l that G was given",
    ),
    (
        _varied(shown=lambda low, image: image),
        "G is shown the image itself; it may see l only, else it has nothing to invent",
    ),
    (_varied(shown=lambda low, image: torch.zeros_like(low)), "G isn't shown l, but zeros"),
    (_varied(shown=lambda low, image: image - low), "G is shown the real band; it is to invent one from l"),
    (_varied(labels=(0.0, 1.0)), "Real and generated are swapped: D says a high score for real images"),
    (_varied(labels=(1.0, 1.0)), "Generated images are called real: that is G's loss"),
    (_varied(parts=(1.0, 0.0)), "The generated half of the loss is missing"),
    (_varied(parts=(0.0, 1.0)), "The real half of the loss is missing"),
    (_varied(parts=(0.5, 0.5)), "That is half of the loss: the two terms are added, not averaged"),
    (_varied(parts=(-1.0, -1.0)), "The sign is turned: a loss is descended"),
    (lambda *args: level_loss(*args).mean(), "That is the mean over the batch. Return one value for each image"),
    (lambda *args: level_loss(*args).sum(), "That is the sum over the batch. Return one value for each image"),
    (_varied(latents=torch.zeros_like), "G is called with zeros in place of z; pass it the latents"),
    (_varied(latents=lambda z: z[:1].expand_as(z)), "All bands come from the first latent; each image has its own"),
    (
        _varied(parts=(1.0, -1.0)),
        "The generated half has the wrong sign: −log(1 − σ(s)) is softplus(s), and it is added",
    ),
    (_varied(parts=(-1.0, 1.0)), "The real half has the wrong sign: −log σ(s) is softplus(−s)"),
    (_varied(labels=(0.9, 0.0)), "The label of real images is smoothed, 0.9; here it is 1"),
    (_varied(terms=_hinge), "That is the hinge loss; this exercise has the logarithms of sigmoids"),
    (
        _varied(terms=_linear),
        "The scores themselves are subtracted, as a Wasserstein critic's; here −log σ is taken of them",
    ),
    (_varied(terms=_squared), "That is the least-squares loss; this exercise has the logarithms of sigmoids"),
    (
        _varied(fake=lambda band, low: (low + band).clamp(-1, 1)),
        "The generated image is cut to [−1, 1]; D sees h̃ + l as it is",
    ),
    (
        _varied(fake=lambda band, low: (low + band).tanh()),
        "The generated image passes through tanh; D sees h̃ + l as it is",
    ),
    (_filtered(*FILTERS[1]), f"Those are the filters of gancourse.laplacian; {ARGUMENTS}"),
    (_filtered(*FILTERS[0]), f"The coarse image is of every second pixel, repeated; {ARGUMENTS}"),
    (
        _filtered(_pooled, lambda images, size: interpolate(images, size=tuple(size))),
        f"The coarse image is made by pooling and interpolation; {ARGUMENTS}",
    ),
    (_eval_mode, "G generates in eval mode; D should see what G makes in training"),
]
