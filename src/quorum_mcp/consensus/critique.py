"""Critique: every seat weighs all answers, and keeps its own unless it can show an error in it.

The order is shuffled for each reviewer and its own answer never stands first. A changed answer counts only
with a quote of the erroneous words that truly stands in the answer it abandons.
"""

import re

from msgspec import structs

from quorum_mcp.consensus.deliberation import Deliberation
from quorum_mcp.consensus.labels import labelled, shuffled, verbatim
from quorum_mcp.consensus.plan import Seat
from quorum_mcp.consensus.prompts import FORMATS, SEAT, critique
from quorum_mcp.consensus.reading.conclusions import same
from quorum_mcp.consensus.reply import Reply
from quorum_mcp.consensus.round import hold
from quorum_mcp.messages import Message, message

_ERROR = re.compile(
    r"^\W*ERROR\W*[:\-]?[^\S\n]*[\"“](.+?)[\"”][^\S\n]*[-–—:]*[^\S\n]*(.*)$", re.MULTILINE | re.IGNORECASE
)


async def critique_round(
    table: Deliberation, number: int, standing: list[Reply], until: float
) -> list[Reply]:
    """Ask each seat that answered to review all `standing` answers; what stands after it."""
    by_seat = {reply.seat: reply for reply in standing}
    seats = [seat for seat in table.plan.seats if seat.index in by_seat and not seat.builtin]

    def messages(seat: Seat) -> tuple[Message, ...]:
        own = by_seat[seat.index]
        order = shuffled(standing, f"{table.plan.seed}/{number}/{seat.index}", own=own.member)
        answers = labelled(order)
        mine = next(label for label, reply in answers.items() if reply.member == own.member)
        prompt = critique(table.plan.question, [(label, r.text) for label, r in answers.items()], mine)
        return (message("system", SEAT + FORMATS[table.plan.answer_format]), message("user", prompt))

    replies = {reply.seat: reply for reply in await hold(table, number, "critique", seats, messages, until)}
    return [revised(reply, replies.get(reply.seat), reply.text) for reply in standing]


def revised(before: Reply, after: Reply | None, attacked: str) -> Reply:
    """What stands of a seat after its review: the change, if it cites an error of `attacked`, else `before`.

    A seat that had no conclusion may add one; its text is replaced only with a cited error too.
    """
    if after is None or not after.ok:
        return before
    cited = cites_error(after.text, attacked)
    if before.conclusion is None:
        text = after.text if cited else before.text
        return structs.replace(before, conclusion=after.conclusion, text=text)
    if after.conclusion is None or same(after.conclusion, before.conclusion) or not cited:
        return before
    return structs.replace(before, conclusion=after.conclusion, text=after.text)


def cites_error(text: str, attacked: str) -> bool:
    """Whether an ERROR line of `text` quotes words of `attacked` and says what is wrong with them."""
    return any(
        verbatim(quote, attacked) is not None and len(why.strip()) >= 3 for quote, why in _ERROR.findall(text)
    )
