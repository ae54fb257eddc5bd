"""Expected errors as one line and an exit code."""

from __future__ import annotations

import contextlib
import errno
import re
import sys
from collections.abc import Iterator

from gancourse.errors import NotFiniteError
from gancourse.processes import LostProcessError
from gancourse.recipes import Stopped
from gancourse.training import CheckpointError
from gancourse.training.workers import LOST, is_worker

FAILED, WRONG_INPUT, INTERRUPTED = 1, 2, 130
ADVICE = {
    errno.ENOSPC: "free some space; a checkpoint that was there is whole, and `gancourse resume` continues from it",
    errno.EDQUOT: "free some space; a checkpoint that was there is whole, and `gancourse resume` continues from it",
}
NO_MEMORY = re.compile("can't allocate memory|not enough memory|out of memory", re.IGNORECASE)


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Expected errors become one line and an exit code; anything else is a bug and keeps its traceback."""
    try:
        yield
    except Stopped as stop:
        print(f"\n{stop}", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        sys.exit(INTERRUPTED)
    except LostProcessError as error:
        # Of several processes, the one that started them knows which was lost, and says it.
        if is_worker():
            sys.exit(LOST)
        _say(str(error), FAILED)
    except NotFiniteError as error:
        _say(f"{error}; lower the learning rate or look at the data", WRONG_INPUT)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has left, e.g. `| head`
        sys.exit(FAILED)
    except OSError as error:
        advice = ADVICE.get(error.errno or 0, "pass another path (--out, --folder)" if error.errno else "")
        _say(f"{error.filename}: {error.strerror}; {advice}" if error.errno else str(error), WRONG_INPUT)
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError) and not NO_MEMORY.search(str(error)):
            raise
        _say("there isn't enough memory; pass a smaller batch size, width or n", FAILED)
    except (CheckpointError, ValueError) as error:
        _say(str(error), WRONG_INPUT)


def _say(message: str, code: int) -> None:
    print(f"gancourse: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)
