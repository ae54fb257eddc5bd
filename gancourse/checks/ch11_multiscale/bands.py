"""Check of the loss of one level of LAPGAN's discriminators: what it sees, and what it leaves alone."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from gancourse.checks.ch11_multiscale.filters import FILTERS, Down, Up
from gancourse.checks.engine.comparison import PRECISIONS
from gancourse.checks.engine.probe import attempt
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import (
    complain_of_gradients,
    mark_gradients,
    random_numbers_kept,
)
from gancourse.checks.engine.verdict import Wrong, same, show

Answer = Callable[[nn.Module, nn.Module, Tensor, Tensor, Down, Up], Tensor]


class BandGenerator(nn.Module):
    """Latents and coarse images to bands; with BatchNorm, so that its mode and its calls can be seen."""

    def __init__(self) -> None:
        super().__init__()
        self.noise, self.norm, self.last = nn.Linear(3, 4), nn.BatchNorm2d(6), nn.Conv2d(6, 2, 3, padding=1)

    def forward(self, z: Tensor, low: Tensor) -> Tensor:
        """Bands [batch, 2, height, width]."""
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


def _players(dtype: torch.dtype, size: float = 1.0) -> tuple[BandGenerator, LevelDiscriminator]:
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


FINITE = (
    "It must be finite for large scores: don't form the sigmoid; −log σ(s) = softplus(−s) and −log(1 − σ(s)) = "
    "softplus(s)"
)
Batch = tuple[Tensor, Tensor, Down, Up]
SHAPES = {4: (8, 8), 2: (6, 10), 1: (4, 8), 3: (7, 5)}
"""Height and width of the images by the number of samples; the last ones are odd."""


def _batch(n: int, dtype: torch.dtype) -> Batch:
    generator = torch.Generator().manual_seed(n)
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
    labels: tuple[float, float] = (1.0, 0.0),
    parts: tuple[float, float] = (1.0, 1.0),
) -> Tensor:
    """The right answer, with switches for the mistakes below."""
    size = tuple(image.shape[-2:])
    low = up(down(image), size)
    sample = generator(z, shown(low, image)).detach()
    x_real, x_fake = real(image - low, low), fake(sample, low)
    on_real = _entropy(discriminator(x_real, real_condition(low, x_real)), labels[0])
    on_fake = _entropy(discriminator(x_fake, fake_condition(low, x_fake)), labels[1])
    return parts[0] * on_real + parts[1] * on_fake


def _varied(**changes: object) -> Answer:
    return lambda *args: level_loss(*args, **changes)


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
    (_eval_mode, "G generates in eval mode; D should see what G makes in training"),
]


def _check_values(n: int, dtype: torch.dtype, scale: float, name: str, function: Callable) -> None:
    """Values and D's gradients for one batch, and all that the loss should leave alone."""
    g, d = _players(dtype, scale)
    image, z, *filters = _batch(n, dtype)
    size = " × ".join(map(str, SHAPES[n]))
    sure = "" if scale == 1 else ", and scores of ±1000"
    text = f"{name}(…) for {n} image{'s' * (n > 1)} of {size} in {str(dtype).removeprefix('torch.')}{sure}"
    arguments = [g, d, image.clone(), z.clone(), *filters]
    weights = [*g.parameters(), *d.parameters()]
    mark_gradients(weights)
    before = copy.deepcopy(weights)
    with random_numbers_kept(text):
        value = attempt(name, function, arguments, text)
    if not isinstance(value, Tensor):
        raise Wrong(f"{text} returned {show(value)}; expected a tensor of shape [{n}]")
    for key, mine, original in zip(("image", "z"), arguments[2:4], (image, z), strict=True):
        if not torch.equal(mine, original):
            raise Wrong(f"{text} changed {key} in place; leave the batch as it is")
        if mine.requires_grad:
            raise Wrong(f"{text} set requires_grad of {key}; leave the batch as it is")
    if not all(map(torch.equal, weights, before)):
        raise Wrong(f"{text} changed weights of the networks; return the loss, and leave the step to the optimiser")
    if not all(weight.requires_grad for weight in weights):
        raise Wrong(f"{text} leaves weights with requires_grad=False; the next update would skip them")
    complain_of_gradients(text, weights)
    expected = level_loss(*_players(dtype, scale), *_batch(n, dtype))
    if not same(value, expected):
        reason = _diagnosis(value, n, dtype) if scale == 1 else FINITE
        raise Wrong(f"{text} gave {_digits(value, expected)}; expected {_digits(expected, value)}. {reason}")
    if value.dtype != dtype:
        raise Wrong(f"{text} returned {value.dtype}; expected {dtype}, as image is")
    _check_gradients(text, value, g, d, level_loss(*(other := _players(dtype, scale)), *_batch(n, dtype)), other[1])
    _check_mode(text, g, d)


def _digits(value: Tensor, other: Tensor) -> str:
    """The value, with as many digits as it takes to tell it from the other one."""
    return show(value) if show(value) != show(other) else str([round(v, 9) for v in value.flatten().tolist()])


def _diagnosis(value: Tensor, n: int, dtype: torch.dtype) -> str:
    for answer, message in MISTAKES:
        wrong = answer(*_players(dtype), *_batch(n, dtype))
        if same(value, wrong) and (n > 1 or wrong.ndim):  # a batch of one is its own mean
            return message
    if value.shape != (n,):
        return f"The shape should be [{n}]: one value for each image"
    return "It is −log D(h + l, l) − log(1 − D(h̃ + l, l)) with l = u(d(I)), h = I − l, h̃ = G(z, l) and D = σ(score)"


def _check_gradients(text: str, value: Tensor, g: nn.Module, d: nn.Module, right: Tensor, right_d: nn.Module) -> None:
    if not value.requires_grad:
        raise Wrong(f"{text} has the right value, but no gradient flows back to D: no detach and no_grad around D")
    reaches_g = torch.autograd.grad(value.sum(), list(g.parameters()), retain_graph=True, allow_unused=True)
    if any(gradient is not None for gradient in reaches_g):
        raise Wrong(f"{text} has the right value, but its gradient reaches G: detach G's band in D's loss")
    expected = torch.autograd.grad(right.sum(), list(right_d.parameters()))
    mine = torch.autograd.grad(value.sum(), list(d.parameters()), allow_unused=True)
    if any(a is None or not same(a, b) for a, b in zip(mine, expected, strict=True)):
        raise Wrong(f"{text} has the right value, but not the right gradient in D's weights: what of D is detached?")


def _check_mode(text: str, g: BandGenerator, d: LevelDiscriminator) -> None:
    if False in d.modes:
        raise Wrong(f"{text} calls D in eval mode; it is being trained, so it stays in train mode")
    if not all(module.training for network in (g, d) for module in network.modules()):
        raise Wrong(f"{text} leaves a network in eval mode; the next update would train with frozen BatchNorm")
    calls = int(g.norm.num_batches_tracked)
    if not calls:
        raise Wrong(f"{text}: G's BatchNorm doesn't count the call; generate with G itself, in train mode, not a copy")
    if calls != 1:
        raise Wrong(f"{text} calls G {calls} times in training mode; once is enough, and BatchNorm counts each call")


def _step(n: int, dtype: torch.dtype, scale: float) -> Callable[[str, Callable], None]:
    return lambda name, function: _check_values(n, dtype, scale, name, function)


LEVEL_LOSS = Exercise(
    "ex-11-level-loss",
    "level_loss(generator, discriminator, image, z, down, up)",
    points=3,
    steps=[
        *(_step(n, dtype, 1.0) for dtype in PRECISIONS for n in SHAPES),
        # In double precision only: rounding of the features counts 2000 times as much.
        *(_step(n, torch.float64, scale) for scale in (2000.0, -2000.0) for n in SHAPES),
    ],
    description="One to four images of even and odd sizes, two pairs of filters, large scores, D's gradients.",
)
