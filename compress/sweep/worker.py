"""The process of one local job: ``python -m compress.sweep.worker RESULT``.

Standard input has one line of JSON, the job, and stays open as long as the sweep lives. The descriptor RESULT takes one
JSON value: nothing went wrong, or why not. Standard output and error are the log.
"""

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Run the job, write its files, say how it went."""
    result = int(sys.argv[1])
    os.set_inheritable(result, False)  # noqa: FBT003 - of the standard library
    line = b""
    while not line.endswith(b"\n"):  # not through a buffer: the rest of the pipe is watched
        part = os.read(0, 1 << 16)
        if not part:
            return
        line += part
    job = json.loads(line)
    sys.path[:] = job["path"]

    from compress.sweep.store import StoredFiles, sync_folder, write_files
    from compress.sweep.work import Failure, end_with, failure_of, run_job

    end_with(0)
    parents = {role: StoredFiles(Path(folder)) for role, folder in job["parents"].items()}
    found = run_job(job["function"], job["spec"], parents)
    if not isinstance(found, Failure):
        try:
            write_files(Path(job["staging"]), found)
            sync_folder(Path(job["staging"]))
            found = Failure("")
        except (OSError, ValueError, TypeError) as problem:
            found = failure_of(problem)
    os.write(result, json.dumps([found.reason, found.is_full]).encode())


if __name__ == "__main__":
    main()
