"""Other gateways, installed by their own package managers into .dev/bench/ and pinned, each in its default set-up.

LiteLLM's proxy has a master key and none of its limits; TensorZero's embedded gateway and Portkey's have no controls.
A peer that cannot be installed or started is reported as skipped.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

from gateways.gateways import Starter, body
from gateways.running import Running, started
from harness import ROOT, free_port

FOLDER = ROOT / ".dev/bench"
LITELLM = ("litellm[proxy]==1.106.2", "opentelemetry-sdk")
"""With the OpenTelemetry SDK: without it this proxy imports modules again on every request, at twice the cost."""
TENSORZERO = ("tensorzero==2026.6.0",)
PORTKEY = "@portkey-ai/gateway@1.15.2"
MASTER = "sk-bench-0123456789abcdef0123456789abcdef"
EMBEDDED = """
import pathlib, sys, threading
from tensorzero import _start_http_gateway
gateway = _start_http_gateway(
    config_file=sys.argv[1], clickhouse_url=None, postgres_url=None, valkey_url=None, async_setup=False
)
pathlib.Path(sys.argv[2]).write_text(gateway.base_url)
threading.Event().wait()
"""
TOML = """
[gateway]
observability.enabled = false
[models.gpt-4o-mini]
routing = ["bench"]
[models.gpt-4o-mini.providers.bench]
type = "openai"
model_name = "gpt-4o-mini"
api_base = "http://127.0.0.1:{port}/v1/"
api_key_location = "env::BENCH_KEY"
"""


class Skipped(Exception):
    """Why a peer is not here."""


def venv(name: str, packages: tuple[str, ...]) -> Path:
    """The `bin` folder of a virtual environment with these packages, made if it is not there.

    Raises:
        Skipped: they cannot be installed.
    """
    uv = os.environ.get("UV") or shutil.which("uv") or str(ROOT / ".dev/uv/bin/uv")
    folder = FOLDER / name
    note = folder / "installed"
    if not note.exists() or note.read_text() != repr(packages):
        _install(uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder))
        python = str(folder / "bin/python")
        _install(uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python, *packages)
        note.write_text(repr(packages))
    return folder / "bin"


def npm(name: str, package: str) -> Path:
    """The folder with an npm package and what it needs.

    Raises:
        Skipped: it cannot be installed.
    """
    folder = FOLDER / name
    note = folder / "installed"
    if not note.exists() or note.read_text() != package:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true}')
        _install("npm", "install", "--silent", "--no-audit", "--no-fund", package, folder=folder)
        note.write_text(package)
    return folder / "node_modules" / package.rpartition("@")[0]


def _install(*command: str, folder: Path = ROOT) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=600)
    except OSError as error:
        raise Skipped(f"{command[0]} is not here: {error.strerror}") from error
    except subprocess.SubprocessError as error:
        said = str(getattr(error, "stderr", "") or error).strip()
        raise Skipped(f"not installed: {said[-200:]}") from error


@contextlib.contextmanager
def litellm(upstream: int, home: Path) -> Iterator[Running]:
    """LiteLLM's proxy with a master key, one worker, its list of prices read from its own package."""
    programs = venv("litellm", LITELLM)
    home.mkdir(parents=True, exist_ok=True)
    model = {"model": "openai/gpt-4o-mini", "api_base": f"http://127.0.0.1:{upstream}/v1", "api_key": "bench"}
    config = {
        "model_list": [{"model_name": "gpt-4o-mini", "litellm_params": model}],
        "general_settings": {"master_key": MASTER},
    }
    (home / "litellm.yaml").write_text(yaml.safe_dump(config))
    headers = {"authorization": f"Bearer {MASTER}"}
    gateway = Running("LiteLLM", free_port(), "/v1/chat/completions", "gpt-4o-mini", [headers])
    command = [str(programs / "litellm"), "--config", str(home / "litellm.yaml"), "--host", "127.0.0.1"]
    command += ["--port", str(gateway.port), "--num_workers", "1", "--telemetry", "False"]
    env = {"HOME": str(home), "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    with started(gateway, command, env, body(gateway.model)) as running:
        yield running


@contextlib.contextmanager
def portkey(upstream: int, home: Path) -> Iterator[Running]:
    """Portkey's gateway on Node; it is told the upstream by headers."""
    folder = npm("portkey", PORTKEY)
    headers = {
        "authorization": "Bearer bench",
        "x-portkey-provider": "openai",
        "x-portkey-custom-host": f"http://127.0.0.1:{upstream}/v1",
    }
    gateway = Running("Portkey", free_port(), "/v1/chat/completions", "gpt-4o-mini", [headers])
    node = shutil.which("node")
    if node is None:
        raise Skipped("node is not here")
    command = [node, str(folder / "build/start-server.js"), "--headless", f"--port={gateway.port}"]
    env = {"HOME": str(home), "NODE_ENV": "production"}
    with started(gateway, command, env, body(gateway.model)) as running:
        yield running


@contextlib.contextmanager
def tensorzero(upstream: int, home: Path) -> Iterator[Running]:
    """TensorZero's gateway inside its Python package; it takes a port of its own choice."""
    programs = venv("tensorzero", TENSORZERO)
    home.mkdir(parents=True, exist_ok=True)
    (home / "tensorzero.toml").write_text(TOML.format(port=upstream))
    address = home / "address"
    address.unlink(missing_ok=True)
    model = "tensorzero::model_name::gpt-4o-mini"
    gateway = Running("TensorZero", 0, "/openai/v1/chat/completions", model, [{}])

    def find() -> None:
        if address.exists() and (said := address.read_text()):
            gateway.port = int(said.split(":")[2].split("/")[0])

    command = [str(programs / "python"), "-c", EMBEDDED, str(home / "tensorzero.toml"), str(address)]
    with started(gateway, command, {"BENCH_KEY": "bench"}, body(model), before=find) as running:
        yield running


PEERS: dict[str, Starter] = {"LiteLLM": litellm, "Portkey": portkey, "TensorZero": tensorzero}
