"""Check of a distillation loss: a one-step sample, noised again, and a frozen teacher's estimate of its data."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from gancourse.checks.ch16_diffusion.levels import SHAPES, Place, data, fractions, of_samples
from gancourse.checks.ch16_diffusion.networks import (
    Kept,
    Network,
    called,
    complain_of_calls,
    gradient_of,
    linear_network,
    new_network,
)
from gancourse.checks.ch16_diffusion.student_mistakes import MISTAKES
from gancourse.checks.engine.comparison import PRECISIONS, Values
from gancourse.checks.engine.probe import Case, call_text
from gancourse.checks.engine.registry import Exercise
from gancourse.checks.engine.side_effects import NoSideEffects
from gancourse.checks.engine.sweeps import LARGE, OF_EVERY_KIND, SMALL, NoDraws, Scaled, drawn, sizes
from gancourse.checks.engine.verdict import Wrong, same, show

Detach = Callable[[Tensor], Tensor]


def _keep(x: Tensor) -> Tensor:
    return x


def _loss(
    student: Network,
    teacher: Network,
    z: Tensor,
    epsilon: Tensor,
    t: Tensor,
    sample: Detach = _keep,
    state: Detach = torch.detach,
    output: Detach = torch.detach,
    place: Place = of_samples,
) -> Tensor:
    """The loss, with another choice of what is a constant: the sample, the state noised again, the teacher's output."""
    x = z - student(z, 1000 * torch.ones_like(t))
    level = place(t, z)
    again = state(x + level * (epsilon - x))
    estimate = again - level * output(teacher(again, 1000 * t))
    return (sample(x) - estimate).square().mean()


def student_loss(student: Network, teacher: Network, z: Tensor, epsilon: Tensor, t: Tensor) -> Tensor:
    """The right answer."""
    return _loss(student, teacher, z, epsilon, t)


GRADIENTS = [
    (
        {"state": _keep, "output": _keep},
        "It flows through the teacher's estimate as well, as if the target were trained: compute it under "
        "torch.no_grad(), or detach it.",
    ),
    (
        {"state": _keep},
        "The teacher's output is a constant, but the state that was noised again isn't: x̂0 = x_t − t · … has it. "
        "Detach the whole estimate.",
    ),
    (
        {"sample": torch.detach, "state": _keep, "output": _keep},
        "It flows through the target alone: the sample x in the distance is detached, the estimate isn't. It "
        "is the other way round.",
    ),
    (
        {"sample": torch.detach, "state": _keep},
        "It flows through the state that was noised again alone; the sample in the distance is detached. It is the "
        "other way round.",
    ),
]


def _case(k: int, shape: tuple[int, ...], about: str, dtype: torch.dtype) -> Case:
    tensors = {"z": drawn(1_200 + k, *shape), "epsilon": data(1_200 + k, shape), "t": fractions(1_200 + k, shape[0])}
    networks = {"student": new_network(2 * k, dtype), "teacher": new_network(2 * k + 1, dtype)}
    return Case({**networks, **{key: value.to(dtype) for key, value in tensors.items()}}, about)


def _cases() -> list[Case]:
    """The task's example, data of all shapes, times of 0 and 1; both precisions."""
    cases = []
    for dtype in PRECISIONS:
        halves = {key: Network(0.5, 0.0, 0.0, 0.0).to(dtype) for key in ("student", "teacher")}
        tensors = {"z": torch.tensor([[4.0]]), "epsilon": torch.tensor([[3.0]]), "t": torch.tensor([0.5])}
        example = {key: value.to(dtype) for key, value in tensors.items()}
        cases.append(Case({**halves, **example}, "the task's example"))
        cases += [_case(k, shape, about, dtype) for k, (shape, about) in enumerate(SHAPES)]
        ends = _case(20, (4, 3), "", dtype).args | {"t": torch.tensor([0.0, 1.0, 1.0, 0.25], dtype=dtype)}
        cases.append(Case(ends, "times of 0 and of 1"))
    return cases


def _swept() -> list[Case]:
    cases = []
    for k in range(20):
        n, n_channels, height, width = sizes(76_000 + k, 6, 4, 5, 6)
        shape = (n, n_channels) if k % 3 == 0 else (n, n_channels, height, width)
        cases.append(_case(100 + k, shape, "sizes at random", torch.float64))
    return cases


def _linear() -> list[Case]:
    return [
        c._replace(args=c.args | {"student": linear_network(2 * k), "teacher": linear_network(2 * k + 1)})
        for k, c in enumerate(_swept())
    ]


FACTORS = [{"z": factor, "epsilon": factor, "result": factor**2} for factor in (LARGE, SMALL)]


def _check_calls(name: str, function: Callable) -> None:
    """Both networks are called once, at the right times, and nothing of them changes."""
    for k, case in enumerate((*_cases(), *_swept()[:4])):
        text = call_text(name, case)
        networks = {key: case.args[key] for key in ("student", "teacher")}
        for network in networks.values():
            network.train(k % 2 == 0)
        networks["teacher"].requires_grad_(k % 4 < 2)
        if k % 3 == 0:
            networks["student"].weights.grad = torch.full_like(networks["student"].weights, 0.25)
        kept = Kept(networks)
        copies = [v.clone() if isinstance(v, Tensor) else v for v in case.args.values()]
        if not called(name, function, copies, text):
            return
        t, shape = case.args["t"], case.args["z"].shape
        complain_of_calls(text, "student", networks["student"], torch.ones_like(t), shape)
        complain_of_calls(text, "teacher", networks["teacher"], t, shape)
        kept.complain(text)


def _check_gradients(name: str, function: Callable) -> None:
    """The gradient reaches the student through the sample alone, and no teacher."""
    cases = _cases()
    results = [gradient_of(name, function, case, "student") for case in cases]
    for case, (_, ours) in zip(cases, results, strict=True):
        theirs = _gradient(case)
        if ours is None or not same(ours, theirs):
            raise Wrong(
                f"{call_text(name, case)} has the right value, but its gradient in the student's weights is "
                f"{show(ours)}; expected {show(theirs)}. {_reason(cases, [g for _, g in results])}"
            )
    for case, (loss, _) in zip(cases, results, strict=True):
        (gradient,) = torch.autograd.grad(loss, [case.args["teacher"].weights], allow_unused=True)
        if gradient is not None:
            raise Wrong(
                f"{call_text(name, case)} has a gradient in the teacher's weights, {show(gradient)}; the teacher is "
                "frozen. Call it under torch.no_grad()"
            )


def _gradient(case: Case, **parts: Detach) -> Tensor:
    loss = _loss(*case.args.values(), **parts)
    return torch.autograd.grad(loss, [case.args["student"].weights])[0]


def _reason(cases: list[Case], gradients: list[Tensor | None]) -> str:
    if any(gradient is None for gradient in gradients):
        return "Nothing reaches the student: its sample in the distance is detached, or made under torch.no_grad()."
    for parts, message in GRADIENTS:
        if all(same(ours, _gradient(case, **parts)) for ours, case in zip(gradients, cases, strict=True)):
            return message
    return "Only x̂0 is a constant, and all of it: the gradient flows through the sample x."


DISTILLATION = Exercise(
    "ex-16-distillation",
    "student_loss(student, teacher, z, epsilon, t)",
    points=3,
    steps=[
        NoDraws(_cases, "the noise that is added again is `epsilon`, at the times `t`"),
        _check_calls,
        Values(_cases, student_loss, MISTAKES),
        NoSideEffects(_cases),
        Values(_swept, student_loss, MISTAKES, OF_EVERY_KIND),
        Scaled(_linear, student_loss, FACTORS),
        _check_gradients,
    ],
    description="Points and images, what both networks see, the student's gradient, none at the teacher.",
)
