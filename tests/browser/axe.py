"""axe-core in the page, and no sideways scrolling."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page
from tests.browser.steps import overflow

AXE = Path(__file__).parents[1] / "conformance/node_modules/axe-core/axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LOOKS = [(dark, width) for dark in (False, True) for width in (1400, 375)]


def check(page: Page) -> None:
    """No violation, and nothing wider than the window."""
    if not AXE.exists():
        absent = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        absent(
            "axe-core is missing: `./dev test` installs it, or `npm ci --ignore-scripts` in tests/conformance"
        )
    page.wait_for_timeout(250)  # colours change in 140 ms
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found = page.evaluate("tags => axe.run({ runOnly: tags, resultTypes: ['violations'] })", TAGS)
    problems = [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
    assert not problems, "\n".join(problems)
    assert len(found["passes"]) > 10
    assert overflow(page) == 0


def looks(page: Page) -> None:
    """Check the page as it stands, in every look: what made it so is done once."""
    for dark, width in LOOKS:
        page.emulate_media(color_scheme="dark" if dark else "light")
        page.set_viewport_size({"width": width, "height": 900 if width > 500 else 812})
        check(page)
