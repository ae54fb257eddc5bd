"""nbgrader itself, from the source to a grade: right answers get full points, blank and wrong ones none."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from gancourse.checks import exercises
from tests import checkout

FOLDER = checkout.ROOT / "exercises"
generate = checkout.script("exercises/generate.py")
NAME = "03_optimal_discriminator"
WRONG = {
    "optimal_discriminator": "def optimal_discriminator(p_data, p_g):\n    return p_data / p_g",
    "jensen_shannon": "def jensen_shannon(p, q, dx):\n    return (p - q).sum() * dx",
    "f_gan_bound": "def f_gan_bound(t_real, t_fake, conjugate):\n    return t_real.mean()",
    "optimal_logit": "def optimal_logit(log_p_data, log_p_g):\n    return log_p_g",
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_nbgrader_grades_right_blank_and_wrong_notebooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # nbgrader calls alembic by name, which lies beside this python even if its environment isn't activated
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    config = Config(PyFileConfigLoader("nbgrader_config.py", path=str(FOLDER)).load_config())
    config.CourseDirectory.root = str(tmp_path)
    config.CourseDirectory.course_id = "gan"
    config.CourseDirectory.db_url = f"sqlite:///{tmp_path / 'gradebook.db'}"
    config.Exchange.root = str(tmp_path / "exchange")
    (tmp_path / "exchange").mkdir(mode=0o777)
    api = NbGraderAPI(config=config)
    source = tmp_path / "source" / "week" / f"{NAME}.ipynb"
    source.parent.mkdir(parents=True)
    solved = generate.read(FOLDER / "src" / f"{NAME}.md")
    nbformat.write(solved, source)
    assert api.generate_assignment("week")["success"]

    released = tmp_path / "release" / "week" / f"{NAME}.ipynb"
    blank = nbformat.read(released, as_version=4)
    ours = nbformat.reads(checkout.text(f"exercises/{NAME}.ipynb"), as_version=4)
    assert [c.source for c in blank.cells] == [c.source for c in ours.cells]

    for student in ("right", "blank", "wrong"):
        path = tmp_path / "submitted" / student / "week" / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        shutil.copy(released, path)
        notebook = nbformat.read(path, as_version=4)
        for cell, solution in zip(notebook.cells, solved.cells, strict=True):
            function = next((f for f in WRONG if cell.source.startswith(f"def {f}(")), None)
            if function:
                cell.source = {"right": solution.source, "blank": cell.source, "wrong": WRONG[function]}[student]
        nbformat.write(notebook, path)
        assert api.autograde("week", student)["success"]

    full = sum(e.points for e in exercises.values() if e.notebook == NAME)
    with Gradebook(config.CourseDirectory.db_url, "gan") as book:
        scores = {s.student.id: (s.score, s.max_score) for s in book.assignment_submissions("week")}
    assert scores == {"right": (full, full), "blank": (0, full), "wrong": (0, full)}
