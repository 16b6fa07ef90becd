"""The report in a real browser: nothing is fetched, tables sort by keyboard, thresholds move, evidence is laid over."""

import json
import re
import shutil

import pytest

from sfumato.report.evidence import read_evidence
from sfumato.report.sliders import sliders
from sfumato.run_folder import RunFolder

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path")


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api").sync_playwright().start()
    found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield found
    found.close()
    playwright.stop()


@pytest.fixture
def page(browser, small_run):
    context = browser.new_context(viewport={"width": 390, "height": 800}, color_scheme="dark")
    found, asked, complaints = context.new_page(), [], []
    found.on("request", lambda request: asked.append(request.url))
    found.on("pageerror", lambda error: complaints.append(str(error)))
    found.on("console", lambda message: complaints.append(message.text))
    address = (small_run.folder / "report.html").as_uri()
    found.goto(address)
    yield found
    context.close()
    assert {url for url in asked if not url.startswith("data:")} == {address} and not complaints


def test_it_fits_a_phone_and_is_dark(page):
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(23, 25, 28)"
    assert page.evaluate("document.querySelectorAll('svg').length") > 5


def test_a_table_sorts_by_the_keyboard(page):
    table = page.locator("table.sortable", has=page.locator("th", has_text="F1")).first
    column = "(table) => [...table.tBodies[0].rows].map((row) => parseFloat(row.cells[6].textContent))"
    for way in ("descending", "ascending"):
        table.locator("thead button", has_text="F1").press("Enter")
        values = table.evaluate(column)
        assert values == sorted(values, reverse=way == "descending") and len(values) > 1
        assert table.locator("th[aria-sort]").get_attribute("aria-sort") == way
    table.locator("thead button", has_text="class").press("Enter")
    names = table.locator("tbody th").all_inner_texts()
    assert names == sorted(names) and len(names) == len(values)


def test_the_threshold_moves(page, small_run):
    measured = read_evidence(RunFolder(small_run.folder)).measured
    (answering,) = sliders(measured)
    slider = page.locator(".slider input")
    for step in (400, 650, 990):
        slider.fill(str(step))
        said = [value if value is not None else "–" for value in answering.counts[0].figures(step).values()]
        shown = page.locator(".slider dd").all_inner_texts()
        assert shown == [one if isinstance(one, str) else f"{one:.3f}" for one in said]
        assert page.locator(".slider output").inner_text() == f"{step / 1000:.3f}"
    slider.press("ArrowRight")
    assert page.locator(".slider output").inner_text() == "0.991"


def test_evidence_is_laid_over_by_the_keyboard(page):
    box = page.get_by_label(re.compile("what spoke for the answer"))
    evidence = page.locator(".mistakes img.evidence").first
    assert not evidence.is_visible()
    box.press("Space")
    assert evidence.is_visible()


def test_without_script_it_is_whole(browser, small_run):
    context = browser.new_context(java_script_enabled=False)
    found = context.new_page()
    found.goto((small_run.folder / "report.html").as_uri())
    assert found.locator(".slider dd").count() == 2 and not found.locator(".slider input").is_visible()
    assert found.locator("thead button").count() == 0
    context.close()


def test_checks_are_on_it(page, small_run):
    checks = json.loads((small_run.folder / "checks.json").read_text(encoding="utf-8"))
    there = [one["code"] for one in checks if one["state"] == "found"]
    assert page.locator(".checks code").all_inner_texts() == there
