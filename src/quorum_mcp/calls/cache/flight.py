"""Equal requests at the same time: one asks, the others wait for what it brings."""

import asyncio
from collections import deque
from typing import Literal

from quorum_mcp.answers import Answer

Outcome = Answer | Literal["lead", "alone"]
MOST_FAILURES = 2
"""Leaders that may fail one after another before the rest no longer wait for each other."""


class Flight:
    """One request under way. Followers wait until it lands, or until it is theirs to lead.

    A leader that is cancelled hands on to the first follower. So does one that failed; but after the second
    failure, or an answer that cannot be shared, every follower asks by itself: waiting for one after another
    would add up their times.
    """

    def __init__(self, flights: "dict[str, Flight]", key: str) -> None:
        self.answer: Answer | None = None
        self._flights = flights
        self._key = key
        flights[key] = self
        self._failures = 0
        self._followers: deque[asyncio.Future[Outcome]] = deque()

    async def join(self, seconds: float) -> Outcome:
        """Wait at most so long for the answer: it, or that the caller is to lead now, or to go on alone."""
        loop = asyncio.get_running_loop()
        follower: asyncio.Future[Outcome] = loop.create_future()
        self._followers.append(follower)
        timer = loop.call_later(seconds, _tell, follower, "alone")
        try:
            return await follower
        except BaseException:
            if follower.done() and not follower.cancelled() and follower.result() == "lead":
                self.hand_on(failed=False)  # the lead came in the same moment as what ended the wait
            else:
                follower.cancel()
            raise
        finally:
            timer.cancel()

    def over(self) -> None:
        """Nobody joins any more."""
        if self._flights.get(self._key) is self:
            del self._flights[self._key]

    def land(self, answer: Answer) -> None:
        """The leader has an answer for everyone; until it is `over`, for those who come later too."""
        self.answer = answer
        self._tell_all(answer)

    def scatter(self) -> None:
        """What the leader got is its own: everyone asks by themselves."""
        self.over()
        self._tell_all("alone")

    def hand_on(self, *, failed: bool) -> None:
        """The leader ended without an answer; `failed` where that was not its caller's doing."""
        self._failures += failed
        if self._failures >= MOST_FAILURES:
            self.scatter()
            return
        while self._followers:
            if _tell(self._followers.popleft(), "lead"):
                return
        self.over()

    def _tell_all(self, outcome: Outcome) -> None:
        while self._followers:
            _tell(self._followers.popleft(), outcome)


def _tell(follower: "asyncio.Future[Outcome]", outcome: Outcome) -> bool:
    if follower.done():
        return False
    follower.set_result(outcome)
    return True
