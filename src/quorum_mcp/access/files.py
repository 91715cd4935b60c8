"""Files of this machine that a request may name: only below the allowed roots, and none that looks like a secret."""

import re
from collections.abc import Sequence
from pathlib import Path

from quorum_mcp.errors import Forbidden, InvalidInput, NotFound

MAX_BYTES = 10_000_000
LONGEST_PATH = 1_000
_SECRET = re.compile(
    r"(^\.env(\..*)?$|^\.netrc$|^\.pgpass$|^id_(rsa|dsa|ecdsa|ed25519)$|\.(pem|key|p12|pfx|kdbx|keystore)$|"
    r"^(credentials|secrets?)(\.\w+)?$|^\.?(aws|ssh|gnupg)$|^known_hosts$|^\.git-credentials$)",
    re.IGNORECASE,
)


def real_path(path: str, roots: Sequence[str]) -> tuple[Path, Path]:
    """The root that `path` lies below, and the path itself with symbolic links resolved.

    Raises:
        Forbidden: it lies outside the roots, or looks like a secret.
        InvalidInput: it cannot be a path.
    """
    if "\x00" in path or len(path) > LONGEST_PATH:
        raise InvalidInput(f"{path[:80]!r} is not a path", hint="name a file below the allowed folders")
    asked = Path(path)
    asked = asked.expanduser() if path.startswith("~/") else asked
    allowed = [Path(root).resolve() for root in roots]
    if not asked.is_absolute() and allowed:
        asked = allowed[0] / asked
    try:
        real = asked.resolve()
    except (OSError, RuntimeError) as error:  # a name that is too long, or links in a circle
        raise InvalidInput(f"{path!r} cannot be read: {error}", hint="name another file") from None
    root = next((root for root in allowed if real.is_relative_to(root)), None)
    if root is None:
        where = ", ".join(str(root) for root in allowed) or "none is set"
        raise Forbidden(
            f"{path!r} is outside the folders that may be read",
            hint=f"files.roots of quorum.yaml allows: {where}",
        )
    if looks_secret(real.relative_to(root).parts):
        raise Forbidden(
            f"{path!r} looks like a secret and is not read", hint="copy what is needed to another file"
        )
    return root, real


def looks_secret(parts: Sequence[str]) -> bool:
    """Whether a path of these parts looks like one of a secret."""
    return any(_SECRET.search(part) for part in parts)


def read_allowed(path: str, roots: Sequence[str]) -> tuple[str, bytes]:
    """The name and content of a file below one of `roots`, symbolic links resolved.

    Raises:
        Forbidden: it lies outside the roots, or looks like a secret.
        NotFound: there is no such file.
        InvalidInput: it is no regular file, or too large.
    """
    root, real = real_path(path, roots)
    if not real.exists():
        raise NotFound(f"there is no file {path!r}", hint=f"paths are looked for below {root}")
    if not real.is_file():
        raise InvalidInput(f"{path!r} is not a file", hint="name its files one by one")
    if real.stat().st_size > MAX_BYTES:
        raise InvalidInput(f"{path!r} is larger than {MAX_BYTES} bytes", hint="name a smaller file")
    return str(real.relative_to(root)), real.read_bytes()
