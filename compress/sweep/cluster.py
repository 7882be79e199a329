"""Jobs on a Ray cluster, or on a Ray of this machine alone: the same jobs, with their files sent to and fro.

No file system is shared: a job gets its parents' files as bytes and gives its own back. Every job has a fresh process.
The machines of a cluster need this project, with the extra ``compress``.
"""

import contextlib
import os
import socket
import tempfile
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compress.sweep.local import job_environment
from compress.sweep.running import Ended, Job
from compress.sweep.store import StoredFiles, sync_folder, write_files
from compress.sweep.work import Failure, failure_of, run_job
from zoo.errors import MissingExtraError, SweepError

LOCAL = "local"
_KNOCK_SECONDS = 10
_KEPT_PARENTS = 16  # stages whose files stay in the cluster's memory


@dataclass(slots=True)
class _Running:
    job: Job
    started: float


class RayExecutor:
    """See the module's docstring.

    Args:
        address: of the cluster, such as ``ray://head:10001`` or ``auto``; `LOCAL` starts one here.
        threads: of each job; it takes as many processors.

    Raises:
        MissingExtraError: Ray is not installed.
        SweepError: no cluster answers.
    """

    def __init__(self, address: str, threads: int = 1) -> None:
        """Connect, or start."""
        try:
            import ray
        except ModuleNotFoundError as problem:
            raise MissingExtraError(
                "running on a cluster needs 'ray'. Install it with: pip install 'device-zoo[ray]'"
            ) from problem
        self._ray: Any = ray
        _knock(address)
        environment = {**job_environment(threads), "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
        options: dict[str, Any] = {"include_dashboard": False} if address == LOCAL else {}
        try:
            ray.init(
                address=address, log_to_driver=False, runtime_env={"env_vars": environment}, logging_level="error",
                **options,
            )  # fmt: skip
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as problem:
            raise SweepError(f"no Ray at '{address}': {' '.join(str(problem).split())[:300]}") from problem
        # One task a process, and a lost one is reported and not tried again: as with local processes.
        self._call = ray.remote(num_cpus=threads, max_retries=0, max_calls=1)(run_remotely)
        self.slots = max(1, int(ray.cluster_resources().get("CPU", 1)) // threads)
        self._running: dict[Any, _Running] = {}
        self._parents: OrderedDict[Path, Any] = OrderedDict()

    def start(self, job: Job) -> None:
        """See `compress.sweep.running.Executor`."""
        files = [self._files(folder) for folder in job.parents.values()]
        reference = self._call.remote(job.function, dict(job.stage.spec), list(job.parents), *files)
        self._running[reference] = _Running(job, time.monotonic())

    def _files(self, folder: Path) -> Any:
        """A parent's files in the cluster's memory, put there once."""
        if folder not in self._parents:
            self._parents[folder] = self._ray.put(dict(StoredFiles(folder)))
        self._parents.move_to_end(folder)
        while len(self._parents) > _KEPT_PARENTS:
            self._parents.popitem(last=False)
        return self._parents[folder]

    def wait(self, seconds: float) -> list[Ended]:
        """See `compress.sweep.running.Executor`."""
        ready, _ = self._ray.wait(list(self._running), num_returns=1, timeout=seconds)
        return [self._end(reference, self._running.pop(reference)) for reference in ready]

    def _end(self, reference: Any, one: _Running) -> Ended:
        seconds = time.monotonic() - one.started
        try:
            found, log = self._ray.get(reference)
        except self._ray.exceptions.RayError as problem:
            found, log = Failure(f"the worker was lost: {_first_line(problem)}"), b""
        failure = found if isinstance(found, Failure) else None
        try:
            with one.job.log.open("ab") as file:
                file.write(log)
            if not isinstance(found, Failure):
                write_files(one.job.staging, found)
                sync_folder(one.job.staging)
        except (OSError, ValueError, TypeError) as problem:
            failure = failure_of(problem)
        return Ended(one.job, seconds, failure)

    def stop(self) -> None:
        """See `compress.sweep.running.Executor`."""
        for reference in self._running:
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.cancel(reference, force=True)
        self._running.clear()
        self._parents.clear()
        self._ray.shutdown()


def run_remotely(
    function: str, spec: Mapping[str, Any], roles: list[str], *files: Mapping[str, bytes]
) -> tuple[Mapping[str, bytes] | Failure, bytes]:
    """One job on a worker of the cluster.

    Args:
        function: ``module:function``.
        spec: of the stage.
        roles: of its parents.
        files: of each parent, in the order of the roles.

    Returns:
        Its files or why there are none, and its log.
    """
    with _logged() as path:
        found = run_job(function, spec, dict(zip(roles, files, strict=True)))
    log = path.read_bytes()
    path.unlink()
    return found, log


@contextlib.contextmanager
def _logged() -> Iterator[Path]:
    """Send what this process prints, its libraries included, into a file meanwhile."""
    descriptor, name = tempfile.mkstemp(suffix=".log")
    kept = os.dup(1), os.dup(2)
    try:
        for each in (1, 2):
            os.dup2(descriptor, each)
        yield Path(name)
    finally:
        for each, old in zip((1, 2), kept, strict=True):
            os.dup2(old, each)
            os.close(old)
        os.close(descriptor)


def _knock(address: str) -> None:
    """Find out in seconds that nobody is there: Ray itself takes minutes.

    Raises:
        SweepError: nobody is.
    """
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (colon and port.isdecimal()):
        return  # a word such as auto
    try:
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK_SECONDS).close()
    except (OSError, OverflowError) as problem:
        raise SweepError(f"no Ray at '{address}': {problem}") from problem


def _first_line(problem: BaseException) -> str:
    lines = str(problem).strip().splitlines()
    return lines[0][:300] if lines else type(problem).__name__
