"""Check of a flow's loss: the straight path, its velocity, and the times that the network sees."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.ch16_diffusion.levels import PLACES, SHAPES, Place, data, fractions, of_samples
from gancourse.checks.ch16_diffusion.networks import (
    Kept,
    Network,
    called,
    complain_of_calls,
    gradient_of,
    linear_network,
    new_network,
    unless_it_fails,
)
from gancourse.checks.engine.comparison import PRECISIONS, Mistake, Values
from gancourse.checks.engine.probe import Case, call_text
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import LARGE, OF_EVERY_KIND, SMALL, NoDraws, Scaled, drawn, sizes
from gancourse.checks.engine.verdict import Wrong, same, show

State = Callable[[Tensor, Tensor, Tensor], Tensor]
"""Of t, the data and the noise."""
Reduce = Callable[[Tensor], Tensor]
"""Of the errors."""


def _path(t: Tensor, x: Tensor, e: Tensor) -> Tensor:
    return x + t * (e - x)


def _velocity(t: Tensor, x: Tensor, e: Tensor) -> Tensor:
    return e - x


def _mean_square(errors: Tensor) -> Tensor:
    return errors.square().sum() / errors.numel()


def _loss(
    network: Network,
    x0: Tensor,
    epsilon: Tensor,
    t: Tensor,
    path: State = _path,
    target: State = _velocity,
    reduced: Reduce = _mean_square,
    place: Place = of_samples,
) -> Tensor:
    level = place(t, x0)
    return reduced(network(path(level, x0, epsilon), 1000 * t) - target(level, x0, epsilon))


def flow_loss(network: Network, x0: Tensor, epsilon: Tensor, t: Tensor) -> Tensor:
    """The right answer."""
    return _loss(network, x0, epsilon, t)


def _by(**parts: object) -> Callable[..., Tensor]:
    return unless_it_fails(lambda network, x0, epsilon, t: _loss(network, x0, epsilon, t, **parts))


def _per_sample(errors: Tensor) -> Tensor:
    return errors.square().flatten(1).sum(1)


PATHS: list[tuple[State, str]] = [
    (lambda t, x, e: t * x + (1 - t) * e, "The path runs the other way: at t = 0 there is data, (1 − t) x0 + t ε."),
    (lambda t, x, e: (1 - t).sqrt() * x + t.sqrt() * e, "The path has square roots, as DDPM's; a flow's is straight."),
    (lambda t, x, e: (1 - t) * x + t.sqrt() * e, "The path's noise has a root; a flow's is straight."),
    (lambda t, x, e: (1 - t**2).sqrt() * x + t * e, "The path is an arc, √(1 − t²) x0 + t ε; a flow's is straight."),
    (
        lambda t, x, e: torch.cos(torch.pi / 2 * t) * x + torch.sin(torch.pi / 2 * t) * e,
        "The path is an arc of cosine and sine; a flow's is straight.",
    ),
    (lambda t, x, e: x + t * e, "The path doesn't take the data away: x0 has the factor 1 − t."),
    (lambda t, x, e: (1 - t) * x + e, "The path's noise lacks its factor t."),
    (lambda t, x, e: x, "The network sees the data; it should see the state on the path."),
    (lambda t, x, e: e, "The network sees the noise; it should see the state on the path."),
    (lambda t, x, e: (1 - t) * x, "The path lacks the noise."),
    (lambda t, x, e: t * e, "The path lacks the data."),
    (lambda t, x, e: (1 - t) * x - t * e, "The noise is subtracted on the path."),
    (
        lambda t, x, e: (1 - 1000 * t) * x + 1000 * t * e,
        "The path is computed with 1000 t; only the network's time is.",
    ),
    (lambda t, x, e: (1 - (1 - 1e-5) * t) * e + t * x, "The path runs the other way, with a least deviation."),
]
TARGETS: list[tuple[State, str]] = [
    (lambda t, x, e: x - e, "The target points from noise to data, x0 − ε; the path's derivative is ε − x0."),
    (lambda t, x, e: e, "The target is the noise, as DDPM's; a flow's is ε − x0."),
    (lambda t, x, e: x, "The target is the data; a flow's is ε − x0."),
    (lambda t, x, e: _path(t, x, e), "The target is the state; it is the velocity, ε − x0."),
    (lambda t, x, e: e - _path(t, x, e), "The target is ε − x_t, (1 − t) times the velocity; it is ε − x0."),
    (lambda t, x, e: _path(t, x, e) - x, "The target is x_t − x0, t times the velocity; it is ε − x0."),
    (lambda t, x, e: e + x, "The target is ε + x0; it is ε − x0."),
    (lambda t, x, e: 0 * e, "The target is missing."),
    (lambda t, x, e: (1 - t) * e - t * x, "The target is v, with factors of the path; a flow's is ε − x0."),
    (lambda t, x, e: (1 - t).sqrt() * e - t.sqrt() * x, "The target is v; a flow's is ε − x0."),
    (lambda t, x, e: t * (e - x), "The target is multiplied by t; it is ε − x0."),
    (lambda t, x, e: (e - x) / 2, "The target is halved."),
]
REDUCED: list[tuple[Reduce, str]] = [
    (lambda d: d.square().sum(), "The squares are added; take their mean over all numbers."),
    (lambda d: _per_sample(d).mean(), "The squares are added within a sample; take their mean over all numbers."),
    (lambda d: d.square().sum() / d[0].numel(), "The squares are added over the batch; take their mean there, too."),
    (lambda d: d.square().flatten(1).mean(1), "That is one value per sample; take the mean over all numbers."),
    (_per_sample, "That is one sum per sample; take the mean over all numbers."),
    (lambda d: d.square(), "That is one value per number; take their mean."),
    (lambda d: d.abs().mean(), "That is the mean of absolute values; take squares."),
    (lambda d: d.mean(), "The errors aren't squared: positive and negative ones cancel."),
    (lambda d: d.mean().square(), "The mean is squared; square each error, then take the mean."),
    (lambda d: d.square().mean().sqrt(), "A root is taken of the mean; leave it out."),
    (lambda d: _per_sample(d).sqrt().mean(), "That is the mean length of the errors; take the mean of squares."),
    (lambda d: d.norm(), "That is the norm of the errors; take the mean of squares."),
    (lambda d: d.square().mean() / 2, "The loss is halved; here it isn't."),
    (lambda d: -d.square().mean(), "The loss has its sign turned."),
    (lambda d: torch.where(d.abs() < 1, d.square() / 2, d.abs() - 0.5).mean(), "That is the Huber loss; take squares."),
    (lambda d: d.square().flatten(1).mean(1).sum(), "The samples' losses are added; take their mean."),
    (lambda d: d.square().mean().view(1), "The loss has the shape [1]; it is a single number, of shape []."),
    (lambda d: torch.cosh(d).log().mean(), "That is a log-cosh loss; take squares."),
]
MISTAKES = [
    *(Mistake(_by(place=place), message) for place, message in PLACES),
    Mistake(
        _by(path=PATHS[0][0], target=TARGETS[0][0]),
        "That is the other convention, with noise at t = 0 and data at t = 1; here data is at t = 0.",
    ),
    *(Mistake(_by(path=path), message) for path, message in PATHS),
    *(Mistake(_by(target=target), message) for target, message in TARGETS),
    *(Mistake(_by(reduced=reduced), message) for reduced, message in REDUCED),
    *(
        Mistake(_by(path=path, target=target), f"{of_path} {of_target}")
        for path, of_path in PATHS
        for target, of_target in TARGETS
    ),
    *(
        Mistake(_by(target=target, reduced=reduced), f"{of_target} {of_mean}")
        for target, of_target in TARGETS
        for reduced, of_mean in REDUCED
    ),
    *(
        Mistake(_by(path=path, reduced=reduced), f"{of_path} {of_mean}")
        for path, of_path in PATHS
        for reduced, of_mean in REDUCED
    ),
]


def _case(k: int, shape: tuple[int, ...], about: str, dtype: torch.dtype) -> Case:
    tensors = {"x0": data(1_000 + k, shape), "epsilon": drawn(1_000 + k, *shape), "t": fractions(1_000 + k, shape[0])}
    args = {key: value.to(dtype) for key, value in tensors.items()}
    return Case({"network": new_network(k, dtype), **args}, about)


def _cases() -> list[Case]:
    """The task's example, data of all shapes, times of 0 and 1; both precisions."""
    cases = []
    for dtype in PRECISIONS:
        tensors = {"x0": torch.tensor([[1.0, 3.0]]), "epsilon": torch.tensor([[2.0, 7.0]]), "t": torch.tensor([0.5])}
        example = {key: value.to(dtype) for key, value in tensors.items()}
        cases.append(Case({"network": Network(1.0, 0.0, 0.0, 0.0).to(dtype), **example}, "the task's example"))
        cases += [_case(k, shape, about, dtype) for k, (shape, about) in enumerate(SHAPES)]
        ends = _case(20, (4, 3), "", dtype).args | {"t": torch.tensor([0.0, 1.0, 1.0, 0.25], dtype=dtype)}
        cases.append(Case(ends, "times of 0 and of 1"))
    return cases


def _swept() -> list[Case]:
    cases = []
    for k in range(20):
        n, n_channels, height, width = sizes(75_000 + k, 6, 4, 5, 6)
        shape = (n, n_channels) if k % 3 == 0 else (n, n_channels, height, width)
        cases.append(_case(100 + k, shape, "sizes at random", torch.float64))
    return cases


def _linear() -> list[Case]:
    return [c._replace(args=c.args | {"network": linear_network(k)}) for k, c in enumerate(_swept())]


FACTORS = [{"x0": factor, "epsilon": factor, "result": factor**2} for factor in (LARGE, SMALL)]


def _check_calls(name: str, function: Callable) -> None:
    """The network is called once, at 1000 t, and nothing of it changes."""
    for k, case in enumerate((*_cases(), *_swept()[:4])):
        network, text = case.args["network"], call_text(name, case)
        network.train(k % 2 == 0)
        if k % 3 == 0:
            network.weights.grad = torch.full_like(network.weights, 0.25)
        kept = Kept({"network": network})
        network.calls.clear()
        copies = [v.clone() if isinstance(v, Tensor) else v for v in case.args.values()]
        if not called(name, function, copies, text):
            return
        complain_of_calls(text, "network", network, case.args["t"], case.args["x0"].shape)
        kept.complain(text)


def _check_gradients(name: str, function: Callable) -> None:
    """The gradient in the network's weights is that of the right answer."""
    for case in _cases():
        _, ours = gradient_of(name, function, case, "network")
        theirs = torch.autograd.grad(flow_loss(*case.args.values()), [case.args["network"].weights])[0]
        if ours is None or not same(ours, theirs):
            raise Wrong(
                f"{call_text(name, case)} has the right value, but its gradient in the network's weights is "
                f"{show(ours)}; expected {show(theirs)}. Detach nothing of what the network returns."
            )


FLOW = Exercise(
    "ex-16-flow",
    "flow_loss(network, x0, epsilon, t)",
    points=2,
    steps=[
        NoDraws(_cases, "time and noise are arguments, `t` and `epsilon`"),
        _check_calls,
        Values(_cases, flow_loss, MISTAKES),
        NoSideEffects(_cases),
        Values(_swept, flow_loss, MISTAKES, OF_EVERY_KIND),
        Scaled(_linear, flow_loss, FACTORS),
        _check_gradients,
    ],
    description="Points and images, times from 0 to 1, what the network sees, its gradient, in both precisions.",
)
