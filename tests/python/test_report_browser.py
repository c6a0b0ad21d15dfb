"""The report in a real browser: a headless Chromium of the system, driven by Playwright."""

import os
import re
import shutil
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from report_studies import altered, renamed, small_study

from aumann.report import write_report

HOSTILE = '<b>&"x'
SCRIPT = "</script><script>window.hit = 1</script>"
PICTURE = "\"'><img src=x onerror=window.hit=1>"
TURNED = "\x1b[31m\u202eback"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("the report must be read by a browser in CI, but chromium is missing")
        pytest.skip("chromium is not installed (Debian: apt-get install chromium)")
    # Chromium's own sandbox does not work for the superuser.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("study")
    names = {
        "topic 1": HOSTILE,
        "visibility": f"{HOSTILE} panel",
        "topic 2": SCRIPT,
        "topic top": TURNED,
        "random": PICTURE,
    }
    results = renamed(small_study(folder), names)

    def one_undefined(table, row):
        if table == "whole" and row["topic"] == HOSTILE and row["value_function"] == "Heat()":
            row["share"] = None
        return row

    write_report(altered(results, one_undefined), folder / "report.html")
    return (folder / "report.html").as_uri()


@pytest.fixture
def visit(browser, address):
    """Open the page with some settings; nothing but the page itself may be asked for."""
    opened = []

    def open_page(width: int = 1280, **settings) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, **settings)
        page = context.new_page()
        seen = SimpleNamespace(context=context, requests=[], complaints=[])
        page.on("console", lambda message: seen.complaints.append(message.text))
        page.on("pageerror", lambda error: seen.complaints.append(str(error)))

        def only_the_page(route):
            # An image within the page has an address too, which leads nowhere.
            if not route.request.url.startswith("data:"):
                seen.requests.append(route.request.url)
            route.continue_() if route.request.url == address else route.abort()

        context.route("**/*", only_the_page)
        page.goto(address)
        opened.append(seen)
        return page

    yield open_page
    for seen in opened:
        seen.context.close()
        assert seen.requests == [address]
        assert seen.complaints == []


def column(page: Page, table: str, place: int) -> list[str]:
    rows = page.locator(f"#table-{table} tbody tr:visible")
    return [text.strip() for text in rows.locator(f"td:nth-child({place})").all_inner_texts()]


def numbers(texts: list[str]) -> list[float]:
    kept = [text.replace("\N{MINUS SIGN}", "-").split("\N{NO-BREAK SPACE}")[0] for text in texts]
    return [float(text.replace(",", "").replace("+", "")) for text in kept]


def test_the_page_loads_alone_and_shows_names_as_they_are(visit):
    page = visit()
    assert "A small panel tells another story than all 3,000 agents" in page.inner_text("h1")
    assert HOSTILE in page.inner_text("#topics summary >> nth=0")
    assert column(page, "population", 1)[0] == HOSTILE
    assert page.locator("b").count() == 0
    # What is blocked by the policy of the page does not run, here a handler in the markup.
    page.set_default_timeout(2_000)
    assert page.locator("[onclick], [onload]").count() == 0


def test_names_run_nothing_and_turn_nothing(visit):
    page = visit()
    assert page.evaluate("window.hit") is None
    assert page.locator("script").count() == 1
    assert page.locator("img").count() == 0
    assert SCRIPT in page.inner_text("#topics summary >> nth=1")
    assert r"\x1b[31m\u202eback" in column(page, "panels", 3)


def test_a_table_that_is_cut_says_so(visit):
    page = visit()
    cue = page.locator("#table-panels .cue")
    scroll = page.locator("#table-panels .scroll")
    assert re.fullmatch(r"Scroll sideways: [1-9]\d* more columns? →", cue.inner_text())
    scroll.evaluate("(each) => { each.scrollLeft = each.scrollWidth; }")
    page.wait_for_function("!document.querySelector('#table-panels .scroll.more')")
    assert page.locator("#table-population .cue").is_hidden()
    narrow = visit(360)
    for table in narrow.locator("#tables .table").all():
        wide = table.locator(".scroll").evaluate(
            "(each) => each.scrollWidth > each.clientWidth + 1"
        )
        assert table.locator(".cue").is_visible() == wide


@pytest.mark.parametrize("width", [1280, 800, 360])
def test_no_sentence_is_cut(visit, width):
    page = visit(width=width)
    cut = """cells => cells.filter(cell => cell.scrollWidth > cell.clientWidth).length"""
    assert page.locator("#story td:last-child").evaluate_all(cut) == 0
    assert page.locator("#story td:last-child", has_text="intervals hold the truth").count() > 0


def test_tables_sort_by_mouse_and_keyboard_with_what_is_undefined_last(visit):
    page = visit()
    flips = page.locator("#table-panels th").nth(6)
    flips.locator("button").click()
    assert flips.get_attribute("aria-sort") == "ascending"
    found = numbers(column(page, "panels", 7))
    # As text, +9 would come after +80.
    assert found == sorted(found)
    assert len(found) == 48
    flips.locator("button").press("Enter")
    assert flips.get_attribute("aria-sort") == "descending"
    found = numbers(column(page, "panels", 7))
    assert found == sorted(found, reverse=True)
    sizes = page.locator("#table-panels th").nth(3)
    sizes.locator("button").press("Space")
    assert column(page, "panels", 4) == ["100"] * 24 + ["1,000"] * 24
    assert (flips.get_attribute("aria-sort"), sizes.get_attribute("aria-sort")) == (
        "none",
        "ascending",
    )
    shares = page.locator("#table-population th").nth(3).locator("button")
    for reverse in (False, True):
        shares.click()
        texts = column(page, "population", 4)
        assert texts[-1] == "undefined"
        found = numbers(texts[:-1])
        assert found == sorted(found, reverse=reverse)


def test_tables_are_narrowed_down(visit):
    page = visit()
    table = page.locator("#table-panels")
    topics = table.locator("label:has-text('topic') select").first
    topics.select_option(HOSTILE)
    table.get_by_label("size").select_option("1,000")
    assert set(column(page, "panels", 1)) == {HOSTILE}
    assert set(column(page, "panels", 4)) == {"1,000"}
    assert table.locator(".count").inner_text() == "12 of 48 rows"
    topics.select_option("all")
    assert len(column(page, "panels", 1)) == 24


def test_figures_enlarge_by_mouse_and_keyboard_and_come_back(visit):
    page = visit()
    button = page.locator(".enlarge").first
    small = button.locator("svg").bounding_box()["width"]
    dialog = page.locator("#large")
    count = page.locator("figure svg").count()
    for begin in (lambda: button.click(), lambda: button.press("Enter")):
        begin()
        assert dialog.is_visible()
        assert dialog.locator("svg").bounding_box()["width"] > 1.3 * small
        page.keyboard.press("Escape")
        assert dialog.is_hidden()
        assert page.locator("figure svg").count() == count
        assert page.evaluate("document.activeElement.className") == "enlarge"
    button.click()
    dialog.get_by_role("button", name="Close").click()
    assert dialog.is_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_tables_and_not_the_page(visit, scheme):
    page = visit(360, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    wide = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert wide == [360, 360]
    scrolled = page.locator("#table-panels .scroll")
    assert scrolled.evaluate("(each) => each.scrollWidth > each.clientWidth")
    page.locator(".enlarge").first.click()
    assert page.locator("#large").bounding_box()["width"] <= 360
    ink, paper = page.evaluate(
        "['color', 'background-color'].map((p) => getComputedStyle(document.body)"
        ".getPropertyValue(p).match(/\\d+/g).reduce((sum, each) => sum + Number(each), 0))"
    )
    assert (ink > paper) == (scheme == "dark")


def test_the_printed_page_has_everything_open(visit):
    page = visit()
    page.emulate_media(media="print")
    page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    # All but the manifest's file, which repeats the manifest.
    assert page.locator("details:not([open])").all_inner_texts() == ["manifest.json"]
    assert page.locator("#table-panels .scroll").evaluate(
        "(each) => each.scrollHeight <= each.clientHeight + 1"
    )
    assert page.locator("nav").is_hidden()
    page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert page.locator("#topics details:not([open])").count() == 2


def test_without_scripts_everything_is_readable(visit):
    page = visit(java_script_enabled=False)
    assert page.locator(".filters").first.is_hidden()
    assert page.locator("#table-panels tbody tr").count() == 48
