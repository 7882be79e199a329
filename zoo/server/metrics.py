"""Counters of one worker, in the text format of Prometheus."""

import time
from bisect import bisect_left
from collections import Counter

from zoo.server.files import Files
from zoo.server.live import Live

_BOUNDS_S = (0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)


class Metrics:
    """What was asked and how long it took."""

    def __init__(self) -> None:
        """All counters stand at zero."""
        self._requests: Counter[tuple[str, int]] = Counter()
        self._buckets = [0] * (len(_BOUNDS_S) + 1)
        self._seconds = 0.0
        self._hits = 0
        self.running = 0
        self._started = time.time()

    def count(self, route: str, status: int, seconds: float, *, kept: bool = False) -> None:
        """Add one request.

        Args:
            route: what kind of thing was asked for, one of few words.
            status: of the answer.
            seconds: that it took.
            kept: whether the answer was there already.
        """
        self._requests[route, status] += 1
        self._buckets[bisect_left(_BOUNDS_S, seconds)] += 1
        self._seconds += seconds
        self._hits += kept

    def text(self, live: Live, files: Files) -> str:
        """Render all."""
        lines = ["# HELP zoo_requests_total Requests answered.", "# TYPE zoo_requests_total counter"]
        for (route, status), count in sorted(self._requests.items()):
            lines.append(f'zoo_requests_total{{route="{route}",status="{status}"}} {count}')
        lines += ["# HELP zoo_request_seconds Time of an answer.", "# TYPE zoo_request_seconds histogram"]
        below = 0
        for bound, count in zip((*map(str, _BOUNDS_S), "+Inf"), self._buckets, strict=True):
            below += count
            lines.append(f'zoo_request_seconds_bucket{{le="{bound}"}} {below}')
        lines += [f"zoo_request_seconds_sum {self._seconds:.6f}", f"zoo_request_seconds_count {below}"]
        for name, kind, text, value in (
            ("zoo_answers_from_memory_total", "counter", "Answers that were there already.", self._hits),
            ("zoo_answers_kept", "gauge", "Answers in memory.", len(live.answers)),
            ("zoo_answers_kept_bytes", "gauge", "Memory they take, about.", live.answers.size_bytes),
            ("zoo_requests_running", "gauge", "Requests being answered.", self.running),
            ("zoo_snapshots_total", "counter", "Times the registry was read again.", live.swaps),
            ("zoo_files_whole", "gauge", "Files found to be what their digest says.", files.checked),
            ("zoo_files_refused", "gauge", "Files that are missing or rotten.", len(files.faults)),
            ("zoo_registry_readable", "gauge", "1 while the registry can be read.", int(not live.problem)),
            ("process_start_time_seconds", "gauge", "When this worker started.", round(self._started, 3)),
        ):
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {value}"]
        return "\n".join(lines) + "\n"
