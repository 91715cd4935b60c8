"""`quorum sim`."""

import click

from quorum_mcp.cli.output import talk, value
from quorum_mcp.cli.session import Session, example, json_option
from quorum_mcp.errors import ConfigError

PORT = 8009


@click.command("sim", epilog=example("quorum sim", "curl http://127.0.0.1:8009/v1/models"))
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=PORT, show_default=True, help="The port to listen on."
)
@click.option("--seed", type=int, default=None, help="Sets who is wrong and what is said.")
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="Of talking; 0 is without any waiting.",
)
@json_option
@click.pass_obj
def command(session: Session, host: str, port: int, seed: int | None, speed: float) -> None:
    """Serve simulated models in the shapes of OpenAI, Anthropic, Gemini and Ollama, until interrupted.

    They are scripted, not language models, and every answer says so. For tests, demos and fault injection.
    """
    from quorum_mcp.providers.sim.models import NAMES
    from quorum_mcp.providers.sim.server import run

    url = f"http://{host}:{port}"
    if session.as_json:
        value({"url": url, "models": list(NAMES), "simulated": True})
    talk(f"simulated providers at {url} (OpenAI and Mistral: {url}/v1)")
    talk(f"models: {', '.join(NAMES)}")
    try:
        run(host, port, speed=speed, **({} if seed is None else {"seed": seed}))
    except OSError as error:
        raise ConfigError(
            f"{host}:{port} cannot be listened on: {error.strerror}", hint="quorum sim --port 8010"
        ) from error
