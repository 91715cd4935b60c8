"""The page's files: types, caching, policy, size, and that none asks for what is not there."""

import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.rest import Rest
from tests.support.server import config, serving

from quorum_mcp.api.ui.serve import FOLDER, MEDIA_TYPES, assets, needed

pytestmark = pytest.mark.anyio
IMPORTED = re.compile(r"""(?:\bfrom\s+|\bimport\s*\(?\s*)"([^"]+)\"""")
FIRST_LOAD = 120_000  # bytes in gzip
EVERYTHING = 240_000


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Rest]:
    """A server that wants a key from everyone: the page's files need none."""
    async with serving(tmp_path, config("http://127.0.0.1:9/v1"), QUORUM_BOOTSTRAP_KEY="k" * 32) as rest:
        yield rest


def own(suffix: str) -> list[Path]:
    return [path for path in sorted(FOLDER.rglob(f"*{suffix}")) if "vendor" not in path.parts]


async def test_the_page_and_its_policy(page: Rest) -> None:
    answer = await page.get("/")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert not re.search(r"unsafe|\*|https?:|data:|blob:", policy)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r"<script(?![^>]*\ssrc=)|\sstyle=|\son\w+=", answer.body)


async def test_files_of_the_page_are_cached_for_good_under_their_digest(page: Rest) -> None:
    named = re.findall(r'(?:href|src)="(ui/[^"]+)"', (await page.get("/")).body)
    assert len(named) >= 7
    for name in named:
        answer = await page.get("/" + name)
        assert answer.status == 200, name
        assert answer.headers["content-type"] == MEDIA_TYPES[Path(name).suffix]
        assert "immutable" in answer.headers["cache-control"]
    other = await page.get("/ui/another/app.js")
    assert (other.status, other.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_an_unchanged_file_is_not_sent_again(page: Rest, encoding: str) -> None:
    headers = {"accept-encoding": encoding}
    first = await page.get("/ui/-/app.js", headers=headers)
    assert first.headers.get("content-encoding") == ("gzip" if encoding == "gzip" else None)
    assert first.body.encode() == (FOLDER / "app.js").read_bytes()
    again = await page.get("/ui/-/app.js", headers=headers | {"if-none-match": first.headers["etag"]})
    assert (again.status, again.body) == (304, "")


@pytest.mark.parametrize(
    "path",
    [
        "/ui/-/serve.py",
        "/ui/-/__init__.py",
        "/ui/-/index.html",
        "/ui/-/vendor/vendor.lock.json",
        "/ui/-/%2e%2e/server.py",
        "/ui/-/..%2fserver.py",
        "/ui/-//etc/passwd",
        "/ui/-/",
        "/ui/nothing",
    ],
)
async def test_nothing_else_is_served(page: Rest, path: str) -> None:
    assert (await page.get(path)).status in (401, 404)


def test_every_import_leads_to_a_file() -> None:
    for path in own(".js"):
        for name in IMPORTED.findall(path.read_text()):
            assert name.startswith("."), f"{path.name} imports {name}"
            assert (path.parent / name).resolve().is_file(), f"{path.name} imports {name}"


def test_every_module_is_checked_and_says_what_it_is() -> None:
    for path in own(".js"):
        lines = path.read_text().splitlines()
        assert lines[0] == "// @ts-check", path.name
        assert lines[1].startswith(("/**", "//")), path.name


def test_no_address_is_absolute() -> None:
    for path in [*own(".js"), *own(".css"), FOLDER / "index.html"]:
        for found in re.findall(
            r"""["'(](/(?:api|ui)[^"')]*|(?:https?:)?//[^"')]+)["')]""", path.read_text()
        ):
            raise AssertionError(f"{path.name}: {found}")


def test_colours_come_from_the_tokens() -> None:
    for path in own(".css"):
        if path.name != "tokens.css":
            plain = re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(|oklch\(\d", path.read_text())
            assert not plain, f"{path.name}: {plain}"


def test_the_first_load_is_small() -> None:
    files = assets().files
    assert all(gzip.decompress(asset.zipped) == asset.content for asset in files.values())
    sheets = {name for name in files if name.endswith(".css")}
    first = {*needed(files, "app.js"), *needed(files, "pages/ask.js"), *sheets, "theme.js", "icon.svg"}
    assert "vendor/marked.js" not in first
    assert "pages/session.js" not in first
    total = sum(len(files[name].zipped) for name in first) + len(assets().page.zipped)
    assert total <= FIRST_LOAD, total
    sent = sum(len(asset.zipped) for name, asset in files.items() if not name.endswith(".txt"))
    assert sent <= EVERYTHING, sent
