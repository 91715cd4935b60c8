"""Vendor the web page's libraries: npm packages into api/ui/vendor, with their licences and a lock of hashes.

    .venv/bin/python tools/vendor.py          # fetch what PACKAGES names, rewrite files and vendor.lock.json

The page has no build step and no import map (its content security policy forbids inline scripts), so bare
imports become relative ones here. Nothing else of a file is changed but its source map's address.
"""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "src" / "quorum_mcp" / "api" / "ui" / "vendor"
LOCK = "vendor.lock.json"


@dataclass(frozen=True)
class Package:
    """One npm package: `files` maps paths in its archive to names in the vendor folder."""

    name: str
    version: str
    files: dict[str, str]
    licence_file: str = "LICENSE"


PACKAGES = (
    Package("preact", "11.2.0", {"dist/preact.mjs": "preact.js", "hooks/dist/hooks.mjs": "preact-hooks.js"}),
    Package("htm", "3.1.1", {"dist/htm.mjs": "htm.js"}),
    Package("@preact/signals-core", "1.14.5", {"dist/signals-core.mjs": "signals-core.js"}),
    Package("@preact/signals", "2.11.4", {"dist/signals.mjs": "signals.js"}),
    Package("marked", "18.2.1", {"lib/marked.esm.js": "marked.js"}),
    Package("dompurify", "3.4.18", {"dist/purify.es.mjs": "dompurify.js"}),
    Package("uplot", "1.6.32", {"dist/uPlot.esm.js": "uplot.js", "dist/uPlot.min.css": "uplot.css"}),
)
IMPORTS = {
    "preact": "./preact.js",
    "preact/hooks": "./preact-hooks.js",
    "@preact/signals-core": "./signals-core.js",
}
_BARE = re.compile(r"""(\bfrom\s*|\bimport\s*)(["'])([^"'./\s][^"'\s]*)\2""")
_SOURCE_MAP = re.compile(r"//# sourceMappingURL=\S+\s*\Z")  # up to its end only: a module may be one line


def relative_imports(text: str) -> str:
    """The module with every bare import made relative. Raises `KeyError` for one that is not vendored."""
    return _BARE.sub(lambda found: f"{found[1]}{found[2]}{IMPORTS[found[3]]}{found[2]}", text)


def vendored(text: str) -> str:
    """A file of a package as the vendor folder holds it."""
    return _SOURCE_MAP.sub("", relative_imports(text)).rstrip() + "\n"


def digest(path: Path) -> str:
    """The file's sha256 in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def take(package: Package, archive: Path) -> dict[str, object]:
    """Write a package's files from its archive; returns its entry of the lock."""
    hashes: dict[str, str] = {}
    with tarfile.open(archive) as tar:

        def read(path: str) -> str:
            member = tar.extractfile(f"package/{path}")
            if member is None:
                raise FileNotFoundError(f"{package.name} has no {path}")
            return member.read().decode()

        licence = json.loads(read("package.json"))["license"]
        for source, name in package.files.items():
            (VENDOR / name).write_text(vendored(read(source)))
            hashes[name] = digest(VENDOR / name)
        text = f"licences/{package.name.replace('@', '').replace('/', '-')}.txt"
        (VENDOR / text).write_text(read(package.licence_file))
        hashes[text] = digest(VENDOR / text)
    return {"name": package.name, "version": package.version, "licence": licence, "sha256": hashes}


def main() -> int:
    """Fetch and write everything; returns the exit status."""
    (VENDOR / "licences").mkdir(parents=True, exist_ok=True)
    entries: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            pack = ("npm", "pack", "--json", "--silent", "--pack-destination", folder)
            done = subprocess.run(
                [*pack, f"{package.name}@{package.version}"], check=True, capture_output=True, text=True
            )
            told = json.loads(done.stdout)
            found = next(iter(told.values())) if isinstance(told, dict) else told[0]
            entry = take(package, Path(folder) / Path(found["filename"]).name)
            entries.append(entry | {"integrity": found["integrity"]})
            print(f"{package.name} {package.version}: {', '.join(package.files.values())}")
    (VENDOR / LOCK).write_text(json.dumps({"packages": entries}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
