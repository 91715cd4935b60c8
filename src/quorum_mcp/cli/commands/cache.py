"""`quorum cache`."""

from typing import TYPE_CHECKING, cast

import click

from quorum_mcp.cli.output import data, talk, value
from quorum_mcp.cli.session import Session, asynchronous, example, json_option

if TYPE_CHECKING:
    from quorum_mcp.calls.ops.cache import CacheView, Cleared


@click.group("cache", epilog=example("quorum cache stats", "quorum cache clear --provider openai"))
def command() -> None:
    """Look at the cache of answers, or clear it."""


@command.command(
    "stats", epilog=example("quorum cache stats", "quorum --url http://127.0.0.1:8000 cache stats")
)
@json_option
@click.pass_obj
@asynchronous
async def stats(session: Session) -> None:
    """Show how often kept answers could be given again, and how many are kept."""
    async with session.client() as quorum:
        found = cast("CacheView", await quorum.invoke("cache.show"))
    if session.as_json:
        value(found)
        return
    rate = "no call yet" if found.hit_rate is None else f"{found.hit_rate:.1%}"
    data(f"backend {found.backend}, answers are kept for {found.ttl_seconds:g} s")
    data(f"hit rate {rate}: {found.hits} hits, {found.joined} joined, {found.misses} misses")
    size = "" if found.bytes is None else f", {found.bytes} bytes"
    data(f"{'unknown' if found.entries is None else found.entries} answers kept{size}")
    _say_whose(session, found.backend)


@command.command("clear", epilog=example("quorum cache clear --model openai/gpt-4.1"))
@click.option("--provider", metavar="NAME", help="Only answers of this provider.")
@click.option("--model", metavar="NAME", help="Only answers of this model.")
@click.option("--key", metavar="KEY", help="Only the answer with this key (`quorum explain` shows it).")
@json_option
@click.pass_obj
@asynchronous
async def clear(session: Session, **which: str | None) -> None:
    """Forget kept answers; those that fit every option."""
    given = {name: word for name, word in which.items() if word is not None}
    async with session.client() as quorum:
        found = cast("Cleared", await quorum.invoke("cache.clear", **given))
    if session.as_json:
        value(found)
        return
    data(f"{found.removed} answers removed")
    _say_whose(session, session.settings().cache.backend)


def _say_whose(session: Session, backend: str) -> None:
    if backend == "memory" and not (session.url or session.settings().url):
        talk("hint: every process has its own memory: name a running server with --url")
