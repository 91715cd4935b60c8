"""Log lines: to standard error, since standard output is data, and without any secret that the settings hold."""

import logging
import sys
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from quorum_mcp.observe.redaction import Redactor

if TYPE_CHECKING:
    from quorum_mcp.config.settings import Settings


def to_stderr(settings: "Settings", *, server: bool) -> None:
    """Send log lines to standard error; commands that end soon only warn, unless LOG_LEVEL says otherwise.

    A crash is logged with its traceback, never with the values of local variables: they may hold prompts.
    """
    import structlog

    asked_for = settings.sources.get("log_level", "default") != "default"
    level = settings.log_level if server or asked_for else "WARNING"
    redactor = Redactor(settings)

    def redact(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        return {key: redactor.clean(value) for key, value in event.items()}

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
