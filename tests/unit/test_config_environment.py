"""Variables of the environment and of .env."""

import re
from pathlib import Path

import pytest

from quorum_mcp.config.environment import VARIABLES
from quorum_mcp.config.load import load
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import ConfigError


def read(tmp_path: Path, dotenv: str | None = None, **env: str) -> Settings:
    if dotenv is not None:
        (tmp_path / ".env").write_text(dotenv)
    return load(env={"HOME": str(tmp_path / "home")} | env, cwd=tmp_path, working_directory=True)


def value_of(settings: Settings, key: str) -> object:
    value: object = settings
    for part in key.split("."):
        value = getattr(value, part)
    return value


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("LOG_LEVEL", "warning", "log_level", "WARNING"),
        ("MCP_LOG_LEVEL", "ERROR", "log_level", "ERROR"),
        ("SESSION_TIMEOUT_HOURS", "0.5", "session_timeout_hours", 0.5),
        ("MAX_CONCURRENT_REQUESTS", "3", "max_concurrent_requests", 3),
        ("DEFAULT_REQUESTS_PER_MINUTE", "1e2", "default_requests_per_minute", 100),
        ("DEFAULT_TOKENS_PER_MINUTE", "5000", "default_tokens_per_minute", 5000),
        ("DEFAULT_BUDGET_LIMIT", "12.50", "default_budget_limit", 12.5),
        ("DEFAULT_BUDGET_PERIOD", "monthly", "default_budget_period", "monthly"),
        ("MCP_MAX_COST_PER_REQUEST", "0.25", "max_cost_per_request", 0.25),
        ("MCP_DAILY_LIMIT", "50", "daily_limit", 50.0),
        ("REDIS_URL", "redis://127.0.0.1:6379/0", "redis_url", "redis://127.0.0.1:6379/0"),
        ("CACHE_TTL", "60", "cache.ttl_seconds", 60.0),
        ("MCP_PORT", "5003", "mcp_port", 5003),
        ("QUORUM_DATABASE_URL", "sqlite:////tmp/x.db", "database_url", "sqlite:////tmp/x.db"),
        ("QUORUM_AUTH", "required", "auth", "required"),
        ("QUORUM_SECRET_KEY", "s3cret", "secret_key", "s3cret"),
        ("QUORUM_HOME", "/srv/quorum", "home", "/srv/quorum"),
        ("QUORUM_BOOTSTRAP_KEY", "boot", "bootstrap_key", "boot"),
        ("QUORUM_URL", "http://127.0.0.1:8000", "url", "http://127.0.0.1:8000"),
        ("QUORUM_API_KEY", "qk", "api_key", "qk"),
        ("QUORUM_PEER_URL", "http://10.0.0.5:8000", "server.peer_url", "http://10.0.0.5:8000"),
        ("OLLAMA_HOST", "127.0.0.1:1234", "ollama_url", "http://127.0.0.1:1234"),
        ("OLLAMA_ENDPOINT", "http://10.0.0.1:1234/", "ollama_url", "http://10.0.0.1:1234"),
        ("OLLAMA_BASE_URL", "http://127.0.0.1:1", "ollama_url", "http://127.0.0.1:1"),
        ("OLLAMA_ENABLE", "false", "ollama_enable", False),
        ("USE_LOCAL_LLM", "1", "use_local_llm", True),
    ],
)
def test_each_variable_sets_its_setting(
    tmp_path: Path, name: str, text: str, key: str, value: object
) -> None:
    for settings in (read(tmp_path, **{name: text}), read(tmp_path, f"{name}={text}")):
        assert value_of(settings, key) == value
    assert value_of(read(tmp_path, "", **{name: f" {text} "}), key) == value
    assert read(tmp_path, "", **{name: text}).sources[key] == f"environment {name}"
    default = value_of(read(tmp_path, ""), key)
    for empty in ("", "  "):
        assert value_of(read(tmp_path, **{name: empty}), key) == default


def test_the_table_above_is_complete() -> None:
    shown = re.findall(r'\("([A-Z_]+)", ', Path(__file__).read_text().partition("def test_each")[0])
    assert set(shown) == {name for _, names in VARIABLES for name in names}


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("LOG_LEVEL", "loud", "one of CRITICAL, DEBUG"),
        ("LOG_LEVEL", "debgu", "did you mean 'DEBUG'"),
        ("SESSION_TIMEOUT_HOURS", "a day", "expected a number, got 'a day'"),
        ("SESSION_TIMEOUT_HOURS", "0", "more than 0"),
        ("MAX_CONCURRENT_REQUESTS", "0", "at least 1"),
        ("MAX_CONCURRENT_REQUESTS", "2.5", "whole number"),
        ("MAX_CONCURRENT_REQUESTS", "9" * 5000, "whole number"),
        ("DEFAULT_BUDGET_LIMIT", "nan", "expected a number"),
        ("DEFAULT_BUDGET_LIMIT", "-1", "more than 0"),
        ("MCP_DAILY_LIMIT", "inf", "expected a number"),
        ("MCP_MAX_COST_PER_REQUEST", "5$", "expected a number"),
        ("DEFAULT_BUDGET_PERIOD", "year", "one of daily"),
        ("CACHE_TTL", "-1", "at least 0"),
        ("MCP_PORT", "65536", "at most 65,535"),
        ("QUORUM_AUTH", "no", "one of auto, off, required"),
        ("QUORUM_URL", "127.0.0.1:8000", "no http:// or https:// address"),
        ("REDIS_URL", "localhost", "expected redis://"),
        ("QUORUM_PEER_URL", "http://[", "no http:// or https:// address"),
        ("QUORUM_PEER_URL", "http://10.0.0.5:8000/quorum", "more than scheme, host and port"),
        ("QUORUM_PEER_URL", "http://me:secret@10.0.0.5", "more than scheme, host and port"),
        ("OLLAMA_ENABLE", "perhaps", "true or false"),
        ("OLLAMA_HOST", "http://127.0.0.1:port", "no address of a server"),
        ("OLLAMA_HOST", "ftp://127.0.0.1", "no address of a server"),
        ("OLLAMA_HOST", "a b", "no address of a server"),
    ],
)
def test_a_bad_value_names_its_variable(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, **{name: text})
    assert caught.value.message.startswith(f"environment {name}: ")
    assert says in caught.value.message
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, f"\n{name}={text}")
    assert caught.value.message.startswith(f"{tmp_path}/.env:2: ")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("localhost", "http://localhost:11434"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        (":8080", "http://127.0.0.1:8080"),
        ("[::]:8080", "http://[::1]:8080"),
        ("http://box.local", "http://box.local"),
        ("https://box.local/ollama/", "https://box.local/ollama"),
        ("box.local:1/x", "http://box.local:1/x"),
    ],
)
def test_ollama_host_takes_what_ollama_takes(tmp_path: Path, text: str, url: str) -> None:
    settings = read(tmp_path, OLLAMA_HOST=text)
    assert settings.ollama_url == url
    assert settings.env["OLLAMA_BASE_URL"] == settings.env["OLLAMA_HOST"] == url


def test_the_first_name_wins_and_the_environment_beats_dotenv(tmp_path: Path) -> None:
    assert read(tmp_path, LOG_LEVEL="ERROR", MCP_LOG_LEVEL="DEBUG").log_level == "ERROR"
    assert read(tmp_path, LOG_LEVEL="", MCP_LOG_LEVEL="DEBUG").log_level == "DEBUG"
    assert read(tmp_path, "LOG_LEVEL=ERROR", MCP_LOG_LEVEL="DEBUG").log_level == "DEBUG"


def test_keys_and_base_urls_are_kept_for_the_providers(tmp_path: Path) -> None:
    dotenv = "GEMINI_API_KEY=from-file\nXAI_API_KEY=xai\n"
    settings = read(
        tmp_path, dotenv, OPENAI_API_KEY="sk", OPENAI_BASE_URL="http://127.0.0.1:1/v1", XAI_API_KEY=""
    )
    assert settings.env["OPENAI_API_KEY"] == "sk"
    assert settings.env["OPENAI_BASE_URL"] == "http://127.0.0.1:1/v1"
    assert settings.env["GOOGLE_API_KEY"] == settings.env["GEMINI_API_KEY"] == "from-file"
    assert settings.env["XAI_API_KEY"] == "xai"
    assert settings.sources["GOOGLE_API_KEY"] == f".env line 1 ({tmp_path / '.env'})"
    assert settings.sources["OPENAI_BASE_URL"] == "environment OPENAI_BASE_URL"
    assert "" not in settings.env.values()
    assert read(tmp_path, dotenv, GOOGLE_API_KEY="own").env["GOOGLE_API_KEY"] == "own"


def test_dotenv_lines(tmp_path: Path) -> None:
    text = """\
# comment
PLAIN=a b  # comment
export EXPORTED = x
SINGLE='a "b" \\n $X # c'
DOUBLE="a 'b' \\"c\\"\\n$X" # comment
HASH=a#b
EMPTY=
COMMENT= # nothing
TWICE=1
TWICE=2
"""
    env = read(tmp_path, text.replace("\n", "\r\n")).env
    del env["HOME"]
    assert env == {
        "PLAIN": "a b",
        "EXPORTED": "x",
        "SINGLE": 'a "b" \\n $X # c',
        "DOUBLE": "a 'b' \"c\"\n$X",
        "HASH": "a#b",
        "TWICE": "2",
    }


@pytest.mark.parametrize("line", ["just words", "1A=x", "A-B=x", 'A="open', "A='x' y"])
def test_a_bad_dotenv_line_is_named_but_not_quoted(tmp_path: Path, line: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"{tmp_path}/.env:2: expected NAME=value")) as caught:
        read(tmp_path, f"A=1\n{line}\n")
    assert line not in caught.value.message
