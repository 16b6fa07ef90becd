"""The page of a service in a real browser: pictures dropped, pasted and chosen, by hand and by keyboard."""

import base64
import csv
import io
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from tests.served import BUNDLE, SAMPLES, served

import sfumato
from sfumato.outputs import RowForm, csv_lines, form_of
from sfumato.predict.decisions import Answer, Decision

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path")
GIVE = """
([files, kind]) => {
  const transfer = new DataTransfer();
  for (const [name, content] of files)
    transfer.items.add(new File([Uint8Array.from(atob(content), (c) => c.charCodeAt(0))], name, { type: "image/png" }));
  const options = { bubbles: true, cancelable: true, dataTransfer: transfer, clipboardData: transfer };
  document.body.dispatchEvent(kind === "paste" ? new ClipboardEvent("paste", options) : new DragEvent(kind, options));
}
"""


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api").sync_playwright().start()
    found = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield found
    found.close()
    playwright.stop()


@pytest.fixture(scope="module")
def service(small_run):
    with served(small_run.bundle, name="树叶 leaves") as one:
        yield one


@pytest.fixture
def page(browser, service):
    yield from opened(browser, service)


def opened(browser, service, **options):
    """A page that may ask nothing of anybody else, and must not complain of anything but pictures that are refused."""
    context = browser.new_context(**options)
    found, asked, complaints = context.new_page(), [], []
    found.on("request", lambda request: asked.append(request.url))
    found.on("pageerror", lambda error: complaints.append(str(error)))
    found.on("console", lambda message: complaints.append(message.text))
    found.goto(service.address)
    found.wait_for_selector("#asking:not([hidden])")
    yield found
    context.close()
    assert all(url.startswith((service.address, f"blob:{service.address}")) for url in asked), asked
    assert not [one for one in complaints if not re.search(r"status of 4(22|01)|127.0.0.1:9/", one)]


def photos(run) -> list:
    folder = run.folder.parent / "photos"
    return [folder / "disc" / "000.png", folder / "条纹" / "000.png", folder / "checks" / "000.png"]


def give(page, kind, *files) -> None:
    page.evaluate(GIVE, [[[name, base64.b64encode(content).decode()] for name, content in files], kind])


def decided(page, count) -> None:
    from playwright.sync_api import expect

    expect(page.locator("#rows tr")).to_have_count(count)
    expect(page.locator("#status")).to_have_text(re.compile(f"^{count} pictures? decided"), timeout=30_000)


def test_what_it_is(page):
    assert page.get_by_role("heading", level=1).inner_text() == "树叶 leaves"
    assert "3 classes · calibrated" in page.inner_text("#about")


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_picture_is_dropped_or_pasted(page, small_run, kind):
    path = photos(small_run)[1]
    said = sfumato.load(small_run.bundle).predict([path])[0]
    give(page, kind, ("image.png", path.read_bytes()))
    decided(page, 1)
    assert page.inner_text("#detail-name") == ("pasted 1.png" if kind == "paste" else "image.png")
    assert page.inner_text(".answer") == (said.label or "Not sure")
    names = page.locator(".bars .class").all_inner_texts()
    assert names == list(said.probabilities)
    shares = [float(text.split()[-2]) for text in page.locator(".bars .share").all_inner_texts()]
    assert shares == pytest.approx([100 * share for share in said.probabilities.values()], abs=0.06)
    assert page.locator(".bars").get_by_text("条纹").get_attribute("lang") == "zh"
    assert page.get_by_role("img", name=page.inner_text("#detail-name")).is_visible()
    assert not page.is_visible("#all")


def test_many_files_one_of_them_broken(page, small_run):
    paths = [*photos(small_run), *sorted((small_run.folder.parent / "photos" / "disc").glob("*.png"))[1:30]]
    files = [(f"{i:02} 图.png", path.read_bytes()) for i, path in enumerate(paths)]
    give(page, "drop", *files, ("坏.png", b"no picture"))
    decided(page, 33)
    assert page.inner_text("#status").startswith("33 pictures decided")
    assert page.inner_text("#status").endswith("1 could not be used")
    rows = page.get_by_role("row").all_inner_texts()
    assert len(rows) == 34
    assert "坏.png" in rows[-1] and "not an image in any known format" in rows[-1]
    assert page.locator("#rows canvas").count() == 32
    page.get_by_role("button", name="02 图.png").click()
    assert page.inner_text("#detail-name") == "02 图.png"
    page.get_by_role("button", name="坏.png").click()
    assert page.inner_text(".answer") == "No answer"
    page.get_by_role("button", name="Clear").click()
    assert page.locator("#rows tr").count() == 0
    assert not page.is_visible("#detail") and not page.is_visible("#all")


def saved(page) -> list[dict[str, str]]:
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def assert_alike(found: list[dict[str, str]], wanted: list[dict[str, str]]) -> None:
    """The same columns and cells but for what inputs are called; figures to 1e-6, lists as JSON has them."""
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert list(one) == list(other)
        for name in one.keys() - {"input"}:
            if other[name] and name.startswith(("p:", "p.", "confidence", "familiarity")):
                assert float(one[name]) == pytest.approx(float(other[name]), abs=1e-6)
            elif other[name] and name.startswith(("set", "labels")):
                assert json.loads(one[name]) == json.loads(other[name])
            else:
                assert one[name] == other[name], name


def test_the_csv_is_that_of_predict(page, small_run):
    model, paths = sfumato.load(small_run.bundle), photos(small_run)
    give(page, "drop", *[(f'"{i}", 一.png', path.read_bytes()) for i, path in enumerate(paths)], ("x", b"bad"))
    decided(page, 4)
    with page.expect_download() as download:
        page.get_by_role("button", name="Save as CSV").click()
    found = read_csv(download.value.path().read_text(encoding="utf-8-sig"))
    assert [row["input"] for row in found] == ['"0", 一.png', '"1", 一.png', '"2", 一.png', "x"]
    assert_alike(found, read_csv("".join(csv_lines(model.predict([*paths, b"bad"]), form_of(model)))))


SHARES = {"红, a": 0.75, "b": 0.25}
LABELS = Decision("a", None, None, SHARES, False, False, None, set=("红, a", "b"), labels=("红, a",), without="text")
ONE = Answer("b", 0.5, SHARES, True, False, set=("b",), familiarity=-1.25)
TASKS = Decision("a", None, None, {}, True, True, None, {"x": ONE, "颜色": replace(ONE, label=None, abstained=True)})
FORMS = {
    "labels": (LABELS, RowForm(tuple(SHARES), sets=True, multilabel=True, texts=True)),
    "tasks": (TASKS, RowForm({"x": tuple(SHARES), "颜色": tuple(SHARES)}, sets=True, familiarity=True)),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_csv_of_other_forms(page, name):
    """What is written of bundles of several classes and of several questions is what `predict` would write."""
    decision, form = FORMS[name]
    bad = Decision("b", None, None, {}, decision.calibrated, False, "empty", None if name == "labels" else {})
    classes = form.classes if isinstance(form.classes, dict) else {"": form.classes}
    about = {
        "several_tasks": name == "tasks",
        "multilabel": form.multilabel,
        "reads_texts": form.texts,
        "names_sets": form.sets,
        "tells_familiarity": form.familiarity,
        "tasks": [{"task": task, "classes": [{"id": one} for one in ids]} for task, ids in classes.items()],
    }
    rows = [decision.to_dict(), bad.to_dict()]
    written = page.evaluate("async (given) => (await import('/page/csv.js')).csv(...given)", [rows, about])
    assert_alike(read_csv(written), read_csv("".join(csv_lines([decision, bad], form))))


def test_by_keyboard_alone(page, small_run):
    paths = photos(small_run)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "files"
    assert page.get_by_label("Choose pictures").count() == 1
    page.set_input_files("#files", list(map(str, paths)))
    decided(page, 3)
    page.keyboard.press("Tab")
    seen = []
    for _ in range(9):
        seen.append(page.evaluate("document.activeElement.textContent"))
        page.keyboard.press("Tab")
    classes = page.locator(".bars .class").all_inner_texts()
    assert seen == ["Where?", *classes, "Save as CSV", "Clear", "000.png", "000.png", "000.png"]
    page.get_by_role("button", name="000.png").nth(2).focus()
    page.keyboard.press("Enter")
    assert page.get_by_role("row").nth(3).get_attribute("class") == "shown"
    assert page.get_by_role("button", name="000.png").nth(2).get_attribute("aria-current") == "true"
    assert page.get_by_role("status").inner_text().startswith("3 pictures decided")


def test_what_a_screen_reader_is_told(page, small_run):
    page.set_input_files("#files", list(map(str, photos(small_run))))
    decided(page, 3)
    told = page.locator("main").aria_snapshot()
    for line in ("status", "heading", 'list "Classes"', "table", 'columnheader "Answer"', 'button "Save as CSV"', 'img "000.png"', 'region "000.png"'):  # fmt: skip
        assert line in told, told
    assert page.evaluate(
        "[...document.querySelectorAll('button, input:not([type=file])')].every((one) => one.labels?.length || one.textContent || one.ariaLabel)"
    )
    assert page.locator("html").get_attribute("lang") == "en"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 360])
def test_it_can_be_read_in_light_and_dark(browser, service, small_run, scheme, width):
    """Text stands out from what is behind it by 4.5 to 1 (WCAG 2.2, 1.4.3), and nothing is wider than the screen."""
    for page in opened(browser, service, color_scheme=scheme, viewport={"width": width, "height": 800}):
        give(page, "drop", *[(path.name, path.read_bytes()) for path in photos(small_run)], ("坏.png", b"x"))
        decided(page, 4)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        colours = {part: page.evaluate(f"getComputedStyle(document.querySelector('{part}')).color") for part in ("h1", "#about", ".doubt", "#drop strong", "#drop-hint", "td.note.bad", "td.name button", ".where", ".bars button")}  # fmt: skip
        grounds = [page.evaluate(f"getComputedStyle(document.querySelector('{part}')).backgroundColor") for part in ("body", "#drop")]  # fmt: skip
        assert light(grounds[0]) < 0.1 if scheme == "dark" else light(grounds[0]) > 0.9
        for part, colour in colours.items():
            for ground in grounds:
                high, low = sorted((light(colour), light(ground)), reverse=True)
                assert (high + 0.05) / (low + 0.05) >= 4.5, (part, colour, ground)


def light(colour: str) -> float:
    """Relative luminance of `rgb(r, g, b)`."""
    parts = [int(one) / 255 for one in re.findall(r"\d+", colour)[:3]]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_nothing_from_elsewhere_can_run(page):
    """The policy holds: markup in a name is text, and no script that is put in runs."""
    give(page, "drop", ("<img src=x onerror=window.taken=1>.png", SAMPLES[0].read_bytes()))
    decided(page, 1)
    assert page.evaluate("window.taken") is None
    page.evaluate(
        "window.blocked = []; document.addEventListener('securitypolicyviolation', (e) => window.blocked.push(e.effectiveDirective))"
    )
    page.evaluate("fetch('http://127.0.0.1:9/').catch(() => 0)")
    assert page.evaluate("window.blocked") == ["connect-src"]


def explained(service, path, label) -> bytes:
    """The picture that a program is given."""
    with service.client() as client:
        answer = client.post("/explain", files={"files": (path.name, path.read_bytes())}, data={"label": label})
    return base64.b64decode(answer.json()["picture"].partition(",")[2])


def test_where_is_laid_over_the_picture_and_taken_off(page, service, small_run):
    from playwright.sync_api import expect

    path = photos(small_run)[1]
    page.set_input_files("#files", str(path))
    decided(page, 1)
    said = page.locator(".bars .class").all_inner_texts()
    where = page.get_by_role("button", name=f"Where? What speaks for {said[0]}")
    expect(where).to_have_attribute("aria-pressed", "false")
    where.focus()
    page.keyboard.press("Enter")
    map_of = page.locator("img.map")
    map_of.wait_for()
    expect(map_of).to_have_attribute("alt", f"{path.name}: {page.inner_text('.seen')}")
    assert said[0] in page.inner_text(".seen")
    assert drawn(page) == pixels(explained(service, path, said[0]))
    picture, over = page.locator("#detail .picture img").first.bounding_box(), map_of.bounding_box()
    assert over == picture
    expect(where).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name=f"{said[0]}, where?")).to_have_attribute("aria-pressed", "true")
    page.locator(".bars li").nth(1).locator(".track").click()  # a bar, by mouse
    expect(page.locator(".seen")).to_have_text(re.compile(said[1]))
    expect(where).to_have_attribute("aria-pressed", "false")
    assert map_of.count() == 1 and drawn(page) == pixels(explained(service, path, said[1]))
    page.get_by_role("button", name=f"{said[1]}, where?").press("Space")
    expect(map_of).to_have_count(0)
    expect(page.locator(".seen")).to_have_text("")
    assert page.locator('[aria-pressed="true"]').count() == 0


def drawn(page) -> list[int]:
    """The pixels of what is laid over."""
    draw = """async (image) => {
      await image.decode();
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
      canvas.getContext("2d").drawImage(image, 0, 0);
      return [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data];
    }"""
    return page.locator("img.map").evaluate(draw)


def pixels(png: bytes) -> list[int]:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image.convert("RGBA")).ravel().tolist()


def test_a_picture_that_a_browser_can_not_show_is_shown_with_its_map(page, small_run):
    buffer = io.BytesIO()
    with Image.open(photos(small_run)[0]) as image:
        image.save(buffer, "TIFF")
    give(page, "drop", ("a.tif", buffer.getvalue()))
    decided(page, 1)
    page.get_by_text("This browser can't show it").wait_for()
    page.locator(".where").click()
    page.locator("img.map").wait_for()
    assert page.locator("img.map").bounding_box()["width"] > 200
    page.locator(".where").click()
    assert page.get_by_text("This browser can't show it").is_visible()


def test_what_is_not_explained_is_told_in_a_line(page, browser, small_run):
    from playwright.sync_api import expect

    page.route(
        "**/explain", lambda route: route.fulfill(status=422, json={"code": "x", "error": "no map <b>of it</b>"})
    )
    page.set_input_files("#files", str(photos(small_run)[0]))
    decided(page, 1)
    page.locator(".where").click()
    expect(page.locator(".seen.problem")).to_have_text("no map <b>of it</b>")
    assert page.locator("img.map").count() == 0 and page.locator('[aria-pressed="true"]').count() == 0
    with served(small_run.bundle, explanations=0) as other:
        for bare in opened(browser, other):
            bare.set_input_files("#files", str(photos(small_run)[0]))
            decided(bare, 1)
            assert bare.locator(".where, .bars button").count() == 0


def test_a_key_is_asked_for(browser):
    key = "0123456789abcdef"
    with served(BUNDLE, key=key) as service:
        context = browser.new_context()
        page = context.new_page()
        page.goto(service.address)
        field = page.get_by_label("This service asks for a key")
        field.fill("not the key at all")
        page.get_by_role("button", name="Open").click()
        page.get_by_text("That is not the key.").wait_for()
        field.fill(key)
        page.keyboard.press("Enter")
        page.wait_for_selector("#asking:not([hidden])")
        page.set_input_files("#files", str(SAMPLES[0]))
        decided(page, 1)
        assert page.inner_text(".answer")
        page.locator(".where").click()
        page.locator("img.map").wait_for()
        context.close()
