"""Reading the configuration: command line over environment over .env over quorum.yaml over defaults."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import fields

from quorum_mcp.config import dotenv
from quorum_mcp.config.convert import Converter, unknown_key
from quorum_mcp.config.environment import VARIABLES, Environment
from quorum_mcp.config.nodes import Node, Origin, fail, from_python, put
from quorum_mcp.config.places import Places
from quorum_mcp.config.settings import Settings
from quorum_mcp.config.validate import validate

DEFAULT = "default"
COMMAND_LINE = Origin("command line")
_DERIVED = frozenset({"config_file", "env", "sources"})


def load(
    *,
    config: Path | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    overrides: Mapping[str, Any] | None = None,
    working_directory: bool = False,
) -> Settings:
    """The settings of this start.

    Args:
        config: the quorum.yaml to read, instead of the one that is looked for.
        env: the environment (default: that of the process).
        cwd: the working directory (default: that of the process).
        overrides: settings of the command line by dotted key (`server.port`); None values are not given.
        working_directory: whether quorum.yaml and .env of the working directory are read (only `serve`).

    Raises:
        ConfigError: something in it cannot be used; the message names where it was written.
    """
    process = os.environ if env is None else env
    places = Places(process, Path.cwd() if cwd is None else cwd, working_directory=working_directory)
    env_file = places.dotenv()
    environment = Environment(process, dotenv.read(env_file) if env_file else {})
    file = _config_file(places, environment, config)
    root = _file_tree(file)
    for key, node in environment.settings():
        put(root, key, node)
    for key, value in (overrides or {}).items():
        if value is not None:
            _check_override(key)
            put(root, key, from_python(value, COMMAND_LINE))
    converter = Converter(environment.expand)
    settings: Settings = converter.build(Settings, root)
    settings = _completed(settings, places, environment, file, converter.sources)
    validate(settings, converter.origins)
    return settings


def _config_file(places: Places, environment: Environment, config: Path | None) -> Path | None:
    if config is not None:
        return places.config_file(config, "command line")
    named = environment.find("QUORUM_CONFIG")
    if named is None:
        return places.config_file(None, "")
    return places.config_file(named.value.strip(), named.origin.describe)


def _file_tree(file: Path | None) -> Node:
    """The tree of quorum.yaml, its sections checked: what only variables may set is no key of it."""
    if file is None:
        return Node({}, Origin(DEFAULT))
    from quorum_mcp.config.yaml_source import read

    root = read(file)
    only_variables = {key: names[0] for key, names in VARIABLES if "." not in key}
    sections = {info.name for info in fields(Settings)} - only_variables.keys() - _DERIVED
    for name, node in root.value.items() if isinstance(root.value, dict) else ():
        if name in only_variables:
            hint = f"Set the variable {only_variables[name]}, in the environment or in .env."
            raise fail(node.origin, name, "is no key of quorum.yaml", hint)
        if name not in sections:
            raise unknown_key(node, name, name, sections)
    return root


def _check_override(key: str) -> None:
    known = {info.name for info in fields(Settings)} - _DERIVED
    name = key.partition(".")[0]
    if name not in known:
        raise unknown_key(Node(None, COMMAND_LINE), key, name, known)


def _completed(
    settings: Settings,
    places: Places,
    environment: Environment,
    file: Path | None,
    sources: dict[str, str],
) -> Settings:
    """The settings with what depends on the machine: folders, database, environment, sources."""
    home = places.absolute(settings.home) if settings.home else places.data()
    # The roots of a file are relative to it; those of the command line to the working directory.
    base = file.parent if file and sources.get("files.roots") != COMMAND_LINE.describe else None
    roots = tuple(str(places.absolute(root, base).resolve()) for root in settings.files.roots)
    vendors = {name: found.origin.describe for name, found in environment.vendor_variables()}
    return msgspec.structs.replace(
        settings,
        home=str(home),
        database_url=settings.database_url or f"sqlite:///{home / 'quorum.db'}",
        files=msgspec.structs.replace(settings.files, roots=roots),
        config_file=str(file) if file else None,
        env=environment.merged(),
        sources=_defaults(settings) | sources | vendors,
    )


def _defaults(settings: Settings) -> dict[str, str]:
    """Every fixed key as `default`, before what was written goes over it."""
    keys: dict[str, str] = {}
    for info in fields(settings):
        value = getattr(settings, info.name)
        if isinstance(value, msgspec.Struct):
            keys |= {f"{info.name}.{inner.name}": DEFAULT for inner in fields(value)}
        elif info.name not in _DERIVED and not (isinstance(value, dict) and value):
            keys[info.name] = DEFAULT
    return keys
