"""Structured logs: JSON lines in which only allow-listed keys pass, and never an error's text."""

import logging
import logging.config
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import structlog

ROOT = Path(__file__).parents[2]
OURS = "siraba"
# Ids, codes and shapes; a key that is not here is dropped, whatever it holds.
ALLOWED = frozenset(
    {
        "event",
        "level",
        "logger",
        "timestamp",
        "service",
        "consumer",
        "error_type",
        "reason",
        "where",
        "stream",
        "count",
        "seconds",
        "trace_id",
        "case_id",
        "organisation",
        "ids",
    }
)


def fault(error: BaseException) -> dict[str, str]:
    """What may be logged of an error: its class and the line of ours it came through."""
    return {"error_type": type(error).__name__, "where": _place(error)}


def _place(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if Path(frame.filename).is_relative_to(ROOT)]
    ours = [frame for frame in ours if "site-packages" not in frame.filename]
    if not frames:
        return ""
    last = (ours or frames)[-1]
    name = Path(last.filename).relative_to(ROOT) if ours else Path(last.filename).name
    return f"{name}:{last.lineno}"


def set_up_logging(service: str, *, level: str = "INFO") -> None:
    """Everything the process logs, our own and libraries', as JSON lines on standard error."""
    processors: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _naming(service),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=processors,
        processors=[_only_allowed, structlog.processors.JSONRenderer(ensure_ascii=False)],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "faststream", "nats", "sqlalchemy"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    for noisy in ("uvicorn.access", "httpx", "nats", "asyncio"):
        logging.getLogger(noisy).setLevel("WARNING")
    sys.excepthook = _last_words
    sys.unraisablehook = lambda left: _last_words(left.exc_type, left.exc_value, left.exc_traceback)


def _last_words(_: object, error: BaseException | None, __: object) -> None:
    """In place of Python's own traceback, which ends with the error's text."""
    if error is not None:
        logging.getLogger(f"{OURS}.process").critical("process.failed", extra=fault(error))


def _naming(service: str) -> structlog.typing.Processor:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["service"] = service
        record = event.get("_record")
        if record is None:
            return event
        if not record.name.startswith(OURS):
            # What a library puts into its words, and asyncio below them, may be anybody's data.
            event["event"] = str(record.msg).partition("\n")[0]
        if record.exc_info and record.exc_info[1] is not None:
            event.update(fault(record.exc_info[1]))
        return event

    return add


def _only_allowed(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: value for name, value in event.items() if name in ALLOWED}
