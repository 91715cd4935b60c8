"""What is known of an answer that is passed on: its text, its end, whether there is more in it than text."""

from quorum_mcp.answers import Answer, StopReason, Usage
from quorum_mcp.errors import BadProviderAnswer, ContentFiltered
from quorum_mcp.messages import Text


class Look:
    """Whatever wire it is of. `more` is whether there is more than text, such as calls of tools."""

    def __init__(self) -> None:
        self.id: str | None = None
        self.model = ""
        self.more = False
        self._texts: list[str] = []

    def say(self, text: str) -> str:
        """Take text, and return it."""
        if text:
            self._texts.append(text)
        return text

    def ended(self, stop: StopReason | None, usage: Usage | None, raw: bytes | None) -> Answer:
        """The answer; its parts are only its text, since `raw` or the stream holds everything.

        Raises:
            BadProviderAnswer: it never ended (`stop` is None), or is empty.
            ContentFiltered: the provider withheld all of it.
        """
        details = None if usage is None else {"usage": {"input": usage.input, "output": usage.output}}
        if stop is None:
            raise BadProviderAnswer("the answer was cut before its end", details=details)
        if not self._texts and not self.more and stop != "length":
            if stop == "content_filter":
                raise ContentFiltered("the provider withheld the answer", details=details)
            raise BadProviderAnswer("the answer is empty", details=details)
        # Where there is more than text, the text alone is not the answer, so that it is not kept for others.
        parts = (Text("".join(self._texts)),) if self._texts and not self.more else ()
        return Answer(parts, stop, usage or Usage(reported=False), self.model, self.id, raw=raw)
