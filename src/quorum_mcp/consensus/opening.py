"""Round 1: every seat answers blind. Quick mode asks in waves and stops when the first two agree.

A slow or failing seat does not hold the others up: the next wave starts as soon as an open seat is in
trouble or `HEDGE` of the time is over, and an open seat is given up once nothing it could say would change
the winner.
"""

from quorum_mcp.consensus.decision import Ballot, decide, group, is_open
from quorum_mcp.consensus.deliberation import Deliberation
from quorum_mcp.consensus.plan import Plan, Seat
from quorum_mcp.consensus.prompts import FORMATS, SEAT
from quorum_mcp.consensus.reading.conclusions import Conclusion, same
from quorum_mcp.consensus.reply import Reply
from quorum_mcp.consensus.round import Round
from quorum_mcp.messages import Message, message

WAVE = 2
HEDGE = 0.25  # of the run's time: an open first wave waits no longer before the rest is asked
CUT = 0.6  # of the run's time: replies that are there by then are gone on with
PATIENCE = 0.95  # of the run's time: how long is waited when nobody has answered


def seat_messages(plan: Plan, seat: Seat) -> tuple[Message, ...]:
    """What a seat is asked in round 1: the rules, the conversation, the question."""
    if seat.builtin:
        return plan.conversation
    return (message("system", SEAT + FORMATS[plan.answer_format]), *plan.conversation)


def ballots(replies: list[Reply]) -> list[Ballot]:
    """The votes of the seats that answered."""
    return [Ballot(r.seat or 0, r.member, r.conclusion) for r in replies if r.ok and not r.abstained]


async def opening(table: Deliberation) -> Round:
    """Ask round 1 and return it closed."""
    seats = table.plan.seats
    first = Round(table, 1, "answer")
    in_waves = table.plan.mode == "quick_consensus" and not table.plan.exhaustive and len(seats) > WAVE
    table.run.note("round.started", {"round": 1, "role": "answer", "seats": [seat.index for seat in seats]})
    try:
        hard = table.at(PATIENCE)
        first.ask(seats[:WAVE] if in_waves else seats, lambda seat: seat_messages(table.plan, seat), hard)
        if in_waves:
            await first.wait(table.at(HEDGE), enough=lambda: first.late)
            if not (first.done and _settled(first)):
                first.ask(seats[WAVE:], lambda seat: seat_messages(table.plan, seat), hard)
        hedge = table.at(HEDGE)
        await first.wait(hedge, enough=lambda: _decided_meanwhile(table, first))
        await first.wait(table.at(CUT), enough=lambda: _decided(table, first))
        await first.wait(hard, enough=lambda: any(reply.ok for reply in first.replies))
    except BaseException:
        await first.abort()
        raise
    await first.close()
    return first


def _settled(first: Round) -> bool:
    """Whether the first wave's conclusions match."""
    votes = ballots(first.replies)
    return not is_open(votes) and len(group(votes)) == 1


def _decided_meanwhile(table: Deliberation, first: Round) -> bool:
    """Before the hedge, only seats in trouble are given up, and only when all others have answered."""
    return first.late and first.open_are_late and _decided(table, first)


def _decided(table: Deliberation, first: Round) -> bool:
    """Whether the winner is the same whatever the open seats may still say."""
    votes = ballots(first.replies)
    if is_open(votes):
        return False
    asked = len(first.asked)
    answered = {reply.seat for reply in first.replies}
    missing = [seat for seat in first.asked if seat.index not in answered]
    guard = table.plan.guard
    winner = decide(votes, asked=asked, guard=guard).conclusion
    rivals = {v.conclusion.key: v.conclusion for v in votes if v.conclusion}
    rivals["?"] = Conclusion(text="?", key="?", kind="phrase", stated=True)
    for rival in rivals.values():
        more = [Ballot(seat.index, seat.member, rival) for seat in missing]
        outcome = decide(sorted([*votes, *more], key=lambda b: b.seat), asked=asked, guard=guard).conclusion
        if outcome is None or winner is None or not same(outcome, winner):
            return False
    return True
