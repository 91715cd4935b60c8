"""The folder that journals are in, told from those of other machines."""

import secrets
from pathlib import Path

from msgspec import Struct

from quorum_mcp.store.segment import SUFFIX

NAME = "place"


class Place(Struct, frozen=True):
    """A folder of journals.

    Attributes:
        id: is in the folder itself, so that a new machine, or an emptied disk, is another place.
        live: the segments that are held by a process, or wait to be stored.
        refused: those that could not be stored and wait for a person.
    """

    id: str
    live: frozenset[str]
    refused: frozenset[str]


def look(directory: Path, database_id: str) -> Place:
    """What is in the folder now; a folder without an id gets one."""
    file = directory / NAME
    if not file.exists():
        new = directory / f"{NAME}.{secrets.token_hex(4)}"
        new.write_text(secrets.token_hex(8), encoding="ascii")
        try:
            file.hardlink_to(new)  # Whole, and only one process's.
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links: should two be first at once, the last one counts
            new.replace(file)
        finally:
            new.unlink(missing_ok=True)
    live, refused = (
        frozenset(path.stem for path in directory.glob(f"{database_id}-*{suffix}"))
        for suffix in (SUFFIX, ".refused")
    )
    return Place(file.read_text(encoding="ascii"), live, refused)
