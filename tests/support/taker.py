"""A process that takes from shared rates as fast as it can: `python -m tests.support.taker URL SEED SECONDS`.

It prints what it was granted, as JSON: the Redis server's own time in milliseconds, the tokens, and the key.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from typing import Any

from quorum_mcp.calls.limits import Limit
from quorum_mcp.calls.limits.scripts import TAKE
from quorum_mcp.calls.limits.shared import SharedRates
from quorum_mcp.store.shared_state import Script, SharedState

PROVIDER = Limit("provider:lab", 600, 7_200)
KEYS = {"many": Limit("key:many", 240, None), "long": Limit("key:long", None, 4_800)}
LENGTHS = {"many": (1, 9), "long": (5, 60)}


class Witness(SharedState):
    """Writes down when the server granted something."""

    def start(self) -> "Witness":
        self.granted = list[tuple[int, int, str]]()
        self.key_name, self.tokens = "", 0
        return self

    async def evaluate(self, script: Script, keys: Sequence[str], arguments: Sequence[Any] = ()) -> Any:
        answer = await super().evaluate(script, keys, arguments)
        if script is TAKE and answer[0]:
            self.granted.append((answer[1], self.tokens, self.key_name))
        return answer


async def main(url: str, seed: str, seconds: str) -> None:
    state, chance = (await Witness.connect(url)).start(), random.Random(seed)
    rates, end = SharedRates(state), time.monotonic() + float(seconds)
    while time.monotonic() < end:
        state.key_name = chance.choice(list(KEYS))
        state.tokens = chance.randint(*LENGTHS[state.key_name])
        limits = [PROVIDER, KEYS[state.key_name]]
        if await rates.take(limits, state.tokens) is not None:
            await asyncio.sleep(0.002)
    print(json.dumps(state.granted))
    await rates.close()
    await state.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
