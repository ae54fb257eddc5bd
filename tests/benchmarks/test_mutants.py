"""The mutation run: which mistakes it makes, where it doesn't make any, and that tests notice them."""

from __future__ import annotations

import ast
import itertools

import pytest

pytest.importorskip("cosmic_ray", reason="make mutants installs it")

from benchmarks import mutants, mutations

SOURCE = '''"""Words: 1 < 2."""

def f(x: "int | None", n: int | None = 3):
    """1 + 1."""
    if n < 0:
        raise ValueError(f"n is {n}; expected {0 + 1}")
    x.add_(n)
    return -x.abs() * 2.0 and True
'''


def versions(source=SOURCE):
    """Lines that differ, of every mistake that makes a difference."""
    codes = [mutations.mutated(source, each) for place in mutations.mutations_of(source).values() for each in place]
    return {mutations.change(source, code) for code in codes if mutations.makes_a_difference(source, code)}


def test_comparisons_arithmetic_constants_calls_and_returns_are_changed():
    last = "return -x.abs() * 2.0 and True"
    expected = {
        "if n < 0: → if n <= 0:",
        "if n < 0: → if not n < 0:",
        "if n < 0: → if n < 1:",
        'def f(x: "int | None", n: int | None = 3): → def f(x: "int | None", n: int | None = 4):',
        "x.add_(n) → pass",
        f"{last} → return None",
        f"{last} → return -x.abs() * 2.0 or True",
        f"{last} → return -x.abs() / 2.0 and True",
        f"{last} → return +x.abs() * 2.0 and True",
        f"{last} → return -x * 2.0 and True",
        f"{last} → return -x.abs() * 2.0 and False",
    }
    assert expected <= versions()


@pytest.mark.parametrize("line", [1, 4, 6])
def test_docstrings_and_messages_of_errors_are_left_alone(line):
    original = SOURCE.splitlines()[line - 1].strip()
    assert not [change for change in versions() if change.startswith(original)]


def test_a_change_of_an_annotation_makes_no_difference():
    assert not mutations.makes_a_difference(SOURCE, SOURCE.replace("n: int | None", "n: int & None"))
    assert not mutations.makes_a_difference(SOURCE, SOURCE.replace("n < 0", "n < <"))
    assert mutations.makes_a_difference(SOURCE, SOURCE.replace("= 3", "= 4"))


def test_each_mistake_is_one_change_of_the_code():
    for place in mutations.mutations_of(SOURCE).values():
        for mutation in place:
            changed = mutations.mutated(SOURCE, mutation)
            pairs = zip(SOURCE.splitlines(), changed.splitlines(), strict=True)
            assert [i for i, (a, b) in enumerate(pairs, 1) if a != b] == [mutation.line]


def test_a_place_that_is_gone_is_an_error():
    with pytest.raises(ValueError, match="the module has changed"):
        mutations.mutated("x = 1\n", mutations.Mutation("core/ReplaceTrueWithFalse", 0, 1))


def test_a_sample_is_decided_by_its_seed_and_repeats_nothing():
    paths = ["gancourse/plans/shortest_paths.py", "gancourse/laplacian.py"]
    few = [list(mutants.sampled(paths, seed)) for seed in (0, 0, 1)]
    assert few[0] == few[1] != few[2]
    assert len({str(mutant) for mutant in few[0]}) == len(few[0]) > 50
    assert {mutant.path for mutant in few[0][:20]} == set(paths)
    assert all(ast.parse(mutant.code) for mutant in few[0])


def test_every_module_has_tests_that_exist():
    for path in mutants.modules():
        assert all((mutants.ROOT / file).exists() for file in mutants.tests_of(path)), path
    assert mutants.tests_of("gancourse/models/resnet.py")[0] == "tests/models/test_resnet.py"


def test_the_finder_imports_the_module_with_its_mistake_and_leaves_others(tmp_path):
    path = tmp_path / "package_of_mistakes" / "module.py"
    path.parent.mkdir()
    path.write_text("def f(a, b):\n    return a < b\n")
    finder = mutations.MutantFinder(path, "package_of_mistakes.module", "def f(a, b):\n    return a <= b\n")
    assert finder.find_spec("package_of_mistakes") is None
    names = {}
    exec(finder.find_spec("package_of_mistakes.module").loader.get_code("package_of_mistakes.module"), names)
    assert names["f"](1, 1)
    assert not list(tmp_path.rglob("*.pyc"))


def test_the_summary_counts_what_tests_noticed_and_lists_the_rest():
    each = list(itertools.islice(mutants.sampled(["gancourse/plans/shortest_paths.py"], 0), 5))
    outcomes = ["killed", "stopped", "survived", "error", "impossible"]
    lines = mutants.summary(list(zip(each, outcomes, strict=True))).splitlines()
    assert lines[0].split() == ["all", "2", "of", "3", "noticed,", "67%"]
    assert lines[-2:] == ["1 survivors:", str(each[2])]


@pytest.mark.slow
def test_a_mistake_in_a_formula_is_noticed():
    path = "gancourse/laplacian.py"
    source = (mutants.ROOT / path).read_text("utf-8")
    code = source.replace("6 * c", "6 / c", 1)
    assert code != source
    mutant = mutants.Mutant(path, mutations.Mutation("core/ReplaceBinaryOperator_Mul_Div", 0, 1), code)
    outcomes = mutants.run(iter([mutant]), mutants.Runner(1), None, 10)
    assert [outcome for _, outcome in outcomes] == ["killed"]
