"""The mutation run: which mistakes it makes, where it doesn't make any, and that tests notice them."""

import ast
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import mutants, mutations

SOURCE = '''"""Words: 1 < 2."""

def f(x: "1 < 2", n: int = 3):
    """1 + 1."""
    if n < 0:
        raise ValueError(f"n is {n}; expected {0 + 1}")
    x.add_(n)
    return -x.abs() * 2.0 and True
'''


def versions(source=SOURCE):
    return Counter((mutation.before, mutation.after) for mutation in mutations.mutations_of(source))


def test_comparisons_arithmetic_constants_calls_and_returns_are_changed():
    expected = {
        ("n < 0", "n <= 0"),
        ("n < 0", "not n < 0"),
        ("0", "1"),
        ("3", "4"),
        ("3", "2"),
        ("x.add_(n)", ""),
        ("return -x.abs() * 2.0 and True", "return None"),
        ("-x.abs() * 2.0 and True", "-x.abs() * 2.0 or True"),
        ("-x.abs() * 2.0", "-x.abs() / 2.0"),
        ("-x.abs()", "x.abs()"),
        ("x.abs()", "x"),
        ("2.0", "3.0"),
        ("2.0", "1.0"),
        ("True", "False"),
    }
    assert versions().keys() == expected  # and neither docstrings, annotations nor messages of errors


def test_each_mistake_is_one_change_of_the_code():
    original = ast.dump(ast.parse(SOURCE))
    for mutation in mutations.mutations_of(SOURCE):
        assert isinstance(mutations.mutated(SOURCE, mutation), type(compile("", "", "exec")))
    assert ast.dump(ast.parse(SOURCE)) == original
    names = {}
    source = "def f(a, b):\n    return a + b\n"
    exec(mutations.mutated(source, mutations.mutations_of(source)[1]), names)
    assert names["f"](5, 3) == 2


def test_a_sample_is_decided_by_its_seed_and_repeats_nothing():
    paths = ["gancourse/plans/shortest_paths.py", "gancourse/laplacian.py"]
    few = [list(mutants.sampled(paths, seed)) for seed in (0, 0, 1)]
    assert few[0] == few[1] != few[2]
    assert len(set(few[0])) == len(few[0]) > 50
    assert {mutant.path for mutant in few[0][:20]} == set(paths)


def test_every_module_has_tests_that_exist():
    for path in mutants.modules():
        assert all((mutants.ROOT / file).exists() for file in mutants.tests_of(path)), path
    assert mutants.tests_of("gancourse/models/resnet.py")[0] == "tests/models/test_resnet.py"


def test_the_finder_imports_the_module_with_its_mistake_and_leaves_others(tmp_path):
    path = Path("package_of_mistakes") / "module.py"
    (tmp_path / path).parent.mkdir()
    (tmp_path / path).write_text("def f(a, b):\n    return a < b\n")
    finder = mutations.MutantFinder(tmp_path, path.as_posix(), mutations.mutations_of((tmp_path / path).read_text())[1])
    assert finder.find_spec("package_of_mistakes") is None
    code = finder.find_spec("package_of_mistakes.module").loader.get_code("package_of_mistakes.module")
    names = {}
    exec(code, names)
    assert names["f"](1, 1)
    assert not list(tmp_path.rglob("*.pyc"))


def test_the_summary_counts_what_tests_noticed_and_lists_the_rest():
    each = list(mutants.sampled(["gancourse/plans/shortest_paths.py"], 0))[:4]
    lines = mutants.summary(list(zip(each, ["killed", "stopped", "survived", "error"], strict=True))).splitlines()
    assert lines[0].split() == ["all", "2", "of", "3", "noticed,", "67%"]
    assert lines[-2:] == ["1 survivors:", f"gancourse/plans/shortest_paths.py:{each[2].mutation}"]


@pytest.mark.slow
def test_a_mistake_in_a_formula_is_noticed(capsys):
    path = "gancourse/laplacian.py"
    mistakes = mutations.mutations_of((mutants.ROOT / path).read_text())
    kernel = next(m for m in mistakes if (m.before, m.after) == ("6 * c", "6 / c"))
    outcomes = mutants.run(iter([mutants.Mutant(path, kernel)]), mutants.Runner(1), None, 10)
    assert [outcome for _, outcome in outcomes] == ["killed"]
