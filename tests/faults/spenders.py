"""Processes that spend one budget as fast as they can, for tests that kill and stop them.

Run as a script, with a quorum.yaml, a home and a database: for each line on standard input it makes a process
(by fork, so that a new one is there at once) and prints its number. Such a process first spends the naive
control, then the budget, until it gets SIGTERM.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from pathlib import Path

from sqlalchemy import text

from quorum_mcp.app import running
from quorum_mcp.calls.budgets import lease
from quorum_mcp.calls.call import Call
from quorum_mcp.calls.cost import worst_case
from quorum_mcp.calls.pipeline import Calls
from quorum_mcp.calls.tokens import count
from quorum_mcp.config.load import load
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import BudgetExceeded, QuorumError
from quorum_mcp.messages import Message, ModelRequest, Text
from quorum_mcp.providers.registry import Registry
from quorum_mcp.store.database import Database

LIFE_SECONDS = 2.0
CALL_SECONDS = 0.8
TASKS = 4
MAX_TOKENS = 24
QUESTION = "How many roads must a man walk down?"


def call(model: str) -> Call:
    request = ModelRequest(model=model, messages=(Message("user", (Text(QUESTION),)),), max_tokens=MAX_TOKENS)
    return Call(model=model, request=request, deadline=time.monotonic() + CALL_SECONDS, cache=False)


async def spend(calls: Calls) -> None:
    """Call after call, whatever becomes of them."""
    while True:
        try:
            await calls.run(call("lab/a"))
        except BudgetExceeded:
            await asyncio.sleep(0.05)
        except QuorumError:
            await asyncio.sleep(0.02)


async def spend_naively(calls: Calls, database: Database, worst: int, limit: int) -> None:
    """As budgets are often kept: read what is spent, call, add what it cost."""
    while True:
        spent = await database.read(lambda conn: conn.execute(text("SELECT spent FROM naive")).scalar_one())
        if spent + worst > limit:
            return
        with contextlib.suppress(QuorumError):
            cost = (await calls.run(call("naive/n"))).cost or 0
            await database.write(
                lambda conn, cost=cost: conn.execute(text(f"UPDATE naive SET spent = spent + {cost}"))
            )


async def end_with(parent: int) -> None:
    """No process outlives the one that made it, however that ended."""
    while os.getppid() == parent:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(1.0)
    os._exit(1)


async def work(settings: Settings, limit: int, parent: int) -> None:
    stop, watching = asyncio.Event(), asyncio.create_task(end_with(parent))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with running(settings) as services:
        calls, registry = services.get(Calls), services.get(Registry)
        worst = worst_case(registry, registry.resolve("naive/n"), call("naive/n").request)
        naive = [spend_naively(calls, services.get(Database), worst, limit) for _ in range(TASKS)]
        await asyncio.gather(*naive)
        tasks = [asyncio.create_task(spend(calls)) for _ in range(TASKS)]
        await stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    watching.cancel()


def main(config: Path, home: str, url: str, limit: int) -> None:
    lease.LIFE_SECONDS = LIFE_SECONDS
    env = {
        "QUORUM_HOME": home,
        "HOME": home,
        "QUORUM_DATABASE_URL": url,
        "OLLAMA_ENABLE": "false",
        "LOG_LEVEL": "ERROR",
        "QUORUM_SECRET_KEY": "0123456789abcdef0123456789abcdef",
    }
    settings = load(config=config, env=env, cwd=Path(home))
    count(QUESTION)  # the tokenizer's table is there before any fork
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the dead
    print("ready", flush=True)
    me = os.getpid()
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os.dup2(2, 1)  # standard output is for numbers
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            status = 1
            try:
                asyncio.run(work(settings, limit, me))
                status = 0
            finally:
                os._exit(status)
        print(pid, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]))
