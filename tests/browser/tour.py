"""Going through the pages of the menu, whichever there are."""

from playwright.sync_api import Page, expect


def places(page: Page) -> list[str]:
    """The addresses of the menu."""
    expect(page.locator("main h1")).to_be_visible()
    links = page.locator("nav.menu a")
    return list(dict.fromkeys(links.evaluate_all("all => all.map(one => one.getAttribute('href'))")))


def standing(page: Page) -> None:
    """Wait until the page has its data."""
    expect(page.locator("main h1")).to_be_visible()
    expect(page.locator("main :is(.loading, .boot)")).to_have_count(0)


def go(page: Page, address: str) -> None:
    """Open a page by its address."""
    page.evaluate("address => { location.hash = address }", address)
    page.wait_for_timeout(50)  # the page before is gone
    standing(page)


def tour(page: Page) -> list[str]:
    """Open every page by the menu; none may show an error. Returns their addresses."""
    found = places(page)
    for address in found:
        page.locator(f'nav.menu a[href="{address}"]').first.click()
        standing(page)
        page.wait_for_load_state("networkidle")
        expect(page.locator(".error"), address).to_have_count(0)
        expect(page.locator("nav.menu a[aria-current=page]").first, address).to_have_attribute(
            "href", address
        )
    return found
