"""How the parts log: one message is one line, or one JSON object, in UTC.

What comes from outside (a file's name in an error) can neither begin a line of its own nor move the
cursor of a terminal: control characters are written as escapes, and what belongs to a message, as a
traceback does, is indented.
"""

import json
import logging
import re
from datetime import UTC, datetime

# C0 without the tab, DEL and C1, and what some viewers take for the end of a line.
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")
_FORMAT = "{asctime} {levelname} {name} {message}"


def escaped(text: str) -> str:
    """The text without control characters: ``\\x0a`` stands for the end of a line."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _moment(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return f"{moment.isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


class Lines(logging.Formatter):
    """For people: time (UTC, RFC 3339), level, logger, message."""

    def __init__(self) -> None:
        super().__init__(_FORMAT, style="{")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        return _moment(record)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        return escaped(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802 - logging's name
        said = super().formatException(ei)  # type: ignore[arg-type]
        return "\n".join(f"  {escaped(line)}" for line in said.split("\n"))


class JsonLines(logging.Formatter):
    """For programs: an object a line with time, level, logger, process, message, and exception."""

    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": _moment(record),
            "level": record.levelname,
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said)  # ASCII: nothing in it ends a line or moves a cursor


FORMATTERS: dict[str, type[logging.Formatter]] = {"lines": Lines, "json": JsonLines}


def begin(level: str, form: str) -> None:
    """Log so, in a process that has no Django."""
    handler = logging.StreamHandler()
    handler.setFormatter(FORMATTERS[form]())
    logging.basicConfig(level=level, handlers=[handler])
