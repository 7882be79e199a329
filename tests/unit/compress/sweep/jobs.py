"""Jobs that tests let sweeps run, each in a process of its own."""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from zoo.errors import TrainingError


def mix(spec, parents, report):
    """Bytes that depend on the spec and on all that the parents gave."""
    report(f"mixing {spec['number']}")
    given = b"".join(role.encode() + files["net.bin"] for role, files in sorted(parents.items()))
    return {"net.bin": f"{spec['number']}:".encode() + given, "result.json": b"{}"}


def count(spec, parents, report):
    """As `mix`, and leaves a mark for each call; after some it waits until it may go on."""
    marks = Path(spec["marks"])
    (marks / f"{spec['number']}-{os.getpid()}").touch()
    until = spec.get("until")
    while until is not None and not Path(until).exists():
        time.sleep(0.02)
    return mix(spec, parents, report)


def go_wrong(spec, parents, report):  # noqa: PLR0911 - one return a way
    """Fails in the way that the spec says, or does not."""
    print("printed")  # noqa: T201 - libraries do
    sys.stderr.write("complained\n")
    match spec.get("wrong"):
        case "nan":
            raise TrainingError("the loss is nan in epoch 3; a lower learning_rate helps")
        case "bug":
            return {"net.bin": 1 / spec["number"]}
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            sys.exit(5)
        case "not bytes":
            return {"net.bin": "text"}
        case "a path":
            return {"../net.bin": b""}
        case "threads":
            return {"net.bin": os.environ["OMP_NUM_THREADS"].encode()}
        case "large":
            return {"a.bin": b"a", "net.bin": bytes(spec["size_bytes"])}
        case "child":
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            return {"net.bin": str(child.pid).encode()}
    return mix(spec, parents, report)


def starve(spec, parents, report):
    """Meets a limit on the size of files in the middle of writing them."""
    if "most_bytes" in spec:
        resource.setrlimit(resource.RLIMIT_FSIZE, (spec["most_bytes"], spec["most_bytes"]))
    return {"a.bin": b"a", "net.bin": bytes(10_000)}
