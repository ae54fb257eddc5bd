"""Check of the loss of a discriminator of pairs: which label goes with which sample, and what the loss leaves alone."""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from gancourse.checks.engine.comparison import PRECISIONS, followed
from gancourse.checks.engine.probe import attempt
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.verdict import Wrong, same, show

N_CLASSES = 3
EARLIER = 0.25
"""The gradient that each weight has before the loss is computed: a loss leaves it alone."""
FORMULA = "It is −log D(x, y) − log(1 − D(G(z, y), y)) with D = σ(score), for each pair of the batch"
Answer = Callable[[nn.Module, nn.Module, Tensor, Tensor, Tensor], Tensor]


class PairGenerator(nn.Module):
    """Latents and labels to points; with BatchNorm, so that its mode and its calls can be seen."""

    def __init__(self) -> None:
        super().__init__()
        # Three places a channel, so that BatchNorm takes a batch of one.
        self.first, self.norm, self.last = nn.Linear(2 + N_CLASSES, 5 * 3), nn.BatchNorm1d(5), nn.Linear(5 * 3, 2)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        """Points [batch, 2]."""
        e = nn.functional.one_hot(y, N_CLASSES).to(z)
        maps = self.first(torch.cat([z, e], 1)).unflatten(1, (5, 3))
        return self.last(self.norm(maps).relu().flatten(1))


class PairDiscriminator(nn.Module):
    """Points and labels to scores, by a projection; it notes in which mode it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.score = nn.Sequential(nn.Linear(2, 6), nn.Tanh()), nn.Linear(6, 1)
        self.embedding = nn.Embedding(N_CLASSES, 6)
        self.modes: list[bool] = []

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores [batch]."""
        self.modes.append(self.training)
        features = self.body(x)
        return self.score(features)[:, 0] + (self.embedding(y) * features).sum(1)


def _players(dtype: torch.dtype, factor: float = 1.0) -> tuple[PairGenerator, PairDiscriminator]:
    """The same small networks each time, with gradients left from an earlier step; `factor` scales the scores."""
    torch.manual_seed(7)
    g, d = PairGenerator().to(dtype), PairDiscriminator().to(dtype)
    with torch.no_grad():
        g.norm.running_mean.add_(0.3)  # differs from a batch's, so that eval mode shows in the values
        for weight in (d.score.weight, d.score.bias, d.embedding.weight):
            weight.mul_(factor)
    for weight in (*g.parameters(), *d.parameters()):
        weight.grad = torch.full_like(weight, EARLIER)
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


def _of_scores(loss: Callable[[Tensor, Tensor], Tensor]) -> Answer:
    """Another loss of the right scores, of real and of generated pairs."""
    return lambda g, d, x, y, z: loss(d(x, y), d(g(z, y).detach(), y))


def _of_probabilities(log: Callable[[Tensor], Tensor]) -> Answer:
    return _of_scores(lambda real, fake: -log(real.sigmoid()) - log(1 - fake.sigmoid()))


def _varied(**changes: object) -> Answer:
    return lambda g, d, x, y, z: _loss(g, d, x, y, z, **changes)


def _eval_mode(g: nn.Module, d: nn.Module, x: Tensor, y: Tensor, z: Tensor) -> Tensor:
    g.eval()
    return _loss(g, d, x, y, z)


def _stopped(epsilon: float) -> tuple[Answer, str]:
    return (
        _of_probabilities(lambda p: (p + epsilon).log()),
        f"{epsilon:g} in the logarithm hides that σ(score) has rounded to 0, and its gradient with it: take softplus",
    )


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
    (_of_scores(lambda real, fake: (1 - real).relu() + (1 + fake).relu()), f"That is the hinge loss. {FORMULA}"),
    (_of_scores(lambda real, fake: fake - real), f"That is the critic's loss of a WGAN. {FORMULA}"),
    (
        _of_probabilities(torch.log),
        "That is the logarithm of a sigmoid, which rounds to 0 for large scores: −log σ(s) is softplus(−s)",
    ),
    *map(_stopped, (1e-6, 1e-7, 1e-8, 1e-10, 1e-12)),
    (
        _of_probabilities(lambda p: p.log().clamp(min=-100)),
        "binary_cross_entropy of a sigmoid stops at 100; binary_cross_entropy_with_logits takes the scores",
    ),
    (
        _of_scores(lambda real, fake: (-real).exp().log1p() + fake.exp().log1p()),
        "That is softplus by hand, whose exponential overflows for large scores: use softplus",
    ),
]


def _check_values(n: int, dtype: torch.dtype, factor: float, name: str, function: Callable) -> None:
    """Values and D's gradients for one batch, and all that the loss should leave alone."""
    g, d = _players(dtype, factor)
    x, y, z = _batch(n, dtype)
    text = f"{name}(…) for {n} pair{'s' * (n != 1)} in {str(dtype).removeprefix('torch.')}"
    text += " with a D of very large scores" * (factor != 1)
    arguments = [g, d, x.clone(), y.clone(), z.clone()]
    before, state = copy.deepcopy((g, d)), torch.get_rng_state()
    value = attempt(name, function, arguments, text)
    if not isinstance(value, Tensor):
        raise Wrong(f"{text} returned {show(value)}; expected a tensor of shape [{n}]")
    _check_untouched(text, arguments, (x, y, z), before, state)
    if (calls := int(g.norm.num_batches_tracked)) > 1:
        raise Wrong(f"{text} calls G {calls} times in training mode; once is enough, and BatchNorm counts each call")
    expected = pair_loss(*_players(dtype, factor), x, y, z)
    if not same(value, expected):
        raise Wrong(f"{text} gave {show(value)}; expected {show(expected)}. {_diagnosis(value, n, dtype, factor)}")
    if value.dtype != dtype:
        raise Wrong(f"{text} returned {value.dtype}; expected {dtype}, as x is")
    _check_earlier_gradients(text, g, d)
    _check_gradients(text, value, g, d, pair_loss(*(other := _players(dtype, factor)), x, y, z), other[1])
    _check_mode(text, g, d)


def _check_untouched(
    text: str, arguments: list, originals: tuple[Tensor, ...], before: tuple[nn.Module, ...], state: Tensor
) -> None:
    for key, mine, original in zip(("x", "y", "z"), arguments[2:], originals, strict=True):
        if not torch.equal(mine, original):
            raise Wrong(f"{text} changed {key} in place; leave the batch as it is")
    if not torch.equal(torch.get_rng_state(), state):
        raise Wrong(f"{text} draws random numbers: latents are z, and the labels of the generated pairs are y")
    for who, network, original in zip("GD", arguments[:2], before, strict=True):
        if not all(map(torch.equal, network.parameters(), original.parameters())):
            raise Wrong(f"{text} changed {who}'s weights; return the loss, and leave the step to the optimiser")


def _diagnosis(value: Tensor, n: int, dtype: torch.dtype, factor: float) -> str:
    if n == 1 and value.ndim == 0:
        return "The shape should be [1]; a squeeze() without a dimension drops the batch's own when it is 1"
    x, y, z = _batch(n, dtype)
    for answer, message in MISTAKES:
        if same(value, answer(*_players(dtype, factor), x, y, z)):
            return message
    if value.shape != (n,):
        return f"The shape should be [{n}]: one value per pair"
    return FORMULA


def _check_earlier_gradients(text: str, g: nn.Module, d: nn.Module) -> None:
    """The gradients that the weights had before are still there."""
    gradients = [p.grad for network in (g, d) for p in network.parameters()]
    if any(gradient is None or not gradient.any() for gradient in gradients):
        raise Wrong(f"{text} sets gradients back by zero_grad; the caller decides when, since it may add several up")
    if any(not torch.equal(gradient, torch.full_like(gradient, EARLIER)) for gradient in gradients):
        raise Wrong(f"{text} calls backward itself; return the loss, and let the caller do it")


def _check_gradients(
    text: str, value: Tensor, g: nn.Module, d: nn.Module, expected_value: Tensor, expected_d: nn.Module
) -> None:
    if not all(p.requires_grad for network in (g, d) for p in network.parameters()):
        raise Wrong(f"{text} leaves weights with requires_grad=False; the next update would skip them")
    if not value.requires_grad:
        raise Wrong(f"{text} has the right value, but no gradient flows back to D: no detach and no_grad around D")
    reaches_g = followed(text, lambda: _gradients(value, g))
    if any(gradient is not None for gradient in reaches_g):
        raise Wrong(f"{text} has the right value, but its gradient reaches G: detach G's samples in D's loss")
    of_d = followed(text, lambda: _gradients(value, d))
    if any(gradient is not None and not gradient.isfinite().all() for gradient in of_d):
        raise Wrong(
            f"{text} has the right value, but its gradient isn't finite: an exponential overflows; use softplus"
        )
    pairs = zip(of_d, _gradients(expected_value, expected_d), strict=True)
    if any(mine is None or not same(mine, expected) for mine, expected in pairs):
        raise Wrong(f"{text} has the right value, but not the right gradient in D's weights: what of D is detached?")


def _gradients(value: Tensor, network: nn.Module) -> list[Tensor | None]:
    weights = list(network.parameters())
    # Each pair with a factor of its own, so that a mean in the place of the pair's own loss shows.
    factors = torch.arange(1, len(value) + 1).to(value)
    return list(torch.autograd.grad((factors * value).sum(), weights, retain_graph=True, allow_unused=True))


def _check_mode(text: str, g: PairGenerator, d: PairDiscriminator) -> None:
    if not all(module.training for network in (g, d) for module in network.modules()):
        raise Wrong(f"{text} leaves a network in eval mode; the next update would train with frozen BatchNorm")
    if not all(d.modes):
        raise Wrong(
            f"{text} calls D in eval mode; it is trained by this loss, so its dropout and BatchNorm should train"
        )
    if not int(g.norm.num_batches_tracked):
        raise Wrong(f"{text} never calls G itself in training mode, only a copy; G's BatchNorm should see its batches")


def _step(n: int, dtype: torch.dtype, factor: float = 1.0) -> Callable[[str, Callable], None]:
    return lambda name, function: _check_values(n, dtype, factor, name, function)


PAIR_LOSS = Exercise(
    "ex-10-pair-loss",
    "pair_loss(generator, discriminator, x, y, z)",
    points=3,
    steps=[
        _step(4, torch.float64),
        # Early, since what is wrong here is too small elsewhere to be named.
        _step(5, torch.float64, factor=1000.0),
        *(_step(n, dtype) for dtype in PRECISIONS for n in (4, 2, 7, 1)),
        _step(5, torch.float32, factor=1000.0),
    ],
    description="Batches of 1 to 7 pairs in both precisions, large scores; D's gradients, and nothing else changed.",
)
