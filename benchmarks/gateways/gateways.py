"""The gateways under test: how each one is started, on which upstream, and what a request to it carries."""

import contextlib
import json
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import yaml

from gateways.running import HERE, Running, started
from harness import free_port

PROMPT = (
    "Why is the sky blue during the day but red at sunset? Please explain in two or three sentences and mention the "
    "path length of light. This is question number #########."
)
SYSTEM = "You are a careful science tutor. Answer briefly and name the physical effect at work."
ROOT_KEY = "bench-root-0123456789abcdef0123456789"
ENORMOUS = {"requests_per_minute": 10**9, "tokens_per_minute": 10**12, "concurrency": 4096}


def body(model: str, *, stream: bool = False, size: int = 0) -> str:
    """A request of about 0.4 kB, or of `size` bytes, in which `#########` is the request's number."""
    conversation = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": PROMPT}]
    filler = max(0, size - 400)
    if filler:
        conversation.insert(
            1, {"role": "user", "content": ("The light of the sun. " * (filler // 23 + 1))[:filler]}
        )
    given = {"model": model, "messages": conversation, "temperature": 0.2, "max_tokens": 200, "user": "bench"}
    return json.dumps(({"stream": True} if stream else {}) | given, separators=(",", ":"))


def direct(upstream: int) -> Running:
    """The upstream itself: what latencies are added to."""
    return Running("direct", upstream, "/v1/chat/completions", "gpt-4o-mini", [{}])


@contextlib.contextmanager
def bare(upstream: int, _home: Path) -> Iterator[Running]:
    """`bare.py`: what ratios are measured against."""
    gateway = Running("bare", free_port(), "/v1/chat/completions", "gpt-4o-mini", [{}])
    command = [sys.executable, str(HERE / "bare.py"), str(gateway.port)]
    env = {"UPSTREAM": f"http://127.0.0.1:{upstream}/v1"}
    with started(gateway, command, env, body(gateway.model)) as running:
        yield running


@contextlib.contextmanager
def quorum(upstream: int, home: Path, *, models: int = 1, keys: int = 1) -> Iterator[Running]:
    """Quorum with every control on: a key with limits and a budget of its own, rates, budgets, cache, metrics.

    Args:
        upstream: the upstream's port.
        home: a folder for its database and journal; a second start there finds them.
        models: how many models its provider lists.
        keys: how many keys there are, all of them shown in turn.
    """
    home.mkdir(parents=True, exist_ok=True)
    provider = {
        "wire": "openai", "base_url": f"http://127.0.0.1:{upstream}/v1", "limits": ENORMOUS,
        "models": ["gpt-4o-mini", *(f"model-{number}" for number in range(1, models))],
        "price": {"input_per_million": 0.15, "output_per_million": 0.6},
    }  # fmt: skip
    budgets = [{"period": "daily", "limit": 1e6}, {"period": "monthly", "limit": 1e6, "provider": "lab"}]
    (home / "quorum.yaml").write_text(yaml.safe_dump({"providers": {"lab": provider}, "budgets": budgets}))
    gateway = Running("Quorum", free_port(), "/v1/chat/completions", "lab/gpt-4o-mini", [_bearer(ROOT_KEY)])
    env = {
        "QUORUM_CONFIG": str(home / "quorum.yaml"), "QUORUM_HOME": str(home), "LOG_LEVEL": "ERROR",
        "QUORUM_BOOTSTRAP_KEY": ROOT_KEY, "OLLAMA_ENABLE": "false", "HOME": str(home),
    }  # fmt: skip
    command = [sys.executable, "-m", "quorum_mcp", "serve", "--port", str(gateway.port)]
    with started(gateway, command, env, body(gateway.model)) as running:
        gateway.headers = [_bearer(new_key(gateway.port, number)) for number in range(keys)]
        yield running


def _bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def new_key(port: int, number: int, scopes: Sequence[str] = ("ask",)) -> str:
    """A new API key of the Quorum on `port`, with limits of its own."""
    given = {
        "name": f"bench {number}", "scopes": list(scopes),
        "requests_per_minute": 10**9, "tokens_per_minute": 10**12,
    }  # fmt: skip
    headers = {"content-type": "application/json"} | _bearer(ROOT_KEY)
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/keys", json.dumps(given).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["key"]


Starter = Callable[[int, Path], AbstractContextManager[Running]]
OWN: dict[str, Starter] = {"bare": bare, "Quorum": quorum}
