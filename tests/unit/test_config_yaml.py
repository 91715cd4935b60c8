"""quorum.yaml: every section is taken, every mistake is answered with its line and key."""

import re
from pathlib import Path

import pytest

from quorum_mcp.config.load import load
from quorum_mcp.config.providers import ProviderSettings
from quorum_mcp.config.settings import Settings
from quorum_mcp.errors import ConfigError

EVERYTHING = """\
providers:
  openai: {}
  mistral:
  lab:
    wire: openai
    base_url: http://127.0.0.1:9100/v1
    api_keys: ["${A}", "x-${B}"]
    model: alpha
    models: [alpha, beta]
    auth: header X-Key
    deployments: [{base_url: http://127.0.0.1:9101/v1, api_key_env: B, weight: 2}]
    price: {input_per_million: 0.5, output_per_million: 15e-1}
    limits: {requests_per_minute: 1e3, tokens_per_minute: 100_000, concurrency: 10}
panels:
  default: [openai/one, openai/one, lab/org/alpha]
models:
  gemini_pro: {provider: openrouter, model_id: google/gemini, max_tokens: 32768, temperature: 0.7}
strategies:
  external_enhancement: {models: [gemini_pro, other]}
  max_quality_council: {models: [gemini_pro, other], require_consensus: true}
execution:
  simple: {preferred: lab/alpha, fallback: [lab/beta]}
  moderate: {preferred: lab/alpha, fallback: []}
  complex: {preferred: gemini_pro, fallback: [lab/beta]}
mcp_services:
  file_manager: {type: stdio, command: [node, file-manager.js], capabilities: [read, write]}
  code_analyzer: {type: http, url: http://localhost:8001, headers: {Authorization: "Bearer ${A}"}}
budgets: [{period: daily, limit: 10.0, provider: null, alert_threshold: 0.8, enforce: yes}]
consensus: {synthesizer: null, judge: lab/alpha, fallback: [], critique_rounds: 1, track_record: off}
retry: {attempts: 3, min_seconds: 4, max_seconds: 10}
fallbacks: {openai/one: [lab/alpha]}
server: {host: 127.0.0.1, port: 8000, bridge: false, allowed_hosts: [], allowed_origins: [], metrics_port: null}
files: {roots: []}
records: {store_content: none, retention_days: 90, timezone: UTC}
webhooks: [{url: "http://127.0.0.1:1/hook", events: [budget.alert], secret_env: HOOK, allow_private: true}]
guardrails: [{url: "http://127.0.0.1:1/check", stages: [before], allow_private: true}]
modules: {talos: {nodes: 3, ratio: 1e-1, name: "3", on: true, nested: {list: [1, two, null]}}}
cache: {backend: memory, ttl_seconds: 3600, max_temperature: 0.7, skip_providers: [lab]}
"""


def read(tmp_path: Path, text: str | bytes, **env: str) -> Settings:
    path = tmp_path / "quorum.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return load(env={"HOME": str(tmp_path)} | env, cwd=tmp_path, config=path)


def refused(tmp_path: Path, text: str | bytes, **env: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, **env)
    assert str(tmp_path / "quorum.yaml") in caught.value.message
    return caught.value


def test_every_section_is_typed(tmp_path: Path) -> None:
    settings = read(tmp_path, EVERYTHING, A="key-a", B="key-b")
    lab = settings.providers["lab"]
    assert settings.providers["openai"] == settings.providers["mistral"] == ProviderSettings()
    assert lab.api_keys == ("key-a", "x-key-b")
    assert lab.price is not None
    assert lab.price.output_per_million == 1.5
    assert (lab.limits.requests_per_minute, lab.limits.tokens_per_minute) == (1000, 100_000)
    assert type(lab.limits.requests_per_minute) is int
    assert (lab.deployments[0].weight, lab.deployments[0].api_key_env) == (2, "B")
    assert settings.panels == {"default": ("openai/one", "openai/one", "lab/org/alpha")}
    assert settings.models["gemini_pro"].temperature == 0.7
    assert settings.strategies["max_quality_council"].require_consensus is True
    assert settings.execution["complex"].preferred == "gemini_pro"
    assert settings.mcp_services["file_manager"].command == ("node", "file-manager.js")
    assert settings.mcp_services["code_analyzer"].headers == {"Authorization": "Bearer key-a"}
    assert (settings.budgets[0].limit, settings.budgets[0].enforce) == (10, True)
    # Words that YAML 1.1 takes for booleans and null stay words where words are wanted.
    assert (settings.consensus.track_record, settings.records.store_content) == ("off", "none")
    assert settings.fallbacks == {"openai/one": ("lab/alpha",)}
    assert type(settings.retry.min_seconds) is float
    assert settings.webhooks[0].events == ("budget.alert",)
    assert settings.guardrails[0].stages == ("before",)
    talos = {"nodes": 3, "ratio": 0.1, "name": "3", "on": True, "nested": {"list": [1, "two", None]}}
    assert settings.modules == {"talos": talos}
    assert settings.cache.skip_providers == ("lab",)


def test_every_written_value_has_its_line(tmp_path: Path) -> None:
    sources = read(tmp_path, EVERYTHING, A="key-a", B="key-b").sources
    for key, line in {
        "providers.openai": 2,
        "providers.mistral": 3,
        "providers.lab.base_url": 6,
        "providers.lab.limits.concurrency": 13,
        "panels.default": 15,
        "budgets": 28,
        "server.metrics_port": 32,
        "modules.talos.nodes": 37,
    }.items():
        assert sources[key] == f"quorum.yaml line {line} ({tmp_path / 'quorum.yaml'})", key


@pytest.mark.parametrize(
    ("text", "line", "key", "says"),
    [
        ("server:\n  prot: 1", 2, "server.prot", "did you mean 'port'"),
        ("# x\n\nprovider: {}", 3, "provider", "did you mean 'providers'"),
        (
            "panels: {}\nserver:\n  host: a\n  port: abc\n",
            4,
            "server.port",
            "expected a whole number, got 'abc'",
        ),
        ("server: {port: 70000}", 1, "server.port", "at most 65,?535"),
        ("server: {port: -1}", 1, "server.port", "at least 0"),
        ("server: {port: 80.5}", 1, "server.port", "whole number"),
        ('server: {port: "80"}', 1, "server.port", "whole number, got the text '80'"),
        ("server: {port: [1]}", 1, "server.port", "got a list"),
        ("server: {port: }", 1, "server.port", "got nothing"),
        ("server: {bridge: maybe}", 1, "server.bridge", "true or false"),
        ("server: 8000", 1, "server", "expected a mapping, got '8000'"),
        ("server:\n  port: 1\n  host: a\n  port: 2", 4, "server.port", "given twice .first on line 2"),
        ("panels: {default: lab/alpha}", 1, "panels.default", "expected a list"),
        ("panels:\n  default:\n  - lab/a\n  - [x]", 4, r"panels.default\[1\]", "expected text, got a list"),
        ("panels: {default: ['']}", 1, r"panels.default\[0\]", "must not be empty"),
        ("providers:\n  lab:\n    wire: opnai", 3, "providers.lab.wire", "did you mean 'openai'"),
        ("providers: {lab: {limits: {concurrency: 0}}}", 1, "providers.lab.limits.concurrency", "at least 1"),
        ("providers: {lab: {price: {input_per_million: 1}}}", 1, "providers.lab.price", "output_per_million"),
        (
            "providers: {lab: {price: {input_per_million: .nan, output_per_million: 1}}}",
            1,
            "providers",
            "a number",
        ),
        ("execution: {complx: {}}", 1, "execution.complx", "did you mean 'complex'"),
        ("log_level: DEBUG", 1, "log_level", "no key of quorum.yaml"),
        ("budgets:\n- {period: daily, limit: -1}", 2, r"budgets\[0\].limit", "more than 0"),
        ("budgets:\n- {period: daily, limit: .nan}", 2, r"budgets\[0\].limit", "expected a number"),
        ("budgets:\n- {period: daily, limit: .inf}", 2, r"budgets\[0\].limit", "expected a number"),
        ("budgets:\n- {period: daily, limit: 1e999}", 2, r"budgets\[0\].limit", "expected a number"),
        ("budgets:\n- {period: dayly, limit: 1}", 2, r"budgets\[0\].period", "did you mean 'daily'"),
        ("budgets:\n- {limit: 1}", 2, r"budgets\[0\]", "period must be given"),
        ("server: &a {port: 1}\ncache: *a", 1, "cache.port", "unknown key"),
        ("modules: {a: &x {b: *x}}", 1, "modules.a.b", "endless"),
        ("? [a]\n: 1", 1, "", "a key has to be text"),
        ("- a\n- b", 1, "", "mapping of sections"),
        ("server: !!python/object:os.system {}", 1, "server", "not allowed"),
        ("server: {port: 1", 1, "", "no valid YAML"),
        ("a: 1\n\tb: 2", 2, "", "no valid YAML"),
        ("--- {}\n--- {}", 2, "", "no valid YAML"),
    ],
)
def test_a_mistake_is_answered_with_line_and_key(
    tmp_path: Path, text: str, line: int, key: str, says: str
) -> None:
    error = refused(tmp_path, text)
    assert f"quorum.yaml:{line}: " in error.message
    for pattern in (key, says):
        assert re.search(pattern, error.message), error.message


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"server: {host: \xff}", "not UTF-8"),
        (b"server: \x00", "no valid YAML"),
        (b"modules: " + b"[" * 5000, "nested too deeply"),
        (
            b"modules:\n  a: &a {x: [1,1,1,1,1,1,1,1,1,1]}\n"
            + b"".join(
                b"  %c: &%c {x: [%s]}\n" % (i + 1, i + 1, b",".join([b"*%c" % i] * 10)) for i in b"abcdef"
            ),
            "far too large",
        ),
    ],
)
def test_hostile_files_are_refused(tmp_path: Path, text: bytes, says: str) -> None:
    assert says in refused(tmp_path, text).message


def test_a_missing_file_and_a_folder_are_no_configuration(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    for name in ("absent.yaml", "folder.yaml"):
        with pytest.raises(ConfigError, match=name):
            load(env={"HOME": str(tmp_path)}, cwd=tmp_path, config=tmp_path / name)


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "{}\n", "\ufeff{}"])
def test_an_empty_file_is_an_empty_configuration(tmp_path: Path, text: str) -> None:
    settings = read(tmp_path, text)
    assert (settings.providers, settings.config_file) == ({}, str(tmp_path / "quorum.yaml"))


def test_merge_keys_and_anchors(tmp_path: Path) -> None:
    text = """
providers:
  one: &one {wire: openai, base_url: "http://127.0.0.1:1/v1", model: a}
  two:
    <<: *one
    model: b
"""
    providers = read(tmp_path, text).providers
    assert (providers["two"].wire, providers["two"].model, providers["one"].model) == ("openai", "b", "a")


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path, "providers:\n  lab:\n    api_keys: ['${ABSENT}']")
    assert "quorum.yaml:3: providers.lab.api_keys[0]: the variable 'ABSENT' is not set" in error.message
    assert "not closed" in refused(tmp_path, "providers: {lab: {api_keys: ['${A']}}", A="x").message


def test_variables_are_put_in_only_where_that_is_documented(tmp_path: Path) -> None:
    settings = read(tmp_path, "panels: {p: ['lab/${A}']}\nproviders: {lab: {model: '${A}'}}", A="x")
    assert settings.panels["p"] == ("lab/${A}",)
    assert settings.providers["lab"].model == "${A}"
