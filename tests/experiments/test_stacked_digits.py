"""The experiment "stacked-digits": four cells that differ in what they should."""

from gancourse import experiments
from gancourse.experiments import rows, stacked_digits
from gancourse.experiments.stacked_digits import PAPER, methods, play, table
from gancourse.recipes.terms import R1, R2

TINY = {"steps": 2, "width": 4, "batch_size": 4, "full": False}


def tiny(method: str, **changes: object):
    return methods[method].changed(**TINY, **changes)


def test_the_cells_are_the_paper_s_and_differ_in_objective_and_penalty_only():
    assert methods.keys() == PAPER.keys()
    pairs = {(m.recipe.play.objective, m.recipe.play.terms) for m in methods.values()}
    r1, r2 = R1(every=4), R2(every=4)
    assert pairs == {(o, p) for o in ("relativistic-pairing", "non-saturating") for p in ((r1, r2), (r1,))}
    same = [m.changed(objective="hinge", terms=()) for m in methods.values()]
    assert all(m == same[0] for m in same)


def test_a_row_holds_modes_and_divergence_of_the_end():
    row = play("a", tiny("relativistic, R1 + R2"), 50)
    assert row["metrics"] == {
        "modes(digits-classifier, 50)": row["trace"][-1]["modes"],
        "reverse KL(digits-classifier, 50)": row["metrics"]["reverse KL(digits-classifier, 50)"],
    }
    assert row["trace"][-1]["steps"] == 2
    assert 1 <= row["trace"][-1]["modes"] <= 50


def test_a_run_that_diverges_is_a_row_that_says_so():
    row = play("a", tiny("GAN, R1", learning_rate=1e30), 50)
    assert "diverged" in row
    assert row["metrics"] == {}


def test_the_stored_rows_are_of_the_settings_that_the_experiment_has_now():
    chosen = experiments.experiment("stacked-digits")
    assert chosen is table
    assert chosen.play is stacked_digits.play
    found = rows(chosen.name)
    assert {row["method"] for row in found} == set(methods)
    for row in found:
        assert row["seed"] in chosen.seeds
        if "diverged" not in row:
            assert row["trace"][-1]["steps"] == methods[row["method"]].recipe.steps
