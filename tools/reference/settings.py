"""docs/reference/settings.md: every key of quorum.yaml, and every variable."""

from collections.abc import Iterator
from typing import Any, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct

from quorum_mcp.config.environment import KEYS, VARIABLES
from quorum_mcp.config.inactive import has_effect
from quorum_mcp.config.settings import Settings

from .attributes import attributes
from .markdown import code, page, table
from .types import of_hint

NO_EFFECT = "*No effect in this version.*"
DERIVED = frozenset({"config_file", "env", "sources"})
HEAD = ("key", "type", "default", "meaning")
INTRO = """
Everything has a default: an empty configuration works. What is set in several places counts in this order: command
line, environment, `.env`, quorum.yaml, default. `quorum config show` prints every setting, its value with secrets
masked, and where it came from.

quorum.yaml is the file that `--config` or `QUORUM_CONFIG` names, else `quorum.yaml` of the working directory (only
`quorum serve` and uvicorn look there), else `~/.config/quorum/quorum.yaml`. `.env` is looked for in the same
folders. An unknown key, a wrong type or a value out of bounds is an error that names the file, the line, the key
and the nearest known one.

Keys marked *no effect* are read and checked and change nothing yet; when one is set, the server says so at its start.
"""
OTHERS = (
    ("QUORUM_CONFIG", "The quorum.yaml to read."),
    ("QUORUM_NO_PROGRESS", "Set: `quorum ask` shows no lines that change while models answer."),
    ("NO_COLOR", "Set: no colours."),
    (
        "HTTP_PROXY, HTTPS_PROXY, NO_PROXY",
        "The proxy for calls to providers; this machine is never behind one.",
    ),
    ("HOME, XDG_CONFIG_HOME, XDG_DATA_HOME", "Where the user's folders for configuration and data are."),
    ("UVICORN_HOST", "The address that uvicorn listens on, which decides who needs a key, as `--host` does."),
)


def settings_page() -> str:
    """The page."""
    only_variables = {key for key, _ in VARIABLES if "." not in key}
    sections = [name for name in Settings.__struct_fields__ if name not in only_variables | DERIVED]
    parts = [INTRO, "## quorum.yaml"]
    for name in sections:
        parts += [f"### {name}", *_section(name)]
    parts += [
        "## Variables",
        VARIABLES_INTRO,
        table(("variable", "type", "default", "meaning"), _variables()),
    ]
    parts += ["### Keys and addresses of vendors", KEYS_INTRO, table(("variable", "meaning"), _vendors())]
    parts += ["### Others", table(("variable", "meaning"), [(_names(n.split(", ")), m) for n, m in OTHERS])]
    return page("Settings", *parts)


VARIABLES_INTRO = (
    "All are optional. An empty variable counts as unset; of several names the first that is set counts."
)
KEYS_INTRO = """
A vendor of the [catalogue](providers.md) is there as soon as its key is. A variable with its base URL sends its calls
elsewhere.
"""


def _section(name: str) -> Iterator[str]:
    about, hint = attributes(Settings)[name], get_type_hints(Settings, include_extras=True)[name]
    shape, place = _shape(hint, name)
    yield about if has_effect(name) else f"{about} {NO_EFFECT}"
    if shape is None:
        yield f"{code(place)}: {of_hint(get_args(hint)[-1])}."
    else:
        yield table(HEAD, _rows(shape, place, name))


def _shape(hint: Any, key: str) -> tuple[type[Struct] | None, str]:
    """The struct behind a key and how the key is written: `providers.NAME`, `budgets[]`."""
    if isinstance(hint, type) and issubclass(hint, Struct):
        return hint, key
    inner = get_args(hint)
    if hint_is(hint, dict):
        names = get_args(inner[0])
        below, written = inner[1], f"{key}.{'|'.join(names) if names else 'NAME'}"
    elif hint_is(hint, tuple):
        below, written = inner[0], f"{key}[]"
    else:  # a struct or nothing, where it is a struct at all
        below, written = next(iter(inner), None), key
    return (below if isinstance(below, type) and issubclass(below, Struct) else None), written


def hint_is(hint: Any, kind: type) -> bool:
    """Whether an annotation is a `kind[…]`."""
    return getattr(hint, "__origin__", None) is kind


def _rows(shape: type[Struct], place: str, bare: str) -> Iterator[tuple[str, ...]]:
    """A row for each key; `bare` is the dotted key without chosen names."""
    meanings = attributes(shape)
    for name, hint in get_type_hints(shape, include_extras=True).items():
        below, written = _shape(hint, name)
        if below is not None and name != "deployments":  # refused whatever is in it
            yield from _rows(below, f"{place}.{written}", f"{bare}.{name}")
            continue
        words = "list" if below else _words(hint)
        meaning = meanings[name]
        if not has_effect(f"{bare}.{name}") and has_effect(bare.partition(".")[0]):
            meaning += f" {NO_EFFECT}"
        yield code(f"{place}.{name}"), words, _default(_field(shape, name)), meaning


def _variables() -> Iterator[tuple[str, ...]]:
    for key, names in VARIABLES:
        shape: type[Struct] = Settings
        *path, last = key.split(".")
        for part in path:
            shape = get_type_hints(shape)[part]
        hint = get_type_hints(shape, include_extras=True)[last]
        meaning = attributes(shape)[last] + ("" if has_effect(key) else f" {NO_EFFECT}")
        if path:
            meaning += f" The same as `{key}`."
        yield _names(names), _words(hint), _default(_field(shape, last)), meaning


def _vendors() -> Iterator[tuple[str, str]]:
    from quorum_mcp.providers.catalog import catalog

    for name, vendor in catalog().vendors.items():
        if vendor.keys:
            aliases = [
                alias for key in vendor.keys for alias in KEYS.get(key, ()) if alias not in vendor.keys
            ]
            yield _names([*vendor.keys, *aliases]), f"The key of {vendor.title} (`{name}`)."
        if vendor.keys and vendor.base_urls:
            yield _names(vendor.base_urls), f"The base URL of {vendor.title}."


def _names(names: Any) -> str:
    return ", ".join(code(name) for name in names)


def _field(shape: type[Struct], name: str) -> msgspec.structs.FieldInfo:
    return next(field for field in msgspec.structs.fields(shape) if field.name == name)


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "must be given"
    value = field.default
    if value is msgspec.NODEFAULT or value in (None, "", ()):
        return "none"
    if isinstance(value, tuple):
        return ", ".join(code(item) for item in value)
    if isinstance(value, bool):
        return code(str(value).lower())
    return code(f"{value:g}") if isinstance(value, float) else code(value)


def _words(hint: Any) -> str:
    """The type and its bounds; that a key may be null goes without saying, because it may be left out."""
    return of_hint(hint).removesuffix(" or null") + _bounds(hint)


def _bounds(hint: Any) -> str:
    for option in (hint, *get_args(hint)):
        meta = next((m for m in getattr(option, "__metadata__", ()) if isinstance(m, Meta)), None)
        if meta is not None and meta.gt is not None:
            return f", above {meta.gt:,}" + (f", at most {meta.le:,}" if meta.le is not None else "")
        if meta is not None and meta.ge is not None:
            return f", {meta.ge:,} to {meta.le:,}"
    return ""
