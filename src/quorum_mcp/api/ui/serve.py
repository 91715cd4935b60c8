"""Serves the page at `/` and its files under `/ui/`, from memory, without writing anything.

Every address in the page is relative, so it works behind any root path. Files are asked for under the digest
of all of them (`ui/<digest>/app.js`), which may be cached for good; under any other word they are revalidated.
"""

import gzip
import hashlib
import posixpath
import re
from functools import cache
from pathlib import Path

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from quorum_mcp.errors import NotFound

FOLDER = Path(__file__).parent
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
PAGE = "index.html"
ENTRY = "app.js"
AT_ONCE = re.compile(r"""(?:\bfrom\s*|\bimport\s*)"(\.[^"]+)\"""")
"""What a module imports before it runs; `import("…")` comes when it is asked for."""
UNVERSIONED = "ui/-/"
"""How index.html on disk names its files."""
POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types dompurify"
)
"""No inline script or style, nothing from elsewhere, and only DOMPurify may turn text into markup."""
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "vary": "accept-encoding",
}


class Asset(Struct, frozen=True):
    """One file as it is sent; `zipped` is the same in gzip."""

    media_type: str
    content: bytes
    zipped: bytes
    digest: str


class Assets(Struct, frozen=True):
    """All files by their path, the page, and the digest of everything."""

    files: dict[str, Asset]
    page: Asset
    version: str


def routes() -> list[BaseRoute]:
    """The routes of the page and its files. They hold no data, so they need no key."""
    return [Route("/", _page), Route("/ui/{version}/{path:path}", _file)]


@cache
def assets() -> Assets:
    """The files, read once."""
    files = {
        path.relative_to(FOLDER).as_posix(): _asset(path.suffix, path.read_bytes())
        for path in sorted(FOLDER.rglob("*"))
        if path.suffix in MEDIA_TYPES and path.is_file()
    }
    every = "".join(f"{name} {asset.digest}\n" for name, asset in files.items())
    version = hashlib.sha256(every.encode()).hexdigest()[:16]
    page = files.pop(PAGE).content.replace(b"</head>", _preloads(files) + b"</head>")
    page = page.replace(UNVERSIONED.encode(), f"ui/{version}/".encode())
    return Assets(files, _asset(".html", page), version)


def needed(files: dict[str, Asset], name: str) -> list[str]:
    """The module with everything that it imports at once, in the order in which it is met."""
    found = [name]
    for module in found:  # grows while it is walked
        for path in AT_ONCE.findall(files[module].content.decode()):
            needs = posixpath.normpath(posixpath.join(posixpath.dirname(module), path))
            if needs not in found:
                found.append(needs)
    return found


def _preloads(files: dict[str, Asset]) -> bytes:
    """Tells the browser of all modules in one go; else it learns of each when it has read another."""
    names = needed(files, ENTRY)[1:]
    return "".join(f'<link rel="modulepreload" href="{UNVERSIONED}{name}">\n' for name in names).encode()


async def _page(request: Request) -> Response:
    return _respond(request, assets().page, "no-cache")


async def _file(request: Request) -> Response:
    found = assets().files.get(request.path_params["path"])
    if found is None:
        return Response("there is no such file\n", NotFound.status, media_type="text/plain")
    current = request.path_params["version"] == assets().version
    return _respond(request, found, "public, max-age=31536000, immutable" if current else "no-cache")


def _respond(request: Request, asset: Asset, cache_control: str) -> Response:
    zipped = "gzip" in request.headers.get("accept-encoding", "")
    tag = f'"{asset.digest}{"-gz" if zipped else ""}"'
    headers = HEADERS | {"cache-control": cache_control, "etag": tag}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if zipped:
        headers["content-encoding"] = "gzip"
    headers["content-type"] = asset.media_type
    return Response(asset.zipped if zipped else asset.content, headers=headers)


def _asset(suffix: str, content: bytes) -> Asset:
    zipped = gzip.compress(content, 9, mtime=0)
    return Asset(MEDIA_TYPES[suffix], content, zipped, hashlib.sha256(content).hexdigest()[:32])
