"""The variables of the environment and of `.env`: which setting each one is."""

import re
from collections.abc import Generator, Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from quorum_mcp.config.nodes import Node, Origin, fail
from quorum_mcp.errors import ConfigError

VARIABLES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("log_level", ("LOG_LEVEL", "MCP_LOG_LEVEL")),
    ("session_timeout_hours", ("SESSION_TIMEOUT_HOURS",)),
    ("max_concurrent_requests", ("MAX_CONCURRENT_REQUESTS",)),
    ("default_requests_per_minute", ("DEFAULT_REQUESTS_PER_MINUTE",)),
    ("default_tokens_per_minute", ("DEFAULT_TOKENS_PER_MINUTE",)),
    ("default_budget_limit", ("DEFAULT_BUDGET_LIMIT",)),
    ("default_budget_period", ("DEFAULT_BUDGET_PERIOD",)),
    ("max_cost_per_request", ("MCP_MAX_COST_PER_REQUEST",)),
    ("daily_limit", ("MCP_DAILY_LIMIT",)),
    ("redis_url", ("REDIS_URL",)),
    ("cache.ttl_seconds", ("CACHE_TTL",)),
    ("mcp_port", ("MCP_PORT",)),
    ("database_url", ("QUORUM_DATABASE_URL",)),
    ("auth", ("QUORUM_AUTH",)),
    ("secret_key", ("QUORUM_SECRET_KEY",)),
    ("home", ("QUORUM_HOME",)),
    ("bootstrap_key", ("QUORUM_BOOTSTRAP_KEY",)),
    ("url", ("QUORUM_URL",)),
    ("server.peer_url", ("QUORUM_PEER_URL",)),
    ("api_key", ("QUORUM_API_KEY",)),
    ("ollama_url", ("OLLAMA_HOST", "OLLAMA_ENDPOINT", "OLLAMA_BASE_URL")),
    ("ollama_enable", ("OLLAMA_ENABLE",)),
    ("use_local_llm", ("USE_LOCAL_LLM",)),
)
"""Settings with their variables; of several set ones the first counts."""

OLLAMA = ("OLLAMA_HOST", "OLLAMA_ENDPOINT", "OLLAMA_BASE_URL")
OLLAMA_PORT = 11434

KEYS: dict[str, tuple[str, ...]] = {
    "ANTHROPIC_API_KEY": (),
    "OPENAI_API_KEY": (),
    "GOOGLE_API_KEY": ("GEMINI_API_KEY",),
    "MISTRAL_API_KEY": (),
    "XAI_API_KEY": (),
    "DASHSCOPE_API_KEY": (),
    "OPENROUTER_API_KEY": (),
}
"""The variables of the known vendors' keys, with other names of the same key."""

_REFERENCE = re.compile(r"\$\{([^}]*)\}")


class Variable(NamedTuple):
    """A variable that is set, and where."""

    value: str
    origin: Origin


class Environment:
    """The variables that are set: the process's own over those of `.env`. Empty ones count as unset.

    Args:
        process: the environment of the process.
        dotenv: the variables of a `.env` file with their lines.
    """

    def __init__(self, process: Mapping[str, str], dotenv: Mapping[str, tuple[str, Origin]]) -> None:
        self._layers = (
            {
                name: Variable(value, Origin(f"environment {name}"))
                for name, value in process.items()
                if value.strip()
            },
            {name: Variable(*found) for name, found in dotenv.items() if found[0].strip()},
        )

    def find(self, *names: str) -> Variable | None:
        """The first of these that is set; the process's own environment is asked for all of them first."""
        for layer in self._layers:
            for name in names:
                if name in layer:
                    return layer[name]
        return None

    def settings(self) -> Generator[tuple[str, Node], None, None]:
        """The dotted key and the value of every setting that a variable gives."""
        for key, names in VARIABLES:
            if variable := self.find(*names):
                node = Node(variable.value.strip(), variable.origin, "text")
                if key == "ollama_url":
                    node.value = server_url(variable.value.strip(), variable.origin, key)
                yield key, node

    def merged(self) -> dict[str, str]:
        """Every variable as providers look them up: known aliases under their own names too.

        `OLLAMA_BASE_URL` and its aliases hold a whole URL.
        """
        own, dotenv = self._layers
        values = {name: variable.value.strip() for name, variable in (dotenv | own).items()}
        for name, aliases in KEYS.items():
            if found := self.find(name, *aliases):
                values[name] = found.value.strip()
        if found := self.find(*OLLAMA):
            url = server_url(found.value.strip(), found.origin, "ollama_url")
            values |= dict.fromkeys(OLLAMA, url)
        return values

    def vendor_variables(self) -> Generator[tuple[str, Variable], None, None]:
        """The vendors' keys and base URLs that are set, for showing where they came from."""
        for name, aliases in KEYS.items():
            base_url = name.removesuffix("_API_KEY") + "_BASE_URL"
            for shown, found in ((name, self.find(name, *aliases)), (base_url, self.find(base_url))):
                if found:
                    yield shown, found

    def expand(self, text: str, node: Node, key: str) -> str:
        """`text` with every `${NAME}` replaced.

        Raises:
            ConfigError: a named variable is not set, or `${` does not close.
        """

        def replaced(found: re.Match[str]) -> str:
            variable = self.find(found[1].strip())
            if variable is None:
                raise fail(node.origin, key, f"the variable {found[1].strip()[:60]!r} is not set")
            return variable.value.strip()

        if "${" in _REFERENCE.sub("", text):
            raise fail(node.origin, key, "`${` is not closed by `}`")
        return _REFERENCE.sub(replaced, text)


def server_url(text: str, origin: Origin, key: str) -> str:
    """The URL of an Ollama server out of what `OLLAMA_HOST` may hold: a URL, `host`, `host:port`, `:port`.

    An address that servers listen on (0.0.0.0, ::) is reached on loopback. Without scheme and port the port
    is 11434, as in Ollama's own client.
    """
    bare = "://" not in text
    try:
        parts = urlsplit(f"http://{text}" if bare else text)
        port = parts.port
    except ValueError as error:
        raise fail(origin, key, f"no address of a server: {error}") from error
    if parts.scheme not in ("http", "https") or parts.query or parts.fragment:
        raise _no_server(origin, key)
    host = parts.hostname or "127.0.0.1"
    if not re.fullmatch(r"[A-Za-z0-9._:-]+", host):
        raise _no_server(origin, key)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - recognised, not bound
    if port is None and bare:
        port = OLLAMA_PORT
    user_info, at, _ = parts.netloc.rpartition("@")
    address = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{user_info}{at}{address}{f':{port}' if port is not None else ''}{parts.path.rstrip('/')}"


def _no_server(origin: Origin, key: str) -> ConfigError:
    return fail(origin, key, "no address of a server", hint="Write http://127.0.0.1:11434 or host:port.")
