"""Ways to use several models that are no vote. Each returns an outcome as the modes do.

None of them measures confidence: later models have seen what earlier ones wrote, so that they agree says
little. `told` is what reviewers said of the draft.
"""

import re
from collections.abc import Awaitable, Callable

from msgspec import structs

from quorum_mcp.consensus.decision import Agreement, Decision
from quorum_mcp.consensus.deliberation import Deliberation
from quorum_mcp.consensus.failures import nobody_answered
from quorum_mcp.consensus.judge import chain_reply
from quorum_mcp.consensus.modes import Outcome
from quorum_mcp.consensus.opening import seat_messages
from quorum_mcp.consensus.plan import Seat
from quorum_mcp.consensus.reply import Reply, Role
from quorum_mcp.consensus.round import hold
from quorum_mcp.consensus.strategy_prompts import deeper, improved, reviewed
from quorum_mcp.messages import Message, Text

NO_VOTE = Decision(conclusion=None, groups=(), agreement="cannot_tell", supporters=0, confidence=0.0)
DRAFT, REVIEW = 0.45, 0.75  # shares of the run's time by which these rounds must be through
_FLAWED = re.compile(r"^\W*VERDICT\W*FLAWED", re.MULTILINE | re.IGNORECASE)
_ENOUGH = re.compile(r"^\W*DEPTH\W*ENOUGH", re.MULTILINE | re.IGNORECASE)
_DEPTH_LINE = re.compile(r"^\W*DEPTH\W*(ENOUGH|MORE)\W*$", re.MULTILINE | re.IGNORECASE)


async def solo(table: Deliberation) -> Outcome:
    """The strongest seat's answer; the next one's where it fails."""
    _, answer = await _first(table, table.at(0.95))
    return _outcome(table, answer, [answer], rounds=1)


async def external_enhancement(table: Deliberation) -> Outcome:
    """The strongest seat drafts, all others say what to mend, and the first one writes the final answer."""
    lead, draft = await _first(table, table.at(DRAFT))
    reviewers = [seat for seat in table.plan.seats if seat.index != lead.index and not seat.builtin]
    if not reviewers or lead.builtin:
        table.degrade("there is no other model to improve the draft")
        return _outcome(table, draft, [draft], rounds=1)
    prompt = reviewed(draft.text)
    replies = await hold(table, 2, "critique", reviewers, lambda _: _and(table, prompt), table.at(REVIEW))
    reviews = [reply for reply in replies if reply.ok]
    if not reviews:
        table.degrade("nobody reviewed the draft; it is the answer")
        return _outcome(table, draft, [draft], rounds=2)
    base = chain_reply(table, "synthesizer", 3, lead.model)
    words = improved(draft.text, [review.text for review in reviews])
    final = await table.ask(base, lead.model, _and(table, words), table.at(1.0))
    if not final.ok:
        table.degrade("the draft could not be rewritten; it is the answer")
        final = draft
    against = [review for review in reviews if _FLAWED.search(review.text)]
    return _outcome(table, final, [*against, final], rounds=3, told="disagree" if against else "agree")


async def progressive_deep_dive(table: Deliberation) -> Outcome:
    """Stage after stage: each takes the analysis so far and goes deeper, until one says that it is enough."""
    lead, answer = await _first(table, table.at(1.0 / table.plan.stages))
    able = [seat for seat in table.plan.seats if not seat.builtin]
    stage = 1
    while stage < table.plan.stages and able and not lead.builtin:
        stage += 1
        seat = able[(stage - 1) % len(able)]
        until = table.at(stage / table.plan.stages)
        words = deeper(answer.text, last=stage == table.plan.stages)
        reply = await _ask(table, seat, stage, "answer", _and(table, words), until)
        if not reply.ok:
            table.degrade(f"stage {stage} failed; the answer is that of stage {stage - 1}")
            stage -= 1
            break
        answer = reply
        if _ENOUGH.search(reply.text):
            break
    answer = structs.replace(answer, text=_DEPTH_LINE.sub("", answer.text).strip())
    return _outcome(table, answer, [answer], rounds=stage)


async def context(table: Deliberation) -> Outcome:
    """Nobody is asked: the words stand in the session, and later turns read them."""
    noted = Reply(
        key=table.key("answer", 1, "context"), seat=None, member="quorum", provider="quorum", model="context",
        round=1, role="answer", status="ok", text="Noted.",
    )  # fmt: skip
    return _outcome(table, noted, [], rounds=0)


STRATEGIES: dict[str, Callable[[Deliberation], Awaitable[Outcome]]] = {
    "solo": solo,
    "external_enhancement": external_enhancement,
    "progressive_deep_dive": progressive_deep_dive,
    "context": context,
}


async def _first(table: Deliberation, until: float) -> tuple[Seat, Reply]:
    """The first seat, in their order, that answers, and its answer. Raises where nobody does."""
    failed: list[Reply] = []
    for seat in table.plan.seats:
        reply = await _ask(table, seat, 1, "answer", seat_messages(table.plan, seat), until)
        if reply.ok and not (reply.abstained and seat is not table.plan.seats[-1]):
            return seat, reply
        failed.append(reply)
        until = table.at(0.95)
    raise nobody_answered(failed)


async def _ask(
    table: Deliberation, seat: Seat, number: int, role: Role, messages: tuple[Message, ...], until: float
) -> Reply:
    return (await hold(table, number, role, [seat], lambda _: messages, until))[0]


def _and(table: Deliberation, words: str) -> tuple[Message, ...]:
    """The conversation, with more words in its last message."""
    *earlier, last = table.plan.conversation
    return (*earlier, Message(last.role, (*last.parts, Text("\n\n" + words))))


def _outcome(
    table: Deliberation,
    answer: Reply,
    standing: list[Reply],
    *,
    rounds: int,
    told: Agreement = "cannot_tell",
) -> Outcome:
    return Outcome(
        open=True, asked=max(len(table.plan.seats), 1), blind=NO_VOTE, final=NO_VOTE, standing=standing,
        leader=answer, told=told, rounds=rounds,
    )  # fmt: skip
