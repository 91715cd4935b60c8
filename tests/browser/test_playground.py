"""The playground: forms of operations, and the same call in other words, which does the same."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import OpenPage
from tests.browser.past import get
from tests.browser.world import World, world
from tests.support.mcp import MODERN, over_http

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(60)]
A = 'Half, that is 0.5; it\'s "half".'


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("home"), QUORUM_AUTH="off") as one:
        yield one


def copy(page: Page, tool: str) -> str:
    """The call in the words of a tool."""
    page.get_by_role("tab", name=tool).click()
    return page.get_by_role("region", name="The call").inner_text()


def output(command: list[str], given: str | None = None) -> dict[str, object]:
    bin_ = str(Path(sys.executable).parent)
    env = {"PATH": os.pathsep.join([bin_, os.environ["PATH"]]), "HOME": "/nowhere"}
    done = subprocess.run(
        command, input=given, env=env, capture_output=True, text=True, timeout=20, check=True
    )
    return json.loads(done.stdout)


def test_every_operation_has_a_form(there: World, open_page: OpenPage) -> None:
    cards = get(there, "api/operations")["operations"]
    page = open_page(there.url + "#/playground")
    links = page.locator(".operations a")
    expect(links).to_have_count(len(cards))
    for card in cards:
        page.evaluate("name => { location.hash = `/playground?op=${name}` }", card["name"])
        expect(page.locator(".operation h2").first).to_have_text(card["name"])
        fields = get(there, f"api/operations/{card['name']}")["input"].get("properties", {})
        expect(page.locator(".schema-fields .field")).to_have_count(len(fields))
    page.get_by_label("Find an operation").fill("budget alert")
    expect(links.first).to_contain_text("budget")


def test_a_call_and_the_same_in_other_words(there: World, open_page: OpenPage) -> None:
    page = open_page(there.url + "#/playground?op=agreement")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".field-error")).to_have_text(["This must be given."] * 2)
    page.get_by_label("a", exact=True).fill(A)
    page.get_by_label("b", exact=True).fill("1/2")
    page.get_by_label("answer_format optional").select_option("number")
    page.get_by_role("button", name="Run", exact=True).click()
    answer = json.loads(page.get_by_role("region", name="The answer").inner_text())
    assert answer["agreement"] == "cannot_tell"  # what is in quotes is no number
    assert output(["sh", "-c", copy(page, "curl")]) == answer
    assert output(["sh", "-c", copy(page, "Command line")]) == answer
    shown = copy(page, "Python").replace("print(", "print((").replace("))\n", ")).model_dump_json())\n")
    assert output([sys.executable, "-"], shown) == answer
    expect(page.get_by_role("tab", name="MCP")).to_be_visible()
    assert "no MCP tool" in copy(page, "MCP")


def test_a_tool_is_called_as_mcp_shows_it(there: World, open_page: OpenPage) -> None:
    there.model("counted", "Hello.")
    page = open_page(there.url + "#/playground?op=tokens.count")
    page.get_by_label("text", exact=True).fill("two and two")
    page.get_by_role("button", name="Run", exact=True).click()
    answer = json.loads(page.get_by_role("region", name="The answer").inner_text())
    call = json.loads(copy(page, "MCP"))["params"]

    async def called() -> object:
        async with over_http(there.server.url, MODERN, toolsets="all") as client:
            return (await client.call_tool(call["name"], call["arguments"])).structured_content

    found = asyncio.run_coroutine_threadsafe(called(), there.loop).result(20)
    assert found == answer


def test_a_refusal_is_shown_with_what_to_do(there: World, open_page: OpenPage) -> None:
    page = open_page(there.url + "#/playground?op=budget.delete")
    page.get_by_label("budget_id", exact=True).fill("bud_none")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".error-message")).to_have_text("there is no budget bud_none")
    expect(page.locator(".error-hint")).to_contain_text("GET /api/budget")
    page.evaluate("location.hash = '/playground?op=organizations.delete'")
    page.get_by_label("organization_id", exact=True).fill("org_none")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("cannot be undone")
    page.get_by_role("button", name="Carry it out").click()
    expect(page.locator(".error-message")).to_contain_text("there is no organisation")
