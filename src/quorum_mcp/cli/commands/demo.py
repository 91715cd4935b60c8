"""`quorum demo`."""

import asyncio
import tempfile
from pathlib import Path

import click

from quorum_mcp.cli.demo import (
    BANNER,
    QUESTION,
    first_question,
    free_listener,
    invitation,
    served,
    settings_in,
    simulated,
)
from quorum_mcp.cli.output import data, talk, value
from quorum_mcp.cli.session import Session, asynchronous, example, json_option


@click.command("demo", epilog=example("quorum demo", 'quorum demo "Which is larger, 3/7 or 0.43?"'))
@click.argument("question", default=QUESTION)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    help="Where to listen; the next free port where it is taken.",
)
@click.option("--seed", type=int, help="Sets which simulated model is wrong.")
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="Of the simulated models; 0 is without any waiting.",
)
@click.option("--once", is_flag=True, help="End after the first answer.")
@json_option
@click.pass_obj
@asynchronous
async def command(
    session: Session, question: str, port: int, seed: int | None, speed: float, once: bool
) -> None:
    """Start a server with simulated models, show them deliberate, and serve until interrupted.

    It needs no key, reads none of your settings, keeps nothing and connects to nothing but this machine.
    """
    from quorum_mcp.cli.serving import url_of
    from quorum_mcp.observe.logs import to_stderr

    with tempfile.TemporaryDirectory(prefix="quorum-demo-") as home:
        settings = settings_in(Path(home))
        to_stderr(settings, server=False)
        listener = free_listener("127.0.0.1", port)
        url = url_of(listener)
        async with simulated(seed, speed) as sim, served(session, settings, listener, sim) as (stop, serving):
            if session.as_json:
                value({"url": url, "sim": sim.url, "simulated": True})
            else:
                data(f"Quorum is running at {url}/ (simulated providers at {sim.url})")
            talk(BANNER)
            asking = asyncio.create_task(first_question(settings, url, question))
            await asyncio.wait({asking, serving}, return_when=asyncio.FIRST_COMPLETED)
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            if not serving.done():
                invitation(url)
            if once:
                stop()
            else:
                talk("Ctrl-C ends the demo.")
            await serving
