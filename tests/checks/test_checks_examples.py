"""What a task prints as an example is among the cases that its check tries, and is what the solution gives."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from gancourse.checks import exercises
from tests import checkout

generate = checkout.script("exercises/generate.py")
CHAPTERS = range(1, 10)
Call = tuple


class Example(NamedTuple):
    """An example of a task: words that its text has, arguments (or a test of them), and the value that is printed."""

    text: str
    arguments: Call | Callable[..., bool]
    value: object = None


def tensor(*values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def has_slope_5(critic: Callable, real: Tensor, *others: object) -> bool:
    """Whether a critic is 3 x₁ + 4 x₂."""
    x = torch.eye(2, dtype=real.dtype)
    return real.ndim == 2 and real.shape[1] == 2 and critic(x).tolist() == [3.0, 4.0]


def gives(argument: int, point: Tensor, value: Tensor, *others: tuple[int, object]) -> Callable[..., bool]:
    """A test of arguments, one of which is a function with a value at a point."""

    def are_those(*arguments: object) -> bool:
        if not all(equal(arguments[i], expected) for i, expected in others):
            return False
        try:
            return equal(arguments[argument](point), value)
        except IndexError:  # a function of more numbers than the point has
            return False

    return are_those


ROTATED = (0, tensor(2.0, 3.0), tensor(-3.0, 2.0))
PLUS = torch.tensor([True, False, True, False, False])
EXAMPLES = {
    "ex-01-log-likelihood": [
        Example("`log_p = [[0.0, 0.0], [-1000.0, -1000.0]]`", (tensor([0.0, 0], [-1000.0, -1000]),), tensor(0.0, -1000))
    ],
    "ex-01-elbo": [
        Example(
            "If `decode` gives zeros, `x` is one 0, `std` is 1",
            gives(4, tensor([1.0]), tensor([0.0]), *[(i, tensor([0.0])) for i in range(4)], (5, 1.0)),
            tensor(0.919),
        )
    ],
    "ex-01-sharpness": [
        Example(
            "A 5 × 5 image with one pixel of 1 in the middle",
            (torch.eye(25, dtype=torch.float64)[12].view(1, 1, 5, 5),),
            tensor(20 / 9),
        )
    ],
    "ex-02-discriminator-loss": [
        Example(
            "`discriminator_loss(torch.tensor([0.0, 2.0]), torch.tensor([0.0, -1.0]))`",
            (tensor(0.0, 2.0), tensor(0.0, -1.0)),
            tensor(1.3863, 0.4402),
        )
    ],
    "ex-02-generator-loss": [
        Example("`non_saturating_loss(torch.tensor([0.0, -50.0]))`", (tensor(0.0, -50.0),), tensor(0.6931, 50.0))
    ],
    # Networks, whose weights the check compares with those after such a step.
    "ex-02-training-step": [
        Example("After one call with SGD", lambda *arguments: arguments[2].__class__ is torch.optim.SGD)
    ],
    "ex-03-optimal-discriminator": [
        Example(
            "`p_data = [0.3, 0.0, 0.0]` and `p_g = [0.1, 0.2, 0.0]`",
            (tensor(0.3, 0, 0), tensor(0.1, 0.2, 0)),
            tensor(0.75, 0, 0.5),
        )
    ],
    "ex-03-jsd": [
        Example(
            "`p = [1, 1, 0, 0]`, `q = [0, 1, 1, 0]` with `dx = 0.5`",
            (tensor(1.0, 1, 0, 0), tensor(0.0, 1, 1, 0), 0.5),
            torch.tensor(0.3466),
        )
    ],
    "ex-03-fgan-bound": [
        Example(
            "`t_real = [2, 0]` and `t_fake = [1]`",
            gives(2, tensor(1.0, 2.0), tensor(0.0, 1.0).exp(), (0, tensor(2.0, 0.0)), (1, tensor(1.0))),
            torch.tensor(0.0),
        )
    ],
    "ex-03-optimal-logit": [
        Example(
            "`log_p_data = [0.0, -1000.0]` and `log_p_g = [-2.0, -1003.0]`",
            (tensor(0.0, -1000), tensor(-2.0, -1003)),
            tensor(2.0, 3.0),
        )
    ],
    "ex-04-jacobian": [Example("$v(x, y) = (-y, x)$", gives(*ROTATED), tensor([0.0, -1], [1.0, 0]))],
    "ex-04-alternating-step": [
        Example(
            "`point = [1, 1]`, `step_size = 0.5`, `n_critic = 1`",
            gives(*ROTATED, (1, tensor(1.0, 1.0)), (2, 0.5), (3, 1)),
            tensor(0.25, 1.5),
        )
    ],
    "ex-04-dirac-r1": [
        Example(
            r"$\theta = 1$, $\psi = 0$ and $\gamma = 0.3$",
            (torch.tensor(1.0), torch.tensor(0.0), 0.3),
            tensor(0.0, -0.5),
        )
    ],
    "ex-04-rate": [
        Example("`jacobian = [[0, -1], [1, 0]]`", (tensor([0.0, -1], [1.0, 0]), 0.5), torch.tensor(1.118)),
    ],
    "ex-05-mode-coverage": [
        Example(
            r"with $\sigma = 0.1$, and four samples at $(0, 0.05)$, $(0.25, 0)$",
            (tensor([0, 0.05], [0.25, 0], [1.9, 0.05], [5.0, 4]), tensor([0.0, 0], [2.0, 0], [0.0, 2]), 0.1),
            (2, 0.75, 0.4055),
        )
    ],
    "ex-05-label-smoothing": [
        Example(
            "`discriminator_loss(torch.tensor([0.0, 2.0]), torch.tensor([0.0, -1.0]))`",
            (tensor(0.0, 2.0), tensor(0.0, -1.0), 0.1),
            tensor(1.3863, 0.6402),
        )
    ],
    "ex-05-mode-term": [
        Example(
            r"$x = (1, 2)$, $G(E(x)) = (0, 0)$, score 0, $\lambda_1 = 0.2$ and $\lambda_2 = 0.4$",
            (tensor([1.0, 2]), tensor([0.0, 0]), tensor(0.0), 0.2, 0.4),
            tensor(1.2773),
        )
    ],
    "ex-05-feature-matching": [
        Example(
            "real features $(1, 0), (3, 0)$ and generated ones $(0, 1), (0, -1)$",
            (tensor([1.0, 0], [3.0, 0]), tensor([0.0, 1], [0.0, -1])),
            torch.tensor(4.0),
        )
    ],
    "ex-06-line": [
        Example("`x = [0, 10]`, `y = [11, 1]`", (tensor(0.0, 10), tensor(11.0, 1)), torch.tensor(1.0)),
    ],
    "ex-06-critic-loss": [
        Example("`real = [2.0, 0.0]` and `fake = [-1.0, 0.5]`", (tensor(2.0, 0), tensor(-1.0, 0.5)), tensor(-3.0, 0.5))
    ],
    "ex-06-extend": [
        Example(
            "the anchors `[[0, 0], [3, 4]]` and heights `[0, 1]`, the point `[3, 4]`",
            (tensor([3.0, 4]), tensor([0.0, 0], [3.0, 4]), tensor(0.0, 1)),
            tensor(1.0),
        )
    ],
    "ex-07-gradient-penalty": [Example("$D(x) = 3 x_1 + 4 x_2$", has_slope_5, tensor(16.0, 16, 16, 16))],
    "ex-07-r1": [Example("$D(x) = 3 x_1 + 4 x_2$", has_slope_5, tensor(12.5, 12.5, 12.5, 12.5))],
    "ex-07-power-iteration": [
        Example(
            "`weight = [[3, 0], [0, 1]]`, `u = [1, 1]` and `n = 1`",
            (tensor([3.0, 0], [0.0, 1]), tensor(1.0, 1), 1),
            torch.tensor(2.8636),
        )
    ],
    # The factor 40 at update 8; the value depends on the critic.
    "ex-07-lazy": [Example("With `weight=10`, `every=4`", lambda *arguments: arguments[4:] == (10.0, 4, 8))],
    "ex-08-frechet": [
        Example(
            "`real = [[-1, 0], [1, 0], [0, -1], [0, 1]]` and `generated = 2 * real + [1, 0]`",
            (tensor([-1.0, 0], [1.0, 0], [0.0, -1], [0.0, 1]), tensor([-1.0, 0], [3.0, 0], [1.0, -2], [1.0, 2])),
            torch.tensor(7 / 3),
        )
    ],
    "ex-08-kernel": [
        Example(
            "`real = [[0], [2]]` and `generated = [[1], [3]]`",
            (tensor([0.0], [2.0]), tensor([1.0], [3.0])),
            torch.tensor(-121.0),
        )
    ],
    "ex-08-precision-recall": [
        Example(
            "`real = 0, 1, 3, 7`, `generated = 0.5, 4.9, 12` and `k = 1`",
            (tensor([0.0], [1.0], [3.0], [7.0]), tensor([0.5], [4.9], [12.0]), 1),
            tensor(0.667, 1),
        )
    ],
    "ex-08-inception-score": [
        Example("One certain sample for each of three classes", (1000 * torch.eye(3),), torch.tensor(3.0)),
        Example("equal logits give 1", (torch.zeros(4, 5),), torch.tensor(1.0)),
    ],
    "ex-08-extrapolation": [
        Example(
            "`sizes = [1, 2, 4]` and `distances = [9, 7, 6]`", (tensor(1.0, 2, 4), tensor(9.0, 7, 6)), torch.tensor(5.0)
        )
    ],
    "ex-08-nearest-ratio": [
        Example(
            "`train = [[0, 0], [10, 0]]`, `test = [[0, 4], [10, 8]]`",
            (tensor([0.0, 0], [10.0, 0]), tensor([0.0, 4], [10.0, 8]), tensor([0.0, 1], [10.0, 2], [0.0, 3])),
            torch.tensor(1 / 3),
        )
    ],
    "ex-08-bytes": [
        Example("−1, 0.2 and 1 become 0, 153 and 255", (tensor([[[-1, 0.2, 1]]]),), tensor([[[0, 153, 255]]]))
    ],
    "ex-09-output-size": [Example("`transposed_size(4, 4, 2, 1)` is 8", (4, 4, 2, 1), 8)],
    "ex-09-overlap": [
        Example("`overlap_counts(4, 3, 2)`", (4, 3, 2), tensor(1, 1, 2, 1, 2, 1, 2, 1, 1)),
        Example("`overlap_counts(4, 4, 2)`", (4, 4, 2), tensor(1, 1, 2, 2, 2, 2, 2, 2, 1, 1)),
    ],
    # Its value is a block; what the text says of it is what the check asks of every block.
    "ex-09-generator-block": [Example("`up_block(64, 32, last=False)", (64, 32, False))],
    "ex-09-slerp": [
        Example(
            "`slerp(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 2.0]]), 0.5)`",
            (tensor([1.0, 0]), tensor([0.0, 2]), 0.5),
            tensor([0.7071, 1.4142]),
        )
    ],
    "ex-09-attribute-direction": [
        Example(
            "Latents `[[3.0], [1.0], [9.0], [8.0], [8.0]]`",
            (tensor([3.0], [1.0], [9.0], [8.0], [8.0]), PLUS, torch.tensor([0, 0, 1, 1, 1])),
            tensor(1.5),
        )
    ],
}


def equal(one: object, other: object) -> bool:
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.shape == other.shape and torch.allclose(one.detach().double(), other.detach().double(), atol=1e-7)
    return type(one) is type(other) and one == other


def task(label: str) -> str:
    """The text of a task, in one line."""
    source = (checkout.ROOT / "exercises" / "src" / f"{exercises[label].notebook}.md").read_text(encoding="utf-8")
    text = source.partition(f"({label})\n")[2].partition("```{code-cell}")[0]
    return re.sub(r"\s+", " ", text)


def solution_of(label: str) -> Callable:
    notebook = generate.read(checkout.ROOT / "exercises" / "src" / f"{exercises[label].notebook}.md")
    answers = (label, "")
    namespace: dict = {}
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("grade_id", "") in answers:
            exec(compile(cell.source, "<cell>", "exec"), namespace)
    return namespace[exercises[label].function]


def copied(value: object) -> object:
    return value.detach().clone() if isinstance(value, Tensor) else value


def test_every_task_with_an_example_is_here() -> None:
    with_example = [label for label in exercises if int(label[3:5]) in CHAPTERS and "*Example.*" in task(label)]
    assert sorted(EXAMPLES) == sorted(with_example)


@pytest.mark.parametrize("label", EXAMPLES)
def test_the_example_of_a_task_is_a_case_of_its_check(label: str) -> None:
    solution, calls = solution_of(label), []

    def recorded(*arguments: object) -> object:
        calls.append((tuple(map(copied, arguments)), solution(*arguments)))
        return calls[-1][1]

    exercises[label].verify(recorded)
    for example in EXAMPLES[label]:
        assert example.text in task(label), f"{example.text!r} isn't in the task"
        is_it = example.arguments if callable(example.arguments) else None
        values = [
            value
            for arguments, value in calls
            if (
                is_it(*arguments)
                if is_it
                else len(arguments) == len(example.arguments) and all(map(equal, arguments, example.arguments))
            )
        ]
        assert values, f"no case has the arguments of {example.text!r}"
        if example.value is not None:
            torch.testing.assert_close(
                torch.as_tensor(values[0]).detach().double(), torch.as_tensor(example.value).double(), atol=6e-4, rtol=0
            )
