"""Jobs as processes of this machine: a fresh one each, so that memory and crashes stay apart."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from compress.sweep.running import Ended, Job
from compress.sweep.work import Failure, ended_by

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS",
            "VECLIB_MAXIMUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")  # fmt: skip
_LONGEST_RESULT = 1 << 16


def job_environment(threads: int) -> dict[str, str]:
    """Variables that make a job's result the same every time: its threads, and the order of sets."""
    return {**dict.fromkeys(_THREADS, str(threads)), "PYTHONHASHSEED": "0", "PYTHONUNBUFFERED": "1"}


@dataclass(slots=True)
class _Running:
    job: Job
    process: "subprocess.Popen[bytes]"
    result: int
    started: float


class LocalExecutor:
    """See the module's docstring.

    Args:
        jobs: at most so many at a time.
        threads: of each job. Sums of floats depend on it in their last bits, so it is the same however many jobs run.
    """

    def __init__(self, jobs: int, threads: int = 1) -> None:
        """Nothing is started yet."""
        self.slots, self.threads = jobs, threads
        self._running: dict[str, _Running] = {}
        self._ended: queue.SimpleQueue[str] = queue.SimpleQueue()

    def start(self, job: Job) -> None:
        """See `compress.sweep.running.Executor`."""
        mine, its = os.pipe()
        told = {
            "function": job.function, "spec": job.stage.spec, "staging": str(job.staging), "path": sys.path,
            "parents": {role: str(folder) for role, folder in job.parents.items()},
        }  # fmt: skip
        try:
            with job.log.open("ab") as log:
                process = subprocess.Popen(  # noqa: S603 - this interpreter and this package
                    [sys.executable, "-P", "-m", "compress.sweep.worker", str(its)],
                    stdin=subprocess.PIPE, stdout=log, stderr=log, pass_fds=(its,), start_new_session=True,
                    env={**os.environ, "PYTHONPATH": _search_path(),
                         **job_environment(self.threads)},
                )  # fmt: skip
        except OSError:
            os.close(mine)
            raise
        finally:
            os.close(its)
        self._running[job.stage.key] = _Running(job, process, mine, time.monotonic())
        threading.Thread(target=self._wait_for, args=(job.stage.key, process), daemon=True).start()
        if process.stdin is not None:
            with contextlib.suppress(OSError):  # it died already; its end says why
                process.stdin.write(json.dumps(told).encode() + b"\n")
                process.stdin.flush()  # and it stays open: its end is ours

    def _wait_for(self, key: str, process: "subprocess.Popen[bytes]") -> None:
        process.wait()
        self._ended.put(key)

    def wait(self, seconds: float) -> list[Ended]:
        """See `compress.sweep.running.Executor`."""
        try:
            keys = [self._ended.get(timeout=seconds)]
        except queue.Empty:
            return []
        while not self._ended.empty():
            keys.append(self._ended.get())
        return [self._end(self._running.pop(key)) for key in keys if key in self._running]

    def _end(self, one: _Running) -> Ended:
        _kill_group(one.process)  # what it has started
        if one.process.stdin is not None:
            with contextlib.suppress(OSError):
                one.process.stdin.close()
        os.set_blocking(one.result, False)
        try:
            said = os.read(one.result, _LONGEST_RESULT)
        except BlockingIOError:
            said = b""
        finally:
            os.close(one.result)
        failure: Failure | None = Failure(ended_by(one.process.returncode))
        if said:
            reason, is_full = json.loads(said)
            failure = Failure(reason, is_full) if reason else None
        return Ended(one.job, time.monotonic() - one.started, failure)

    def stop(self) -> None:
        """See `compress.sweep.running.Executor`."""
        for each in self._running.values():
            _kill_group(each.process)
        for each in self._running.values():
            each.process.wait()
            os.close(each.result)
            if each.process.stdin is not None:
                with contextlib.suppress(OSError):
                    each.process.stdin.close()
        self._running.clear()


def _search_path() -> str:
    """Where the worker finds this package before it knows more, and then what its own processes inherit."""
    before = os.environ.get("PYTHONPATH")
    return os.pathsep.join([str(Path(__file__).parents[2]), *([before] if before else [])])


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
