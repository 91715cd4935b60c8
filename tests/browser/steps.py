"""What a user does on the page, in few words."""

import json
import urllib.request

from playwright.sync_api import Locator, Page, expect


def choose(page: Page, *models: str) -> None:
    """Put these models on the panel."""
    page.locator(".panel > summary").click()
    page.wait_for_timeout(100)
    if not page.get_by_label("Find a model").is_visible():
        page.locator(".panel > summary").click()  # the first one came before the page had its data
    for model in models:
        page.get_by_label("Find a model").fill(model)
        page.keyboard.press("Enter")
    page.locator(".panel > summary").click()


def ask(page: Page, question: str, *models: str, mode: str = "quick_consensus") -> None:
    """Ask and be on the session's page."""
    choose(page, *models)
    page.locator(f"input[value={mode}]").check(force=True)
    page.get_by_label("Question").fill(question)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".turn h1")).to_have_text(question)


def seat(page: Page, index: int) -> Locator:
    """The panel of a seat, counted from 0."""
    return page.locator(f'.seat[data-seat="{index}"]')


def answered(page: Page) -> Locator:
    """The answer, once it is there."""
    answer = page.get_by_role("region", name="The answer")
    expect(answer).to_be_visible()
    return answer


def overflow(page: Page) -> int:
    """How many pixels the page is wider than its window."""
    return max(
        0, page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    )


def asked(url: str, question: str) -> None:
    """A session that is there, asked over REST."""
    body = json.dumps({"query": question, "panel": ["builtin/arithmetic"]}).encode()
    request = urllib.request.Request(f"{url}api/query", body, {"content-type": "application/json"})
    urllib.request.urlopen(request, timeout=5).close()
