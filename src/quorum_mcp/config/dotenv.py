"""`.env` files: `NAME=value` lines, nothing is executed or expanded."""

import re
from pathlib import Path

from quorum_mcp.config.nodes import Origin
from quorum_mcp.errors import ConfigError

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def read(path: Path) -> dict[str, tuple[str, Origin]]:
    """The variables of a file with their lines; the last of several lines counts.

    Values may stand in single quotes (taken as they are) or double quotes (with backslash escapes); without
    quotes, ` #` starts a comment.

    Raises:
        ConfigError: the file cannot be read, or a line is no `NAME=value`; the line's text is not quoted.
    """
    try:
        lines = path.read_bytes().decode("utf-8-sig").splitlines()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text (byte {error.start})") from error
    variables: dict[str, tuple[str, Origin]] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        parts = _LINE.fullmatch(text)
        value = _value(parts[2]) if parts else None
        if parts is None or value is None:
            raise ConfigError(f"{path}:{number}: expected NAME=value", hint="Comments begin with #.")
        variables[parts[1]] = (value, Origin(f"{path.name} line {number} ({path})", str(path), number))
    return variables


def _value(text: str) -> str | None:
    """The value of what stands behind the `=`; None where its quotation marks do not close."""
    if text[:1] not in ("'", '"'):
        return "" if text.startswith("#") else re.split(r"\s#", text, maxsplit=1)[0].strip()
    quote = text[0]
    pattern = r"'([^']*)'" if quote == "'" else r'"((?:[^"\\]|\\.)*)"'
    found = re.match(pattern + r"\s*(#.*)?$", text)
    if found is None:
        return None
    if quote == "'":
        return found[1]
    return re.sub(r"\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), found[1])
