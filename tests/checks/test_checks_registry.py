"""What holds for every check, whatever the exercise."""

from __future__ import annotations

import pytest
import torch

from gancourse.checks import NotWritten, Wrong, check, exercises
from gancourse.checks.ch02_gan_game.loops import MISTAKES, UsualStep
from gancourse.checks.ch02_gan_game.step import (
    OTHERS,
    PLAIN,
    SURE,
    Setting,
    agree,
    new_players,
    right_step,
    weight_history,
)


def test_an_unknown_label_suggests_the_nearest() -> None:
    with pytest.raises(
        ValueError, match="exercise 'ex-02-generatr-loss' not found; did you mean 'ex-02-generator-loss'"
    ):
        check("ex-02-generatr-loss", lambda fake: fake)


def test_a_right_answer_prints_one_line(capsys: pytest.CaptureFixture) -> None:
    check("ex-03-fgan-bound", lambda t_real, t_fake, conjugate: t_real.mean() - conjugate(t_fake).mean())
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.parametrize("label", exercises)
@pytest.mark.parametrize("nothing", [None, ...], ids=["None", "Ellipsis"])
def test_no_answer_at_all_is_a_blank(label: str, nothing: object) -> None:
    with pytest.raises(NotWritten, match="not written yet"):
        exercises[label].verify(nothing)


@pytest.mark.parametrize("label", exercises)
def test_exceptions_of_an_answer_become_one_message(label: str) -> None:
    def answer(*_: object) -> None:
        raise KeyError("lost")

    with pytest.raises(Wrong, match="raised KeyError: 'lost'") as caught:
        exercises[label].verify(answer)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("label", exercises)
def test_an_answer_that_says_it_is_not_implemented_is_a_blank(label: str) -> None:
    def answer(*_: object) -> None:
        raise NotImplementedError

    with pytest.raises(NotWritten):
        exercises[label].verify(answer)


@pytest.mark.parametrize("label", exercises)
@pytest.mark.parametrize(
    "junk",
    [torch.tensor(float("nan")), torch.zeros(3, 3, 3), "text", 0.5, (1, 2), torch.zeros(()), object(), True],
    ids=["nan", "cube", "text", "half", "pair", "scalar", "object", "bool"],
)
def test_junk_is_wrong_in_words(label: str, junk: object) -> None:
    with pytest.raises(Wrong):
        exercises[label].verify(lambda *_: junk)


def test_a_check_neither_reads_nor_changes_the_random_state() -> None:
    torch.manual_seed(7)
    before = torch.get_rng_state()
    for label in ("ex-02-generator-loss", "ex-09-slerp"):
        with pytest.raises(Wrong):
            exercises[label].verify(lambda *a: a[0] + torch.rand(()))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("optimiser", ["SGD", "Adam"])
def test_the_usual_step_gives_the_weights_of_the_independent_one(optimiser: str) -> None:
    for one, other in zip(
        weight_history(right_step, Setting(optimiser)), weight_history(UsualStep(), Setting(optimiser)), strict=True
    ):
        assert agree(one, other)


def test_every_mistake_of_the_step_leads_to_weights_of_its_own() -> None:
    # Some show only where D is sure of itself, or where gradients were left behind.
    settings = [*PLAIN, *SURE, *OTHERS]
    steps = (right_step, *(step for step, _ in MISTAKES))
    histories = [[weights for own in settings for weights in weight_history(step, own)] for step in steps]
    for k, one in enumerate(histories):
        for m, other in enumerate(histories[:k]):
            assert not all(agree(a, b) for a, b in zip(one, other, strict=True)), (k, m)


def test_the_networks_of_the_step_check_start_equal_each_time() -> None:
    assert agree(new_players(Setting("SGD")).weights(), new_players(Setting("Adam")).weights())


def test_a_check_sets_back_what_an_answer_changes_for_the_whole_notebook() -> None:
    def changes(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        return torch.nn.functional.cross_entropy(logits, labels, reduction="none")

    with pytest.raises(Wrong, match=r"default type to torch\.float64"):
        exercises["ex-10-class-loss"].verify(changes)
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()


def test_an_error_at_a_later_case_hides_no_mistake_of_an_earlier_one() -> None:
    def fails_for_one_sample(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        if len(logits) == 1:
            raise RuntimeError("a later case")
        return torch.nn.functional.cross_entropy(logits, labels)

    with pytest.raises(Wrong, match="That is the mean over the batch"):
        exercises["ex-10-class-loss"].verify(fails_for_one_sample)
