"""The registry as it is now: a snapshot, the answers made of it, and a new one when the registry changes."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from registry.snapshot import ChangedError, Snapshot
from zoo.errors import RegistryError, ZooError
from zoo.server.logs import log
from zoo.server.replies import Reply, answer

Key = tuple[str, bytes]
Make = Callable[[Snapshot], str]
_LOOKS_S = 1.0  # how often the file is looked at
_TRIES = 3
_OVERHEAD_BYTES = 1500  # of one answer that is kept, beside its body


class BusyError(ZooError):
    """More new questions are waiting than can be answered soon."""

    http_status = 503


class Answers:
    """Answers made of one snapshot, by path and query; the longest unasked leave first.

    Args:
        most_bytes: that they may take together.
    """

    def __init__(self, most_bytes: int) -> None:
        """None yet."""
        self._kept: OrderedDict[Key, Reply] = OrderedDict()
        self._most_bytes = most_bytes
        self.size_bytes = 0

    def __len__(self) -> int:
        """How many there are."""
        return len(self._kept)

    def get(self, key: Key) -> Reply | None:
        """The answer to a question that was asked before."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: Key, reply: Reply) -> None:
        """Keep an answer."""
        if key in self._kept:
            return
        self._kept[key] = reply
        self.size_bytes += _weight(key, reply)
        while self.size_bytes > self._most_bytes:
            self.size_bytes -= _weight(*self._kept.popitem(last=False))


def _weight(key: Key, reply: Reply) -> int:
    return len(reply.body) + len(key[0]) + len(key[1]) + _OVERHEAD_BYTES


class Live:
    """The registry, as answers are made of it.

    A thread of its own reads the registry; the event loop only takes out answers that are there.

    Args:
        path: of the registry.
        most_bytes: that kept answers may take.
        most_waiting: new questions that may wait.
    """

    def __init__(self, path: Path, most_bytes: int, most_waiting: int) -> None:
        """Nothing is read yet."""
        self.answers = Answers(most_bytes)
        self.problem = ""
        self.swaps = 0
        self._path, self._most_bytes, self._most_waiting = path, most_bytes, most_waiting
        self._making: dict[Key, asyncio.Future[tuple[Reply, Answers]]] = {}
        self._snapshot: Snapshot | None = None
        self._thread = ThreadPoolExecutor(1, "registry")

    async def open(self) -> None:
        """Take the first snapshot.

        Raises:
            RegistryError: the registry cannot be read.
        """
        await asyncio.get_running_loop().run_in_executor(self._thread, self._take)

    async def close(self) -> None:
        """Close the file."""
        if self._snapshot is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._snapshot.close)
        self._thread.shutdown()

    @property
    def snapshot(self) -> Snapshot:
        """What was read last; other threads may only look at what it keeps."""
        if self._snapshot is None:
            raise RegistryError(self.problem or f"the registry '{self._path}' is not open")
        return self._snapshot

    async def watch(self) -> None:
        """Take a new snapshot whenever the registry changes, for ever."""
        while True:
            await asyncio.sleep(_LOOKS_S)
            await asyncio.get_running_loop().run_in_executor(self._thread, self._look)

    def _look(self) -> None:
        if self._snapshot is None or not self._snapshot.current:
            try:
                self._take()
            except RegistryError as problem:
                if self.problem != str(problem):
                    log("registry-unreadable", reason=str(problem))
                self.problem = str(problem)

    def _take(self) -> None:
        """Replace snapshot and answers; on an error both stay."""
        new = Snapshot(self._path)
        old, self._snapshot = self._snapshot, new
        self.answers = Answers(self._most_bytes)
        self.problem = ""
        if old is not None:
            old.close()
            self.swaps += 1
        log("snapshot", registry=self._path, models=len(new.models()), devices=len(new.devices()))

    async def ask(self, key: Key, make: Make) -> Reply:
        """Answer a question, and keep the answer with its snapshot.

        Raises:
            BusyError: too many wait already.
            ZooError: what is asked for is not there, or makes no sense.
        """
        making = self._making.get(key)
        if making is None:
            if len(self._making) >= self._most_waiting:
                raise BusyError("too many new questions at once. Ask again in a second")
            making = asyncio.get_running_loop().run_in_executor(self._thread, self._make, make)
            self._making[key] = making
            making.add_done_callback(lambda _: self._making.pop(key))
        made, answers = await asyncio.shield(making)  # others may wait for it, too
        answers.put(key, made)
        return made

    def _make(self, make: Make) -> tuple[Reply, Answers]:
        for left in reversed(range(_TRIES)):
            snapshot = self.snapshot
            try:
                with snapshot.still():
                    return answer(make(snapshot)), self.answers
            except ChangedError:
                if not left:
                    raise
                self._take()
        raise AssertionError
