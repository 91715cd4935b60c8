"""Which address uvicorn's command line was told to listen on, for an application that it imports."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath

DEFAULT = "127.0.0.1"
"""What uvicorn listens on when it is not told."""
ELSEWHERE = ("--uds", "--fd")


def uvicorn_host(argv: Sequence[str], env: Mapping[str, str]) -> str | None:
    """The host of `uvicorn … --host HOST` or UVICORN_HOST; None where it cannot be known.

    Args:
        argv: the command line, the program first.
        env: the environment.
    """
    program = PurePath(argv[0]) if argv else PurePath()
    if "uvicorn" not in (program.stem, program.parent.name):
        return None
    host: str | None = None
    arguments = iter(argv[1:])
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name in ELSEWHERE:
            return None
        if name == "--host":
            host = value if equals else next(arguments, None)
    if any(env.get(f"UVICORN_{name[2:].upper()}") for name in ELSEWHERE):
        return None
    return host or env.get("UVICORN_HOST") or DEFAULT
