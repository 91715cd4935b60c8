"""Which files of the machine a request may name."""

from pathlib import Path

import pytest

from quorum_mcp.access.files import read_allowed
from quorum_mcp.errors import Forbidden, InvalidInput, NotFound


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "allowed"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub/notes.md").write_text("hello")
    (tmp_path / "outside.txt").write_text("no")
    return folder


def test_reads_below_the_root(root: Path) -> None:
    assert read_allowed(str(root / "sub/notes.md"), [str(root)]) == ("sub/notes.md", b"hello")
    assert read_allowed("sub/notes.md", [str(root)]) == ("sub/notes.md", b"hello")


@pytest.mark.parametrize("path", ["../outside.txt", "/etc/passwd", "sub/../../outside.txt", "~/x"])
def test_refuses_what_lies_outside(root: Path, path: str) -> None:
    with pytest.raises(Forbidden, match="outside"):
        read_allowed(path, [str(root)])


def test_a_link_counts_as_what_it_points_to(root: Path) -> None:
    (root / "link").symlink_to(root.parent / "outside.txt")
    with pytest.raises(Forbidden, match="outside"):
        read_allowed("link", [str(root)])


@pytest.mark.parametrize(
    "name", [".env", ".env.local", "id_rsa", "server.pem", "credentials.json", ".ssh/config"]
)
def test_refuses_what_looks_like_a_secret(root: Path, name: str) -> None:
    file = root / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("secret")
    with pytest.raises(Forbidden, match="secret"):
        read_allowed(name, [str(root)])


def test_without_roots_nothing_is_read(root: Path) -> None:
    with pytest.raises(Forbidden, match="outside"):
        read_allowed(str(root / "sub/notes.md"), [])


def test_says_what_is_no_file(root: Path) -> None:
    with pytest.raises(NotFound):
        read_allowed("none.md", [str(root)])
    with pytest.raises(InvalidInput, match="not a file"):
        read_allowed("sub", [str(root)])
