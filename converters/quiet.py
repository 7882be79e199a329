"""Keeps what frameworks print, from Python and from C++, off the user's screen; and says in a line why they failed."""

import logging
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_LONGEST_REASON = 300  # characters


def first_line(problem: BaseException) -> str:
    """Why a framework failed, in one line without colours: the first line that the innermost cause says.

    Exporters wrap what happened in advice of several pages; the cause that they name is what the user can act on.
    """
    while problem.__cause__ is not None:
        problem = problem.__cause__
    said = _COLOURS.sub("", str(problem))
    lines = [" ".join(each.split()) for each in said.splitlines() if each.strip()]
    return (lines[0] if lines else type(problem).__name__)[:_LONGEST_REASON]


@contextmanager
def quiet() -> Iterator[None]:
    """Send standard output and error of this process to a scratch file while frameworks work.

    Their progress bars, deprecation warnings and C++ logs are not for the user; what fails raises.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    level = logging.root.manager.disable
    try:
        with tempfile.TemporaryFile() as sink, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            logging.disable(logging.CRITICAL)
            os.dup2(sink.fileno(), 1)
            os.dup2(sink.fileno(), 2)
            try:
                yield
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os.dup2(saved[0], 1)
                os.dup2(saved[1], 2)
    finally:
        logging.disable(level)
        os.close(saved[0])
        os.close(saved[1])
