"""Where log lines go: standard error, since standard output is data."""

import logging
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quorum_mcp.config.settings import Settings


def to_stderr(settings: "Settings", *, server: bool) -> None:
    """Send log lines to standard error; commands that end soon only warn, unless LOG_LEVEL says otherwise."""
    import structlog

    asked_for = settings.sources.get("log_level", "default") != "default"
    level = settings.log_level if server or asked_for else "WARNING"
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
