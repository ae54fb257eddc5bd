"""Check of the loss of a discriminator of pairs: which label goes with which sample, and what the loss leaves alone."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from gancourse.checks.engine.probe import attempt
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.verdict import Wrong, same, show

N_CLASSES = 3
Answer = Callable[[nn.Module, nn.Module, Tensor, Tensor, Tensor], Tensor]


class PairGenerator(nn.Module):
    """Latents and labels to points; with BatchNorm, so that its mode and its calls can be seen."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(2 + N_CLASSES, 5), nn.BatchNorm1d(5), nn.Linear(5, 2)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Points [batch, 2]."""
        e = nn.functional.one_hot(y, N_CLASSES).to(z)
        return self.last(self.norm(self.first(torch.cat([z, e], 1))).relu())


class PairDiscriminator(nn.Module):
    """Points and labels to scores, by a projection."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.score = nn.Sequential(nn.Linear(2, 6), nn.Tanh()), nn.Linear(6, 1)
        self.embedding = nn.Embedding(N_CLASSES, 6)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores [batch]."""
        features = self.body(x)
        return self.score(features)[:, 0] + (self.embedding(y) * features).sum(1)


def _players(dtype: torch.dtype, *, eval_g: bool = False) -> tuple[PairGenerator, PairDiscriminator]:
    """The same small networks each time."""
    torch.manual_seed(7)
    g, d = PairGenerator().to(dtype), PairDiscriminator().to(dtype)
    with torch.no_grad():
        g.norm.running_mean.add_(0.3)  # differs from a batch's, so that eval mode shows in the values
    g.train(not eval_g)
    return g, d


def _batch(n: int, dtype: torch.dtype) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(n)
    x, z = (torch.randn(n, 2, generator=generator, dtype=torch.float64).to(dtype) for _ in range(2))
    return x, torch.arange(n) * 2 % N_CLASSES, z


def pair_loss(generator: nn.Module, discriminator: nn.Module, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    """The right answer, with the labels of the samples as switches for the mistakes below."""
    return _loss(generator, discriminator, x, y, z)


def _entropy(scores: Tensor, label: float) -> Tensor:
    return binary_cross_entropy_with_logits(scores, torch.full_like(scores, label), reduction="none")


def _loss(
    g: nn.Module,
    d: nn.Module,
    x: Tensor,
    y: Tensor,
    z: Tensor,
    *,
    judged: Callable[[Tensor], Tensor] = lambda y: y,
    shown: Callable[[Tensor], Tensor] = lambda y: y,
    labels: tuple[float, float] = (1.0, 0.0),
    parts: tuple[float, float] = (1.0, 1.0),
) -> Tensor:
    fake = g(z, shown(y)).detach()
    return parts[0] * _entropy(d(x, y), labels[0]) + parts[1] * _entropy(d(fake, judged(y)), labels[1])


def _varied(**changes: object) -> Answer:
    return lambda g, d, x, y, z: _loss(g, d, x, y, z, **changes)


def _eval_mode(g: nn.Module, d: nn.Module, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    g.eval()
    return _loss(g, d, x, y, z)


MISTAKES: list[tuple[Answer, str]] = [
    (
        _varied(judged=lambda y: y.flip(0)),
        "D judges the generated samples with the labels in reverse order; each belongs with the label that G was given",
    ),
    (
        _varied(judged=lambda y: y.roll(1)),
        "D judges the generated samples with labels that are moved by one; each belongs with the label that G got",
    ),
    (
        _varied(judged=torch.zeros_like),
        "D judges all generated samples with the label 0; each has the label that G was given",
    ),
    (
        _varied(judged=lambda y: (y + 1) % N_CLASSES),
        "D judges the generated samples with a wrong label on purpose; the fake pair is (G(z, y), y)",
    ),
    (
        _varied(shown=torch.zeros_like),
        "G is asked for class 0 always; ask it for y",
    ),
    (
        _varied(labels=(0.0, 1.0)),
        "Real and fake are swapped: a real pair has the label 1, a generated one 0",
    ),
    (_varied(labels=(1.0, 1.0)), "Generated pairs are called real: that is G's loss"),
    (_varied(parts=(1.0, 0.0)), "Only the real pairs count; the generated half of the loss is missing"),
    (_varied(parts=(0.0, 1.0)), "Only the generated pairs count; the real half of the loss is missing"),
    (_varied(parts=(0.5, 0.5)), "That is half of the loss: add both halves, without a factor"),
    (_varied(parts=(-1.0, -1.0)), "The sign is turned: D descends a loss, −log D(x, y) − log(1 − D(G(z, y), y))"),
    (lambda *args: _loss(*args).mean(), "That is the mean over the batch; return one value per sample"),
    (lambda *args: _loss(*args).sum(), "That is the sum over the batch; return one value per sample"),
    (_eval_mode, "G generates in eval mode; D should see what G makes in training, with the batch's own statistics"),
]


def _check_values(n: int, dtype: torch.dtype, name: str, function: Callable) -> None:
    """Values and D's gradients for one batch, and all that the loss should leave alone."""
    g, d = _players(dtype)
    x, y, z = _batch(n, dtype)
    text = f"{name}(…) for {n} pairs in {str(dtype).removeprefix('torch.')}"
    arguments = [g, d, x.clone(), y.clone(), z.clone()]
    before, state = copy.deepcopy(d.state_dict()), torch.get_rng_state()
    value = attempt(name, function, arguments, text)
    if not isinstance(value, Tensor):
        raise Wrong(f"{text} returned {show(value)}; expected a tensor of shape [{n}]")
    _check_untouched(text, arguments, (x, y, z), before, state)
    expected = pair_loss(*_players(dtype), x, y, z)
    if not same(value, expected):
        raise Wrong(f"{text} gave {show(value)}; expected {show(expected)}. {_diagnosis(value, n, dtype)}")
    if value.dtype != dtype:
        raise Wrong(f"{text} returned {value.dtype}; expected {dtype}, as x is")
    _check_gradients(text, value, g, d, expected_of=(x, y, z))
    _check_mode(text, g, d)


def _check_untouched(
    text: str, arguments: list, originals: tuple[Tensor, ...], before: dict[str, Tensor], state: Tensor
) -> None:
    for key, mine, original in zip(("x", "y", "z"), arguments[2:], originals, strict=True):
        if not torch.equal(mine, original):
            raise Wrong(f"{text} changed {key} in place; leave the batch as it is")
    if not torch.equal(torch.get_rng_state(), state):
        raise Wrong(f"{text} draws random numbers: latents are z, and the labels of the generated pairs are y")
    if any(not torch.equal(value, before[key]) for key, value in arguments[1].state_dict().items()):
        raise Wrong(f"{text} changed D's weights; return the loss, and leave the step to the optimiser")


def _diagnosis(value: Tensor, n: int, dtype: torch.dtype) -> str:
    x, y, z = _batch(n, dtype)
    for answer, message in MISTAKES:
        if same(value, answer(*_players(dtype), x, y, z)):
            return message
    if value.shape != (n,):
        return f"The shape should be [{n}]: one value per pair"
    return "It is −log D(x, y) − log(1 − D(G(z, y), y)) with D = σ(score), for each pair of the batch"


def _check_gradients(
    text: str, value: Tensor, g: nn.Module, d: nn.Module, expected_of: tuple[Tensor, Tensor, Tensor]
) -> None:
    if not all(p.requires_grad for network in (g, d) for p in network.parameters()):
        raise Wrong(f"{text} leaves weights with requires_grad=False; the next update would skip them")
    if any(p.grad is not None for network in (g, d) for p in network.parameters()):
        raise Wrong(f"{text} calls backward itself; return the loss, and let the caller do it")
    if not value.requires_grad:
        raise Wrong(f"{text} has the right value, but no gradient flows back to D: no detach and no_grad around D")
    reaches_g = torch.autograd.grad(value.sum(), list(g.parameters()), retain_graph=True, allow_unused=True)
    if any(gradient is not None for gradient in reaches_g):
        raise Wrong(f"{text} has the right value, but its gradient reaches G: detach G's samples in D's loss")
    other = _players(value.dtype)
    expected = torch.autograd.grad(pair_loss(*other, *expected_of).sum(), list(other[1].parameters()))
    mine = torch.autograd.grad(value.sum(), list(d.parameters()), allow_unused=True)
    if any(a is None or not same(a, b) for a, b in zip(mine, expected, strict=True)):
        raise Wrong(f"{text} has the right value, but not the right gradient in D's weights: what of D is detached?")


def _check_mode(text: str, g: PairGenerator, d: nn.Module) -> None:
    if not (g.training and d.training):
        raise Wrong(f"{text} leaves a network in eval mode; the next update would train with frozen BatchNorm")
    if (calls := int(g.norm.num_batches_tracked)) != 1:
        raise Wrong(f"{text} calls G {calls} times in training mode; once is enough, and BatchNorm counts each call")


def _step(n: int, dtype: torch.dtype) -> Callable[[str, Callable], None]:
    return lambda name, function: _check_values(n, dtype, name, function)


PAIR_LOSS = Exercise(
    "ex-10-pair-loss",
    "pair_loss(generator, discriminator, x, y, z)",
    points=3,
    steps=[_step(n, dtype) for dtype in (torch.float64, torch.float32) for n in (4, 2, 7)],
    description="Batches of 2, 4 and 7 pairs in both precisions; values, D's gradients, and nothing else changed.",
)
