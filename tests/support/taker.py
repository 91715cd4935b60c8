"""A process that takes from shared rates as fast as it can: `python -m tests.support.taker URL SEED SECONDS`.

It prints what it was granted, as JSON: the time in milliseconds since 1970 (the Redis server's own, where it
granted; else this process's, on the same machine), the tokens, the key, and whether Redis granted it.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quorum_mcp.calls.limits import Limit
from quorum_mcp.calls.limits.scripts import TAKE
from quorum_mcp.calls.limits.shared import SharedRates
from quorum_mcp.store.shared_state import Script, SharedState

ROOT = Path(__file__).parents[2]
PROVIDER = Limit("provider:lab", 600, 7_200)
KEYS = {"many": Limit("key:many", 240, None), "long": Limit("key:long", None, 4_800)}
LENGTHS = {"many": (1, 9), "long": (5, 60)}


Granted = list[tuple[int, int, str, bool]]


async def granted_to(url: str, seed: int, seconds: float) -> Granted:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.taker", url, str(seed), str(seconds),
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0
    return [(at, tokens, key, shared) for at, tokens, key, shared in json.loads(output.splitlines()[-1])]


def assert_never_more(limit: Limit, grants: Granted, *, slack: float = 0.0) -> None:
    """In no window, from any grant to any later one, more than a full bucket and what flowed in meanwhile.

    `slack` is how much more of a full bucket is let pass.
    """
    for first, (began, *_) in enumerate(grants):
        requests = tokens = 0
        for at, used, *_ in grants[first:]:
            requests, tokens = requests + 1, tokens + used
            minutes = (at - began) / 60_000 + slack
            if limit.requests is not None:
                assert requests <= limit.requests * (1 + minutes) + 1e-6, (limit, began, at)
            if limit.tokens is not None:
                assert tokens <= limit.tokens * (1 + minutes) + 1e-6, (limit, began, at)


class Witness(SharedState):
    """Writes down when the server granted something."""

    def start(self) -> "Witness":
        self.granted = list[tuple[int, int, str, bool]]()
        self.key_name, self.tokens = "", 0
        return self

    async def evaluate(self, script: Script, keys: Sequence[str], arguments: Sequence[Any] = ()) -> Any:
        answer = await super().evaluate(script, keys, arguments)
        if script is TAKE and answer[0]:
            self.note(answer[1], shared=True)
        return answer

    def note(self, at: float, *, shared: bool) -> None:
        self.granted.append((int(at), self.tokens, self.key_name, shared))


async def main(url: str, seed: str, seconds: str) -> None:
    state, chance = (await Witness.connect(url)).start(), random.Random(seed)
    rates, end = SharedRates(state), time.monotonic() + float(seconds)
    while time.monotonic() < end:
        state.key_name = chance.choice(list(KEYS))
        state.tokens = chance.randint(*LENGTHS[state.key_name])
        limits = [PROVIDER, KEYS[state.key_name]]
        before = len(state.granted)
        if await rates.take(limits, state.tokens, chance.choice((0, 0.02))) is not None:
            await asyncio.sleep(0.002)
        elif len(state.granted) == before:
            state.note(time.time() * 1000, shared=False)
    print(json.dumps(state.granted))
    await rates.close()
    await state.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
