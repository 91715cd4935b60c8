"""The real application with the conformance suite's fixtures: `python -m tests.conformance.serve --port PORT`.

MCP is at /mcp, behind the same keys, limits and checks as ever: with `--key` everyone needs that one. It stays in the foreground and keeps its data in
a folder of its own that goes with it.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import uvicorn
from tests.conformance.fixtures import fixtures
from tests.support.server import environment, write_config

from quorum_mcp.app import asgi
from quorum_mcp.config.load import load

GIVEN = {"panels": {"default": ["builtin/arithmetic", "builtin/extract"]}}


def main() -> None:
    """Serve until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--key", help="ask everyone for this key")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="quorum-conformance-") as folder:
        home = Path(folder)
        file = write_config(home, GIVEN)
        settings = load(
            config=file,
            env=environment(home, file, {"QUORUM_BOOTSTRAP_KEY": given.key} if given.key else {}),
            cwd=home,
        )
        app = asgi(settings, loopback_bind=True, offers=fixtures())
        print(f"MCP at http://127.0.0.1:{given.port}/mcp", file=sys.stderr)
        uvicorn.run(
            app, host="127.0.0.1", port=given.port, log_level="warning", access_log=False, lifespan="on"
        )


if __name__ == "__main__":
    main()
