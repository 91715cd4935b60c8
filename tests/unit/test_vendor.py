"""The page's vendored libraries are what their lock says, and ask for nothing that is not there."""

import json
import re
from typing import Any

import pytest
from tools.vendor import IMPORTS, LOCK, PACKAGES, VENDOR, digest, relative_imports, vendored

FREE = {"MIT", "Apache-2.0", "(MPL-2.0 OR Apache-2.0)"}
IMPORTED = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["']([^"'\s]+)["']""")


def locked() -> list[dict[str, Any]]:
    return json.loads((VENDOR / LOCK).read_text())["packages"]


def test_every_file_has_its_hash_and_every_hash_its_file() -> None:
    hashes = {name: value for entry in locked() for name, value in entry["sha256"].items()}
    files = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert files - {LOCK} == set(hashes)
    assert {name: digest(VENDOR / name) for name in hashes} == hashes


def test_the_lock_names_what_the_tool_takes() -> None:
    assert [(entry["name"], entry["version"]) for entry in locked()] == [
        (p.name, p.version) for p in PACKAGES
    ]
    assert all(entry["licence"] in FREE for entry in locked())
    assert all(any(name.startswith("licences/") for name in entry["sha256"]) for entry in locked())


def test_imports_are_relative_and_lead_somewhere() -> None:
    found = [name for path in VENDOR.glob("*.js") for name in IMPORTED.findall(path.read_text())]
    assert len(found) >= 5
    assert all((VENDOR / name).is_file() and name.startswith("./") for name in found)


def test_bare_imports_become_relative() -> None:
    assert relative_imports('import{a as b}from"preact";') == 'import{a as b}from"./preact.js";'
    assert relative_imports("import x from './own.js'") == "import x from './own.js'"
    with pytest.raises(KeyError):
        relative_imports('import "left-pad"')
    assert set(IMPORTS.values()) <= {f"./{path.name}" for path in VENDOR.glob("*.js")}


def test_a_source_map_goes_without_its_line() -> None:
    assert vendored("export{x};//# sourceMappingURL=x.js.map") == "export{x};\n"
