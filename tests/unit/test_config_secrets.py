"""No secret of the configuration is shown: in reprs, in `show`, in errors."""

import json
from pathlib import Path

import pytest
from rich.pretty import pretty_repr

from quorum_mcp.config.load import load
from quorum_mcp.config.secrets import is_secret, masked
from quorum_mcp.config.settings import Settings
from quorum_mcp.config.show import show
from quorum_mcp.errors import ConfigError

CANARY = "canary-7f3a"
TEXT = f"""
providers:
  lab:
    wire: openai
    base_url: "http://user:{CANARY}@127.0.0.1:1/v1?api_key={CANARY}&x=1"
    api_keys: ["${{LAB}}", "{CANARY}"]
    deployments: [{{base_url: "http://127.0.0.1:2/v1", api_keys: ["{CANARY}"]}}]
mcp_services:
  s: {{type: http, url: "http://127.0.0.1:3", headers: {{X: "{CANARY}"}}, env: {{Y: "{CANARY}"}}}}
modules:
  talos: {{token: {CANARY}, deep: {{password: {CANARY}, secrets: [{CANARY}]}}, credentials: {{a: {{b: [{CANARY}]}}}}}}
  secrets: {{a: {CANARY}}}
"""
ENV = {
    "LAB": CANARY,
    "OPENAI_API_KEY": CANARY,
    "GEMINI_API_KEY": CANARY,
    "QUORUM_SECRET_KEY": CANARY,
    "QUORUM_BOOTSTRAP_KEY": CANARY,
    "QUORUM_API_KEY": CANARY,
    "QUORUM_DATABASE_URL": f"postgresql://q:{CANARY}@127.0.0.1/q?password={CANARY}",
    "REDIS_URL": f"redis://:{CANARY}@127.0.0.1:6379/0",
    "OLLAMA_HOST": f"http://u:{CANARY}@127.0.0.1:1",
    "OPENROUTER_BASE_URL": f"http://u:{CANARY}@127.0.0.1:1",
    "UNRELATED": CANARY,
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "q.yaml").write_text(TEXT)
    return load(env=ENV | {"HOME": str(tmp_path)}, cwd=tmp_path, config=tmp_path / "q.yaml")


def test_the_secrets_are_there_to_be_used(settings: Settings) -> None:
    assert settings.providers["lab"].api_keys == (CANARY, CANARY)
    assert settings.env["OPENAI_API_KEY"] == settings.secret_key == CANARY


def test_no_secret_in_reprs(settings: Settings) -> None:
    lab, service = settings.providers["lab"], settings.mcp_services["s"]
    for part in (settings, lab, lab.deployments, service, settings.providers, (settings,)):
        for text in (repr(part), str(part), f"{part}", pretty_repr(part)):
            assert CANARY not in text
    assert "127.0.0.1:1/v1?api_key=***&x=1" in repr(lab)


def test_no_secret_in_show(settings: Settings) -> None:
    rows = show(settings)
    assert CANARY not in json.dumps(rows)
    by_key = {row["key"]: row for row in rows}
    assert by_key["OPENAI_API_KEY"] == {
        "key": "OPENAI_API_KEY",
        "value": "***",
        "source": "environment OPENAI_API_KEY",
    }
    assert by_key["GOOGLE_API_KEY"]["source"] == "environment GEMINI_API_KEY"
    assert by_key["OPENROUTER_BASE_URL"]["value"] == "http://***@127.0.0.1:1"
    assert by_key["database_url"]["value"] == "postgresql://***@127.0.0.1/q?password=***"
    assert by_key["providers.lab.api_keys"]["value"] == ["***", "***"]
    assert by_key["modules.talos.deep"]["value"] == {"password": "***", "secrets": ["***"]}
    assert by_key["secret_key"]["value"] == "***"
    assert by_key["server.port"] == {"key": "server.port", "value": 8000, "source": "default"}
    assert by_key["config_file"]["value"] == settings.config_file
    assert "env" not in by_key


def test_show_has_every_source_once(settings: Settings) -> None:
    keys = [row["key"] for row in show(settings)]
    assert len(keys) == len(set(keys))
    assert set(settings.sources) <= set(keys)


@pytest.mark.parametrize(
    "text",
    [
        f"providers: {{lab: {{api_keys: {CANARY}}}}}",
        f"providers: {{lab: {{api_keys: [[{CANARY}]]}}}}",
        f"providers: {{lab: {{api_key_env: 'sk {CANARY}'}}}}",
        f"providers: {{lab: {{api_keys: ['${{{CANARY}']}}}}",
        f"providers: {{lab: {{base_url: 'ftp://u:{CANARY}@x'}}}}",
        f"mcp_services: {{s: {{type: http, url: 'http://x', headers: {CANARY}}}}}",
        f"webhooks: [{{url: 'x://{CANARY}'}}]",
    ],
)
def test_no_secret_in_errors(tmp_path: Path, text: str) -> None:
    path = tmp_path / "q.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(env={"HOME": str(tmp_path)}, cwd=tmp_path, config=path)
    error: BaseException | None = caught.value
    while error is not None:
        assert CANARY not in str(error)
        error = error.__cause__ or error.__context__
    assert CANARY not in json.dumps(caught.value.to_dict())


def test_which_names_are_secret() -> None:
    for name in ("api_key", "API_KEYS", "secret", "client_secret", "token", "db_password", "Authorization"):
        assert is_secret(name), name
    for name in (
        "api_key_env",
        "max_tokens",
        "tokens_per_minute",
        "key",
        "timezone",
        "secret_env",
        "keyword",
    ):
        assert not is_secret(name), name


def test_masking_keeps_what_is_no_secret() -> None:
    assert masked("port", 8000) == 8000
    assert masked("api_key", None) is None
    assert masked("api_key", "") == ""
    assert masked("pin_token", 1234) == "***"
    assert masked("url", "http://[::1/broken") == "***"
    assert masked("text", "a@b") == "a@b"
