"""What runs inside a student's kernel when a notebook is graded: one check, whose verdict is written to a file."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from gancourse.checks.engine.registry import Exercise, find
from gancourse.checks.engine.verdict import NotWritten, Wrong


def mark(label: str, namespace: Mapping[str, object], path: str, nonce: str) -> None:
    """Check one answer and write the verdict.

    Args:
        label: of the exercise.
        namespace: the notebook's variables, among which the answer should be.
        path: file to write; it appears whole or not at all.
        nonce: goes into the file; whoever doesn't know it can't write a verdict.
    """
    state, message = _judge(find(label), namespace)
    verdict = {"exercise": label, "nonce": nonce, "state": state, "message": message}
    partial = Path(f"{path}.tmp")
    partial.write_text(json.dumps(verdict))
    os.replace(partial, path)


def _judge(exercise: Exercise, namespace: Mapping[str, object]) -> tuple[str, str]:
    if exercise.function not in namespace:
        return "undefined", f"{exercise.function} isn't defined when its check runs"
    try:
        return "passed", exercise.verify(namespace[exercise.function])
    except NotWritten as blank:
        return "not attempted", str(blank)
    except Wrong as wrong:
        return "failed", str(wrong)
    except Exception as error:  # an answer that breaks the check itself is wrong in a way nobody thought of
        return "failed", f"the check broke on this answer: {type(error).__name__}: {error}"
