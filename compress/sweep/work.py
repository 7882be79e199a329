"""One job, in a process of its own: what every executor runs, here or on another machine."""

import contextlib
import errno
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from zoo.errors import ZooError

Report = Callable[[str], None]
"""Takes a line for the job's log."""
Parents = Mapping[str, Mapping[str, bytes]]
"""Files of the parents, by role and name."""
Function = Callable[[Mapping[str, Any], Parents, Report], Mapping[str, bytes]]

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job failed.

    Attributes:
        reason: one line.
        is_full: whether the disk is full, so that other jobs would fail, too.
    """

    reason: str
    is_full: bool = False


def find_function(path: str) -> Function:
    """Import a job.

    Args:
        path: ``module:function``.
    """
    module, _, name = path.partition(":")
    found: Function = getattr(import_module(module), name)
    return found


def failure_of(problem: BaseException) -> Failure:
    """A reason in one line; what this project raised on purpose speaks for itself."""
    text = " ".join(str(problem).split())
    if not isinstance(problem, ZooError):
        text = f"{type(problem).__name__}: {text}" if text else type(problem).__name__
    is_full = isinstance(problem, OSError) and problem.errno in FULL
    return Failure(text[:_LONGEST_REASON], is_full)


def run_job(function: str, spec: Mapping[str, Any], parents: Parents) -> Mapping[str, bytes] | Failure:
    """Call a job; what it prints is its log, and so is the traceback of what it raises.

    Args:
        function: ``module:function``.
        spec: of the stage.
        parents: files by role and name.

    Returns:
        Files by name, or why there are none.
    """
    try:
        return find_function(function)(spec, parents, _report)
    except Exception as problem:  # noqa: BLE001 - a job may raise anything, and the rest of the sweep goes on
        with contextlib.suppress(OSError):  # the disk may be full
            traceback.print_exc()
            sys.stderr.flush()
        return failure_of(problem)


def _report(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {line}\n")
    sys.stdout.flush()


def ended_by(code: int) -> str:
    """In words, how a process ended that did not say so itself."""
    if code >= 0:
        return f"the worker ended with exit code {code} and without a word"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    hint = "; the system does this when memory is short" if -code == signal.SIGKILL else ""
    return f"the worker was killed by {name}{hint}"


def end_with(descriptor: int) -> None:
    """End this process and its children when the other side of a pipe is gone: nobody waits for the result then."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(descriptor, 1024):
                pass
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
