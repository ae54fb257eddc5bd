"""What chapter 16's checks hold for right is what the package computes, and each mistake differs from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from torch import Tensor

from gancourse.checks.ch16_diffusion import (
    clipping,
    flow_losses,
    guidance,
    noising,
    posteriors,
    students,
    subsequences,
    trainings,
    velocities,
)
from gancourse.checks.ch16_diffusion.training_problems import PROBLEMS, trained
from gancourse.checks.engine.comparison import Mistake
from gancourse.checks.engine.parts import agree
from gancourse.checks.engine.probe import Case
from gancourse.diffusion import RectifiedFlow, VariancePreserving, ddim, of_network, posterior
from gancourse.diffusion.denoisers import clipped_estimate, guided_prediction
from gancourse.diffusion.forward import Level
from gancourse.diffusion.predictions import target

PROCESS = VariancePreserving()
T = torch.tensor([0, 1, 400, 999])


def normal(*shape: int, key: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(key), dtype=torch.float64)


def level_of(alpha_bar: Tensor) -> Level:
    return Level(alpha_bar.sqrt(), (1 - alpha_bar).sqrt())


X, E = normal(4, 2, 3, 5), normal(4, 2, 3, 5, key=1)
ALPHA_BAR = torch.tensor([0.9, 0.5, 0.1, 0.01], dtype=torch.float64)

# The package computes the same


def test_states_are_those_of_the_package() -> None:
    torch.testing.assert_close(noising.noised(X, E, T, PROCESS.betas), PROCESS.noised(X, E, T))


@pytest.mark.parametrize("t", [0, 1, 400, 999])
def test_a_posterior_is_the_package_s(t: int) -> None:
    times = torch.tensor(t)
    expected = posterior(E, X, PROCESS.level(times), PROCESS.level_before(times))
    mean, variance = posteriors.posterior(X, E, t, PROCESS.betas)
    torch.testing.assert_close(mean, expected.mean)
    torch.testing.assert_close(variance, expected.variance)


def test_v_and_the_way_back_are_the_package_s() -> None:
    v, level = velocities.v_target(X, E, ALPHA_BAR), level_of(ALPHA_BAR)
    torch.testing.assert_close(v, target("v").of(X, E, level))
    state = noising._mix(ALPHA_BAR.view(-1, 1, 1, 1), X, E)
    torch.testing.assert_close(velocities.from_v(state, v, ALPHA_BAR), (X, E))


@pytest.mark.parametrize("n_steps", [1, 4, 10])
def test_samples_of_ddim_are_the_package_s(n_steps: int) -> None:
    times = PROCESS.times(n_steps)
    denoiser = of_network(lambda x, time: torch.sin(x + time.view(-1, 1, 1, 1).to(x)), PROCESS, "noise")
    *_, expected = ddim(denoiser, X, times)
    samples = subsequences.ddim(lambda x, t: torch.sin(x + t), X, times.tolist(), PROCESS.alpha_bars)
    torch.testing.assert_close(samples, expected)


def test_guidance_and_clipping_are_the_package_s() -> None:
    torch.testing.assert_close(guidance.guided(X, E, 2.5), guided_prediction(X, E, 2.5))
    level = level_of(ALPHA_BAR)
    estimate = target("noise").estimate(X, E, level)
    expected = clipped_estimate(X, estimate.x0, level)
    assert (estimate.x0.abs() > 1).any()
    torch.testing.assert_close(clipping.clipped_estimate(X, E, ALPHA_BAR), (expected.x0, expected.noise))


def test_the_loss_of_a_flow_is_that_of_the_package_s_target() -> None:
    t, flow = torch.tensor([0.1, 0.4, 0.7, 0.95], dtype=torch.float64), RectifiedFlow()

    def network(x: Tensor, times: Tensor) -> Tensor:
        return torch.cos(x + times.view(-1, 1, 1, 1) / 1000)

    state = flow.noised(X, E, t)
    velocity = target("velocity").of(X, E, flow.level(t))
    expected = (network(state, 1000 * t) - velocity).square().mean()
    torch.testing.assert_close(flow_losses.flow_loss(network, X, E, t), expected)


def test_a_student_that_is_the_teacher_has_no_loss_where_velocities_are_constant() -> None:
    def constant(x: Tensor, times: Tensor) -> Tensor:
        return torch.full_like(x, 0.25)

    # Data at z − 1/4 and noise at z make this velocity exact for epsilon = z.
    t = torch.tensor([0.1, 0.4, 0.7, 0.95], dtype=torch.float64)
    torch.testing.assert_close(students.student_loss(constant, constant, X, X, t), torch.zeros((), dtype=torch.float64))


# No mistake is the right answer


def _cases(step_cases: Callable[[], Sequence[Case]], swept: Callable[[], Sequence[Case]]) -> list[Case]:
    return [*step_cases(), *swept()]


TASKS = {
    "noising": (noising.MISTAKES, noising.noised, _cases(noising._cases, noising._swept)),
    "posterior": (posteriors.MISTAKES, posteriors.posterior, _cases(posteriors._cases, posteriors._swept)),
    "v": (velocities.V_MISTAKES, velocities.v_target, _cases(velocities.V_CASES, velocities.V_SWEPT)),
    "from v": (velocities.BACK_MISTAKES, velocities.from_v, _cases(velocities.BACK_CASES, velocities.BACK_SWEPT)),
    "ddim": (subsequences.MISTAKES, subsequences.ddim, _cases(subsequences._cases, subsequences._swept)),
    "guidance": (guidance.MISTAKES, guidance.guided, _cases(guidance._cases, guidance._swept)),
    "clipping": (clipping.MISTAKES, clipping.clipped_estimate, _cases(clipping._cases, clipping._swept)),
    "flow": (flow_losses.MISTAKES, flow_losses.flow_loss, _cases(flow_losses._cases, flow_losses._swept)),
    "distillation": (students.MISTAKES, students.student_loss, _cases(students._cases, students._swept)),
}


@pytest.mark.parametrize("task", TASKS)
def test_no_mistake_is_the_right_answer(task: str) -> None:
    mistakes, right, cases = TASKS[task]
    expected = [right(*case.args.values()) for case in cases]

    def differs(mistake: Mistake) -> bool:
        return any(not agree(mistake.answer(*c.args.values()), e) for c, e in zip(cases, expected, strict=True))

    # Single precision differs by rounding alone for numbers of about one; larger ones show it.
    messages = [mistake.message for mistake in mistakes if not differs(mistake)]
    assert [message for message in messages if "computed in single precision" not in message] == []


def test_no_wrong_training_is_the_right_one() -> None:
    right = [trained(problem) for problem in PROBLEMS]
    for way, message in trainings.MISTAKES:
        assert any(
            not all(trainings._agree(a, b) for a, b in zip(trained(problem, way), states, strict=True))
            for problem, states in zip(PROBLEMS, right, strict=True)
        ), message
