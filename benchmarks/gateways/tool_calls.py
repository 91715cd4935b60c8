"""What `tools/call` over HTTP costs with a key, limits and metrics, and what many tools add to it.

Run by itself it is the server: the product with more tools, as many as asked for: `python tool_calls.py PORT TOOLS`.
"""

import contextlib
import json
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from gateways.bars import Bar
from gateways.gateways import ROOT_KEY, new_key
from gateways.measures import Measured
from gateways.running import HERE, Running, started
from gateways.tables import bars_table, shown, table
from harness import free_port, row

FEW, MANY = 13, 200
REVISION = "2026-07-28"
META = "io.modelcontextprotocol/"
HEADERS = {
    "accept": "application/json, text/event-stream", "mcp-protocol-version": REVISION,
    "mcp-method": "tools/call", "mcp-name": "list_models",
}  # fmt: skip


def message(method: str, params: dict[str, object]) -> str:
    """A request of the protocol, whose id is the request's number."""
    meta = {META + "protocolVersion": REVISION, META + "clientCapabilities": {}}
    given = {"jsonrpc": "2.0", "id": "#########", "method": method, "params": params | {"_meta": meta}}
    return json.dumps(given)


CALL = message("tools/call", {"name": "list_models", "arguments": {"provider": "lab"}})


@contextlib.contextmanager
def server(name: str, upstream: int, home: Path, tools: int) -> Iterator[Running]:
    """The product with this many tools visible; the driver shows a key with limits."""
    home.mkdir(parents=True, exist_ok=True)
    limits = "{requests_per_minute: 1000000000, tokens_per_minute: 1000000000000, concurrency: 64}"
    lab = f"{{wire: openai, base_url: 'http://127.0.0.1:{upstream}/v1', models: [gpt-4o-mini], limits: {limits}}}"
    (home / "quorum.yaml").write_text(f"providers: {{lab: {lab}}}\n")
    bearer = {"authorization": f"Bearer {ROOT_KEY}"}
    gateway = Running(name, free_port(), "/mcp", "", [bearer | HEADERS])
    env = {
        "QUORUM_CONFIG": str(home / "quorum.yaml"), "QUORUM_HOME": str(home), "HOME": str(home),
        "QUORUM_BOOTSTRAP_KEY": ROOT_KEY, "OLLAMA_ENABLE": "false", "LOG_LEVEL": "ERROR",
    }  # fmt: skip
    with started(
        gateway, [sys.executable, str(HERE / "tool_calls.py"), str(gateway.port), str(tools)], env, CALL
    ):
        key = new_key(gateway.port, 1, scopes=["ask", "read"])
        gateway.headers = [{"authorization": f"Bearer {key}"} | HEADERS]
        yield gateway


def asked(gateway: Running, method: str, body: str) -> dict[str, Any]:
    """What the server answers to one message; fails where that is an error."""
    headers = gateway.headers[0] | {"content-type": "application/json", "mcp-method": method}
    if method != "tools/call":
        del headers["mcp-name"]
    request = urllib.request.Request(f"http://127.0.0.1:{gateway.port}/mcp", body.encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        result: dict[str, Any] = json.load(answer).get("result", {"isError": True})
    if result.get("isError"):
        sys.exit(f"{method} failed: {result}")
    return result


def tool_calls(upstream: int, home: Path, rounds: int, seconds: float) -> None:
    """Measure and print."""
    result = Measured()
    with (
        server("few", upstream, home / "few", FEW) as few,
        server("many", upstream, home / "many", MANY) as many,
    ):
        counts: dict[str, int] = {}
        for one in (few, many):
            counts[one.name] = len(asked(one, "tools/list", message("tools/list", {}))["tools"])
            asked(one, "tools/call", CALL)
            one.drive([CALL], 16, 1.0)
        for _ in range(rounds):
            for one in (few, many):
                run = one.drive([CALL], 16, seconds)
                if run["errors"]:
                    sys.exit(f"tools/call failed: {run['bad']}")
                result.runs.setdefault((one.name, "call"), []).append(run)
    table("tools listed", "CPU us a call", "p50 ms", "calls a second", "MiB")
    for name, count in counts.items():
        figures = [result.median(name, "call", figure) for figure in ("cpu", "p50", "rate", "rss")]
        row(count, shown(figures[0]), shown(figures[1], 2), shown(figures[2], 0), shown(figures[3], 0))
    print()
    bars_table([
        Bar("tools/call: CPU, ms", (result.median("few", "call", "cpu") or 0) / 1e3, "<= 2"),
        Bar(f"CPU with {counts['many']} tools over {counts['few']}", result.ratio("many", "few", "call"), "<= 1.2"),
    ])  # fmt: skip


def serve(port: int, tools: int) -> None:
    """The real application, with tools added until `tools` are listed."""
    import uvicorn
    from mcp_types import CallToolRequestParams, CallToolResult, TextContent, Tool

    from quorum_mcp.api.mcp.offers import Caller, Offers, ToolOffer
    from quorum_mcp.api.mcp.toolsets import TOOLSETS
    from quorum_mcp.app import asgi
    from quorum_mcp.config.load import load

    async def say(_: Caller, given: CallToolRequestParams) -> CallToolResult:
        return CallToolResult(content=[TextContent(text=given.name)])

    schema = {"type": "object", "properties": {"text": {"type": "string", "description": "What to say."}}}
    extra = [
        ToolOffer(Tool(name=f"bench_{number}", description="Says its name.", input_schema=schema), say)
        for number in range(tools - len(TOOLSETS["default"]))
    ]
    app = asgi(load(), loopback_bind=True, offers=Offers(tools=extra))
    uvicorn.run(app, port=port, log_level="error", access_log=False, http="httptools", loop="uvloop")


if __name__ == "__main__":
    serve(int(sys.argv[1]), int(sys.argv[2]))
