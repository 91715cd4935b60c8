"""Sessions after their run: exported, found again, asked again, compared, scored; each model's words under its own name."""

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import OpenPage
from tests.browser.steps import answered, ask, asked, seat
from tests.browser.world import World

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(60)]
NAMES = ("alpha", "beta", "gamma")


def sentinel(name: str) -> str:
    return f"SENTINEL-{name.upper()}-4862"


def panel(there: World, test: str) -> list[str]:
    return [
        there.model(
            f"{test}-{name}", f"{sentinel(name)} — naïve 🦉\n\nsays it.\nCONCLUSION: {4 + (name == 'beta')}"
        )
        for name in NAMES
    ]


def exported(page: Page, title: str) -> str:
    """The file that this entry of the menu gives, by keyboard alone."""
    page.locator(".drop > summary").focus()
    page.keyboard.press("Enter")
    link = page.get_by_role("link", name=title, exact=True)
    while not link.evaluate("link => link === document.activeElement"):
        page.keyboard.press("Tab")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    return Path(waiting.value.path()).read_text()


def only_own(parts: dict[str, str], models: list[str]) -> None:
    """Each part holds the sentinel of its own model and of no other."""
    assert set(parts) == set(models)
    for model, name in zip(models, NAMES, strict=True):
        assert sentinel(name) in parts[model], model
        assert not any(sentinel(other) in parts[model] for other in NAMES if other != name), model


def test_every_export_gives_each_model_its_own_words(there: World, open_page: OpenPage) -> None:
    models = panel(there, "out")
    page = open_page(there.proxy.url)
    ask(page, "What is 2 + 2?", *models, mode="full_deliberation")
    answered(page)
    whole = json.loads(exported(page, "JSON"))
    only_own({one["member"]: one["content"] for one in whole["provider_responses"]}, models)
    heading = r"{}(lab/\S+), round \d+ \(\w+\)"
    markdown = re.split(heading.format("### "), exported(page, "Markdown"))[1:]
    only_own(dict(zip(markdown[::2], markdown[1::2], strict=True)), models)
    document = exported(page, "One HTML file")
    assert not re.search(r"<script|\ssrc=|\shref=", document), "it asks for nothing"
    parts = re.split(heading.format("<summary>"), document)[1:]
    only_own(dict(zip(parts[::2], parts[1::2], strict=True)), models)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy as Markdown").press("Enter")
    expect(page.locator(".toast")).to_have_text("Copied as Markdown")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "The panel disagrees" in copied
    assert f"Dissent of {models[1]}" in copied
    assert sentinel("beta") in copied.partition("Dissent")[2]


def test_the_key_d_opens_the_disagreement(there: World, open_page: OpenPage) -> None:
    models = panel(there, "dis")
    page = open_page(there.url)
    ask(page, "What is 2 + 2?", *models, mode="full_deliberation")
    answered(page)
    page.keyboard.press("d")
    part = page.locator(".strip-other")
    expect(part).to_be_focused()
    expect(part).to_have_attribute("aria-expanded", "true")
    expect(page.locator(".sentence:visible")).to_have_count(1)


def test_asked_again_compared_and_scored(there: World, open_page: OpenPage) -> None:
    models = panel(there, "again")
    page = open_page(there.url)
    ask(page, "What is two and two?", *models, mode="full_deliberation")
    answered(page)
    first = page.url
    page.get_by_role("button", name="Right", exact=True).click()
    expect(page.locator(".toast")).to_contain_text("Noted")
    page.get_by_role("button", name="Ask again").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name=models[1])).to_have_attribute("aria-pressed", "true")
    dialog.get_by_role("button", name=models[1]).click()
    dialog.get_by_role("button", name="Ask again").click()
    expect(page.locator(".seat")).to_have_count(2)
    answered(page)
    assert page.url != first
    page.get_by_role("link", name="Compare with the run before").click()
    expect(page.locator(".pair > section")).to_have_count(2)
    expect(page.locator(".pair-verdict")).to_have_text("Both come to the same")
    expect(page.locator(".pair > section").nth(0)).to_contain_text("they disagree")
    expect(page.locator(".pair > section").nth(1)).to_contain_text("they agree")
    page.reload()
    expect(page.locator(".pair > section")).to_have_count(2)


def test_filters_stand_in_the_address_and_rows_are_walked(there: World, open_page: OpenPage) -> None:
    for number in range(3):
        asked(there.url, f"Which number is zebra {number}?")
    page = open_page(there.url + "#/sessions")
    rows = page.locator("tbody tr")
    expect(rows.first).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type("zebra")
    expect(rows).to_have_count(3)
    page.get_by_label("Status").select_option("completed")
    expect(page).to_have_url(re.compile(r"#/sessions\?q=zebra&status=completed$"))
    page.reload()
    expect(rows).to_have_count(3)
    page.locator("h1").click()
    for key in "jjjjk":
        page.keyboard.press(key)
    expect(rows.nth(1).locator("[data-row]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".turn h1")).to_have_text("Which number is zebra 1?")
    page.go_back()
    expect(rows).to_have_count(3)
    for row in (0, 2):
        rows.nth(row).get_by_role("checkbox").check()
    page.get_by_role("link", name="Compare the two").click()
    expect(page.locator(".pair > section")).to_have_count(2)
    page.goto(there.url + "#/sessions?q=no-such-question")
    expect(page.get_by_role("heading", name="No session fits")).to_be_visible()
    page.goto(there.url + "#/sessions?since=2999-01-01")
    expect(page.get_by_role("heading", name="No session fits")).to_be_visible()


def test_files_go_along_with_the_question(there: World, open_page: OpenPage) -> None:
    model = there.model("file-a", "Read.\nCONCLUSION: 4")
    page = open_page(there.url)
    expect(page.locator(".composer")).to_be_visible()
    page.locator("#files").set_input_files(
        [{"name": "notes.txt", "mimeType": "text/plain", "buffer": b"the owl is grey"}]
    )
    expect(page.locator(".attach-row .chip")).to_contain_text("15 B")
    ask(page, "Which colour?", model)
    answered(page)
    assert any("the owl is grey" in one.everything for one in there.up.asked if one.model == "file-a")
    expect(seat(page, 0)).to_contain_text("Read.")
