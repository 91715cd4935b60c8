"""Log messages to clients of the older revision, which say how much they want to hear."""

from collections import OrderedDict

from mcp_types import EmptyResult, LoggingLevel, LoggingMessageNotification, LoggingMessageNotificationParams

from quorum_mcp.api.mcp.offers import Caller

LOGGER = "quorum"
MOST_SESSIONS = 10_000
ORDER: tuple[LoggingLevel, ...] = (
    "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency",
)  # fmt: skip
_levels: OrderedDict[str, LoggingLevel] = OrderedDict()


def session_of(ctx: Caller) -> str:
    """The name of the caller's session; over stdio there is one."""
    return "" if ctx.request is None else str(ctx.request.headers.get("mcp-session-id", ""))


def set_level(ctx: Caller, level: LoggingLevel) -> EmptyResult:
    """Send this session what is at least as grave as `level`."""
    name = session_of(ctx)
    _levels[name] = level
    _levels.move_to_end(name)
    if len(_levels) > MOST_SESSIONS:
        _levels.popitem(last=False)
    return EmptyResult()


def logs_to(ctx: Caller) -> bool:
    """Whether this session asked for messages at all."""
    return session_of(ctx) in _levels


async def log_to(ctx: Caller, level: LoggingLevel, words: str) -> None:
    """Send `words`, if this session asked for messages of this level."""
    wanted = _levels.get(session_of(ctx))
    if wanted is None or ORDER.index(level) < ORDER.index(wanted):
        return
    params = LoggingMessageNotificationParams(level=level, logger=LOGGER, data=words)
    await ctx.session.send_notification(
        LoggingMessageNotification(params=params), related_request_id=ctx.request_id
    )
