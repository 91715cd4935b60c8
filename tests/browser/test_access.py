"""axe-core over every state of the page, light and dark, wide and narrow, and no sideways scrolling."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from tests.browser.axe import looks
from tests.browser.conftest import OpenPage
from tests.browser.steps import answered, ask, asked, choose, overflow, seat
from tests.browser.world import World, world
from tests.support.open_question import QUESTION, REVIEWS, honest, placing
from tests.support.script import Say

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(120)]
FOUR = "Two and two is four.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```\nCONCLUSION: 4"


def first(there: World, page: Page) -> None:
    expect(page.locator(".estimate")).not_to_be_empty()


def panel_open(there: World, page: Page) -> None:
    choose(page, "lab/alpha", "builtin/arithmetic")
    page.locator(".panel > summary").click()
    page.get_by_role("button", name="Context").click()
    expect(page.get_by_label("Find a model")).to_be_visible()


def help_open(there: World, page: Page) -> None:
    page.keyboard.press("?")  # the button is in a drawer where it is narrow
    expect(page.get_by_role("dialog")).to_be_visible()


def running(there: World, page: Page) -> None:
    models = [there.model(f"run-{n}", Say(FOUR, hold_after="never")) for n in "abc"]
    models.append(there.model("run-d", Say(FOUR, hold="never")))
    ask(page, "What is 2 + 2?", *models, mode="full_deliberation")
    expect(seat(page, 0)).to_contain_text("Two and two")


def finished(there: World, page: Page) -> None:
    models = [there.model(f"done-{n}", FOUR) for n in "abc"]
    models.append(there.model("done-d", "I say five. " * 80 + "\nCONCLUSION: 5"))
    models.append(there.model("done-e", Say(fail="auth")))
    ask(page, "What is 2 + 2?", *models, mode="full_deliberation")
    answered(page).locator(".strip-part").nth(1).click()
    page.locator(".drop > summary").click()


def open_question(there: World, page: Page) -> None:
    models = [
        there.model(
            f"open-{n}", text, grouping=honest, placing=placing(0), synthesis="In *short*: a database."
        )
        for n, text in REVIEWS.items()
    ]
    ask(page, QUESTION, *models, "builtin/arithmetic")
    answered(page).locator(".point summary").first.click()


def stopped(there: World, page: Page) -> None:
    running(there, page)
    page.locator(".stop").click()
    expect(page.locator(".ending")).to_be_visible()


def unknown(there: World, page: Page) -> None:
    page.goto(there.url + "#/session/ses_nothing")
    expect(page.locator(".error")).to_be_visible()


def asked_again(there: World, page: Page) -> None:
    ask(page, "What is 2 + 2?", there.model("ended-a", FOUR), there.model("ended-b", FOUR))
    answered(page)
    page.get_by_role("button", name="Ask again").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def sessions(there: World, page: Page) -> None:
    for question in ("What is 2 + 2?", "What is 3 + 3?"):
        asked(there.url, question)
    page.goto(there.url + "#/sessions")
    expect(page.locator("tbody tr").first).to_be_visible()
    page.get_by_role("checkbox").first.check()


def no_session(there: World, page: Page) -> None:
    page.goto(there.url + "#/sessions?q=nobody-asked-this")
    expect(page.get_by_role("heading", name="No session fits")).to_be_visible()


def compared(there: World, page: Page) -> None:
    sessions(there, page)
    page.get_by_role("checkbox").nth(1).check()
    page.get_by_role("link", name="Compare the two").click()
    expect(page.locator(".pair > section")).to_have_count(2)


def menu_open(there: World, page: Page) -> None:
    page.get_by_role("button", name="Menu", exact=True).click()
    expect(page.get_by_role("dialog")).to_be_visible()


STATES: list[Callable[[World, Page], None]] = [
    first, panel_open, help_open, running, finished, open_question, stopped, unknown,
    asked_again, sessions, no_session, compared, menu_open,
]  # fmt: skip


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_no_violation(there: World, open_page: OpenPage, state: Callable[[World, Page], None]) -> None:
    page = open_page(there.url, width=375 if state is menu_open else 1400)
    expect(page.locator("h1")).to_be_visible()
    state(there, page)
    looks(page)


@pytest.mark.parametrize(
    "state", [first, finished, open_question, sessions, compared], ids=lambda state: state.__name__
)
def test_no_sideways_scrolling_on_the_narrowest_window(
    there: World, open_page: OpenPage, state: Callable[[World, Page], None]
) -> None:
    page = open_page(there.url, width=320)
    expect(page.locator("h1")).to_be_visible()
    state(there, page)
    assert overflow(page) == 0


def test_no_violation_where_a_key_is_wanted(home: Path, open_page: OpenPage) -> None:
    with world(home, QUORUM_BOOTSTRAP_KEY="k" * 32) as there:
        page = open_page(there.url)
        expect(page.get_by_label("Key", exact=True)).to_be_visible()
        looks(page)
