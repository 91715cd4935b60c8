"""The pages of providers, budgets, figures and calls: what they show is what the server says."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import OpenPage
from tests.browser.past import HELLO, get, post, world_with_past
from tests.browser.world import World

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.timeout(60)]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_with_past(tmp_path_factory.mktemp("home"), calls=2_000, sessions=20) as there:
        yield there


def test_a_provider_says_how_it_does_and_is_tested(past: World, open_page: OpenPage) -> None:
    page = open_page(past.url + "#/providers")
    card = page.get_by_role("region", name="lab", exact=True)
    expect(card.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile(r"\d+ calls, slowest .*, none failed")
    )
    expect(card.locator(".state")).to_have_text("healthy")
    expect(card).to_contain_text("of 100,000/min")
    card.get_by_role("button", name="Test now").click()
    expect(card).to_contain_text(re.compile(r"Answered in [\d.]+ m?s, \d+ models?"))
    expect(page.locator(".unconfigured")).to_contain_text("ANTHROPIC_API_KEY")


def test_calls_that_take_no_time_are_drawn(past: World, open_page: OpenPage) -> None:
    for _ in range(3):
        post(past, "api/models/generate", HELLO | {"model": "builtin/arithmetic"})
    page = open_page(past.url + "#/providers")
    line = page.get_by_role("region", name="builtin", exact=True).locator(".spark-line")
    expect(line).to_have_attribute("d", re.compile(r"^M[\d.LM -]+$"))


def test_a_budget_is_set_without_a_mouse_and_alerts_live(past: World, open_page: OpenPage) -> None:
    page = open_page(past.url + "#/budget")
    expect(page.locator(".alerts .card-note")).to_have_text("live")
    button = page.get_by_role("button", name="Set a budget")
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Limit in USD")).to_be_focused()
    page.keyboard.type("0.0001")
    page.keyboard.press("Tab")
    page.keyboard.type("W")  # weekly
    page.keyboard.press("Tab")
    page.keyboard.type("lab")
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_label("Refuse calls that do not fit")).not_to_be_checked()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()
    card = page.get_by_role("region", name="Weekly, provider lab")
    expect(card).to_contain_text("only alerts")
    (set_one,) = [one for one in get(past, "api/budget")["budgets"] if one["provider"] == "lab"]
    assert (set_one["period"], set_one["limit"], set_one["enforce"]) == ("weekly", 0.0001, False)
    for _ in range(8):
        post(past, "api/models/generate", HELLO)
    expect(page.locator(".alert-list li").first).to_contain_text("lab", timeout=15_000)
    expect(card.locator(".state")).to_have_text(re.compile("spent"), timeout=15_000)
    card.get_by_role("button", name="Remove").press("Enter")
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(card).to_have_count(0)
    assert all(one["provider"] is None for one in get(past, "api/budget")["budgets"])


def test_cost_by_provider_is_a_ring_with_a_table_and_by_others_a_table(
    past: World, open_page: OpenPage
) -> None:
    page = open_page(past.url + "#/budget?span=all")
    usage = get(past, "api/usage?group_by=provider")["usage"]
    legend = page.locator(".legend tbody tr")
    expect(legend).to_have_count(len(usage))
    assert page.locator(".slice").count() == len(usage)
    dearest = max(usage, key=lambda line: line["cost"])
    expect(legend.first).to_contain_text(dearest["group"])
    expect(legend.first).to_contain_text(f"${dearest['cost']:.2f}")
    page.get_by_role("tab", name="Provider").press("ArrowLeft")
    expect(page).to_have_url(re.compile("by=tag"))
    rows = page.get_by_role("table", name="Cost by tag").locator("tbody tr")
    expect(rows).to_have_count(len(get(past, "api/usage?group_by=tag")["usage"]))
    expect(page.locator(".columns li")).to_have_count(30)
    with page.expect_download() as coming:
        page.get_by_role("link", name="Download as CSV").click()
    assert coming.value.path().read_text().startswith("group,name,requests,")


def test_performance_compares_models_and_says_where_there_is_too_little(
    past: World, open_page: OpenPage
) -> None:
    page = open_page(past.url + "#/performance?window=all")
    compared = get(past, "api/benchmark/providers?time_window=all")["comparison"]
    expect(page.locator(".time-chart canvas")).to_be_visible()
    rows = page.get_by_role("table", name="Comparison of models").locator("tbody tr")
    expect(rows).to_have_count(len(compared))
    few = rows.filter(has_text="lab/past")
    expect(few).to_contain_text("not enough data")
    expect(page.locator(".bars").first).to_contain_text(re.compile(r"not enough data \(\d+ of 20\)"))
    large = next(one for one in compared if one["model"] == "large-2")
    expect(rows.filter(has_text="north/large-2")).to_contain_text(f"{large['p95_latency']:.1f} s")
    page.get_by_label("Throughput", exact=True).check()
    board = get(past, "api/benchmark/leaderboard/throughput?time_window=all")
    places = page.locator(".places li")
    expect(places).to_have_count(len(board["leaderboard"]))
    expect(places.first).to_contain_text(board["leaderboard"][0]["model"])
    expect(page.get_by_text("1 model left out: not enough data.")).to_be_visible()


def test_calls_are_filtered_in_the_address_and_opened_with_their_stages(
    past: World, open_page: OpenPage
) -> None:
    page = open_page(past.url + "#/calls?provider=lab")
    rows = page.get_by_role("table", name="Calls").locator("tbody tr")
    expect(rows.first).to_contain_text("lab/past")
    page.get_by_label("Provider").select_option("")
    page.get_by_label("Model").fill("opal-vision")
    expect(page).to_have_url(re.compile("model=opal-vision"))
    page.get_by_label("State").select_option("error")
    wanted = get(past, "api/calls?model=opal-vision&status=error&limit=100")["calls"]
    expect(rows).to_have_count(min(50, len(wanted)))
    page.reload()
    expect(rows).to_have_count(min(50, len(wanted)))
    expect(page.get_by_label("State")).to_have_value("error")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    aside = page.get_by_role("complementary", name="The call")
    expect(aside.locator(".error-message")).to_contain_text("made up")
    call = get(past, f"api/calls/{wanted[0]['id']}")
    expect(aside.locator(".stage")).to_have_count(len(call["stages"]))
    expect(aside.locator(".stage-failed")).to_contain_text("no further attempt")
    page.keyboard.press("j")
    expect(aside.locator("code").first).to_have_text(wanted[1]["id"])
    page.keyboard.press("Escape")
    expect(aside).to_have_count(0)


def test_settings_say_where_each_value_came_from(past: World, open_page: OpenPage) -> None:
    page = open_page(past.url + "#/settings")
    page.get_by_label("Find").fill("providers.lab base_url")
    row = page.get_by_role("table", name="Settings").locator("tbody tr")
    expect(row).to_have_count(1)
    expect(row).to_contain_text(past.up.url)
    expect(row).to_contain_text("quorum.yaml line")
    page.get_by_label("Find").fill("max_temperature")
    expect(row).to_contain_text("default")
    page.get_by_label("Only what was set").check()
    expect(page.get_by_text("No setting is like that")).to_be_visible()
