"""Where settings come from, and which source wins."""

import subprocess
import sys
from pathlib import Path

import pytest

from quorum_mcp.config.load import load
from quorum_mcp.errors import ConfigError


def user_config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "xdg" / "quorum" / "quorum.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "xdg")}


def test_nothing_at_all_is_a_working_configuration(env: dict[str, str], tmp_path: Path) -> None:
    settings = load(env=env, cwd=tmp_path)
    assert settings.server.port == 8000
    assert settings.providers == {}
    assert settings.config_file is None
    assert settings.home == str(tmp_path / "home/.local/share/quorum")
    assert settings.database_url == f"sqlite:///{tmp_path}/home/.local/share/quorum/quorum.db"
    assert set(settings.sources.values()) == {"default"}
    assert settings.sources["retry.attempts"] == settings.sources["log_level"] == "default"


def test_command_line_over_environment_over_dotenv_over_file(env: dict[str, str], tmp_path: Path) -> None:
    path = user_config(tmp_path, "server:\n  port: 1111\ncache:\n  ttl_seconds: 1\n  max_temperature: 0.2\n")
    dotenv = path.parent / ".env"
    dotenv.write_text("# comment\nCACHE_TTL=2\nLOG_LEVEL=debug\n")
    settings = load(env=env, cwd=tmp_path)
    assert (settings.cache.ttl_seconds, settings.sources["cache.ttl_seconds"]) == (
        2,
        f".env line 2 ({dotenv})",
    )
    assert settings.log_level == "DEBUG"
    assert (settings.server.port, settings.sources["server.port"]) == (1111, f"quorum.yaml line 2 ({path})")
    assert settings.cache.max_temperature == 0.2
    assert settings.config_file == str(path)

    env |= {"CACHE_TTL": "3"}
    settings = load(env=env, cwd=tmp_path)
    assert (settings.cache.ttl_seconds, settings.sources["cache.ttl_seconds"]) == (3, "environment CACHE_TTL")

    overrides = {"cache.ttl_seconds": 4, "server.port": 2222, "server.host": None, "server.bridge": True}
    settings = load(env=env, cwd=tmp_path, overrides=overrides)
    assert (settings.cache.ttl_seconds, settings.sources["cache.ttl_seconds"]) == (4, "command line")
    assert (settings.server.port, settings.server.host, settings.server.bridge) == (2222, "127.0.0.1", True)
    assert settings.sources["server.host"] == "default"


def test_the_working_directory_counts_only_where_it_is_asked_for(env: dict[str, str], tmp_path: Path) -> None:
    cwd = tmp_path / "cloned"
    cwd.mkdir()
    (cwd / "quorum.yaml").write_text("server: {port: 6666}")
    (cwd / ".env").write_text("OPENAI_BASE_URL=http://127.0.0.1:6666/v1\nQUORUM_CONFIG=quorum.yaml\n")
    closed = load(env=env, cwd=cwd)
    assert closed.server.port == 8000
    assert "OPENAI_BASE_URL" not in closed.env
    opened = load(env=env, cwd=cwd, working_directory=True)
    assert opened.server.port == 6666
    assert opened.env["OPENAI_BASE_URL"] == "http://127.0.0.1:6666/v1"
    assert opened.config_file == str(cwd / "quorum.yaml")


def test_the_file_may_be_named(env: dict[str, str], tmp_path: Path) -> None:
    user_config(tmp_path, "server: {port: 1111}")
    named = tmp_path / "other.yml"
    named.write_text("server: {port: 2222}")
    for settings in (
        load(env=env | {"QUORUM_CONFIG": "other.yml"}, cwd=tmp_path),
        load(env=env | {"QUORUM_CONFIG": str(named)}, cwd=Path("/")),
        load(env=env | {"QUORUM_CONFIG": "missing.yml"}, cwd=tmp_path, config=named),
    ):
        assert settings.server.port == 2222
        assert settings.sources["server.port"] == f"other.yml line 1 ({named})"
    with pytest.raises(ConfigError, match=r"environment QUORUM_CONFIG: there is no file .*missing\.yml"):
        load(env=env | {"QUORUM_CONFIG": "missing.yml"}, cwd=tmp_path)
    with pytest.raises(ConfigError, match="command line: there is no file"):
        load(env=env, cwd=tmp_path, config=tmp_path / "missing.yml")


def test_folders_follow_xdg_and_quorum_home(env: dict[str, str], tmp_path: Path) -> None:
    data = load(env=env | {"XDG_DATA_HOME": str(tmp_path / "data")}, cwd=tmp_path)
    assert data.home == str(tmp_path / "data/quorum")
    relative = load(env=env | {"XDG_DATA_HOME": "data"}, cwd=tmp_path)
    assert relative.home == str(tmp_path / "home/.local/share/quorum")
    own = load(env=env | {"QUORUM_HOME": "~/q"}, cwd=tmp_path)
    assert own.home == str(tmp_path / "home/q")
    assert own.database_url == f"sqlite:///{tmp_path}/home/q/quorum.db"
    assert own.sources["home"] == "environment QUORUM_HOME"
    url = "postgresql://u:p@127.0.0.1/q"
    assert load(env=env | {"QUORUM_DATABASE_URL": url}, cwd=tmp_path).database_url == url


def test_file_roots_become_absolute(env: dict[str, str], tmp_path: Path) -> None:
    path = user_config(tmp_path, "files: {roots: [src, ~/notes, /srv/x]}")
    roots = load(env=env, cwd=tmp_path).files.roots
    assert roots == (str(path.parent / "src"), str(tmp_path / "home/notes"), "/srv/x")
    roots = load(env=env, cwd=tmp_path, overrides={"files.roots": ["src"]}).files.roots
    assert roots == (str(tmp_path / "src"),)


def test_an_unknown_override_is_named(env: dict[str, str], tmp_path: Path) -> None:
    for key in ("server.prot", "servr.port", "env", "sources"):
        with pytest.raises(ConfigError, match=rf"command line: {key}: unknown key"):
            load(env=env, cwd=tmp_path, overrides={key: 1})


def test_loading_imports_nothing_heavy() -> None:
    code = """
import sys, pathlib
from quorum_mcp.config.load import load
load(env={"HOME": "/nonexistent"}, cwd=pathlib.Path("/"))
found = {"pydantic", "yaml", "sqlalchemy", "aiohttp", "asyncio"} & set(sys.modules)
assert not found, found
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
