"""What the server says of itself: a line of JSON on standard error for each event."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime


def log(event: str, **facts: object) -> None:
    """Write one event; ``facts`` never hold queries or headers, which may name devices."""
    line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **facts}
    sys.stderr.write(json.dumps(line, default=str) + "\n")
    sys.stderr.flush()


def log_bug(where: str, error: BaseException) -> None:
    """Write an error that nobody expected, with its traceback."""
    log("bug", where=where, traceback="".join(traceback.format_exception(error)))


class JsonLines(logging.Formatter):
    """Makes what the HTTP server logs look alike."""

    def format(self, record: logging.LogRecord) -> str:
        """Render one record."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps(
            {"at": at, "event": "server", "level": record.levelname.lower(), "message": record.getMessage()}
        )


LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"lines": {"()": JsonLines}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "lines", "stream": "ext://sys.stderr"}
    },
    "loggers": {"_granian": {"handlers": ["console"], "level": "WARNING", "propagate": False}},
}
"""Of Granian's own messages."""
