"""How much one WebSocket may take up before its messages reach any code of ours: a protocol class for uvicorn."""

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame

MOST_FRAGMENTS = 1024
"""Frames of one message: each of them costs memory of its own, however short it is."""
MOST_WAITING = 1024
"""Messages that came in one piece and wait to be taken; nothing more is read meanwhile."""


class Bounded(WebSocketsSansIOProtocol):
    """uvicorn's own with bounds, and without an error in the log for what a client did wrong."""

    def handle_cont(self, event: Frame) -> None:
        """Take one more fragment."""
        if len(self.frames) < MOST_FRAGMENTS:
            super().handle_cont(event)
        else:
            self._fail(CloseCode.MESSAGE_TOO_BIG, f"more than {MOST_FRAGMENTS} fragments")

    def send_receive_event_to_app(self) -> None:
        """Pass a whole message on."""
        if self.queue.qsize() >= MOST_WAITING:
            self._fail(CloseCode.POLICY_VIOLATION, f"more than {MOST_WAITING} messages at once")
        elif self.curr_msg_data_type == "text" and not _is_utf8(b"".join(self.frames)):
            self._fail(CloseCode.INVALID_DATA, "the text is no UTF-8")
        else:
            super().send_receive_event_to_app()

    async def send(self, message: ASGISendEvent) -> None:
        """Send what the application says; to a client that is gone it says nothing."""
        if self.close_sent and message["type"] == "websocket.send":
            raise ClientDisconnected
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True  # it was refused, which uvicorn would take for an unanswered one

    def _fail(self, code: CloseCode, reason: str) -> None:
        self.frames = []
        if not self.close_sent:
            self.conn.fail(code, reason)
            self.handle_parser_exception()


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
