import json
import re
import shutil
from html.parser import HTMLParser

import pytest

from sfumato.errors import InputError
from sfumato.report.page import write_report
from sfumato.report.summary import summary

HOSTILE = ('<script>alert("x")</script>', "b & 'c'", "病害 <严重>")


class Page(HTMLParser):
    """Tags with their attributes, and whether every tag is closed."""

    VOID = frozenset({"meta", "img", "br", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def sources(self) -> list[str]:
        return [str(value) for _, attrs in self.tags for name, value in attrs.items() if name in ("src", "href")]


def page_of(folder) -> Page:
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert page.open == []
    return page


def plain(page: Page) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page.text[page.text.index("<body>") :]).split())


def test_the_page_stands_alone_and_escapes_what_users_wrote(make_run):
    page = page_of(make_run(HOSTILE))
    assert not re.search("https?:", page.text)
    assert not re.search(r"@import|<link|url\((?!#)", page.text)
    assert all(source.startswith(("data:image/jpeg;base64,", "#")) for source in page.sources())
    assert [attrs for tag, attrs in page.tags if tag == "script"] == [{}]  # its own, which the policy names by its hash
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;" in page.text
    assert "病害 &lt;严重&gt;" in page.text
    assert "&lt;broken&gt;.png" in page.text
    assert "&lt;no cuda&gt; &amp; no mps here" in page.text


def test_the_ids_of_the_page_are_unique(make_run):
    ids = [attrs["id"] for _, attrs in page_of(make_run()).tags if "id" in attrs]
    assert len(ids) == len(set(ids)) > 0


def test_the_same_run_gives_the_same_page(make_run):
    folder = make_run()
    assert write_report(folder).read_bytes() == write_report(folder).read_bytes()


def test_missing_pictures_are_named_in_their_place(make_run):
    page = page_of(make_run(pictures=False))
    assert not [tag for tag, _ in page.tags if tag == "img"]
    assert page.text.count("missing or unreadable") >= 24
    assert "Worst mistakes" in page.text


def test_without_a_test_part_the_page_says_that_validation_is_optimistic(make_run):
    words = plain(page_of(make_run(test=0)))
    assert "No images were set aside for a test, so these figures are optimistic: on the 40 validation images" in words
    assert "that also chose the weights: optimistic" in words


def test_with_neither_part_nothing_was_measured(make_run):
    page = page_of(make_run(val=0, test=0))
    words = plain(page)
    assert "Nothing was measured: no images were set aside for a test or for validation." in words
    assert "Confusion" not in words
    assert "Worst mistakes" not in words
    assert "What the network saw" in words


def test_a_run_under_way_can_be_looked_at(make_run):
    folder = make_run(finished=False)
    folder.history.unlink()
    words = plain(page_of(folder))
    assert "Nothing has been measured yet: this run is not finished." in words
    assert "Curves" not in words


def test_a_test_part_without_validation_is_reported_uncalibrated(make_run):
    words = plain(page_of(make_run(val=0)))
    assert "it was not calibrated" in words
    assert "Before calibration" not in words


@pytest.mark.parametrize("name", ["data/bad_images.csv", "env.json"])
def test_a_report_needs_no_more_than_recipe_and_splits(make_run, name):
    folder = make_run()
    (folder.path / name).unlink()
    shutil.rmtree(folder.bundle)
    page_of(folder)


@pytest.mark.slow
def test_10000_test_images_of_300_classes_fit_into_5_mb(make_run):
    names = tuple(f"类别 {i:03} 病" for i in range(300))
    folder = make_run(names, train=600, val=300, test=10_000, pictures=False)
    page = page_of(folder)
    assert len(page.text.encode()) < 5_000_000
    assert "Of 300 classes the worst and the largest are shown." in plain(page)


DEEP = b"[" * 100_000
DAMAGED = {
    **{f"metrics.json {content[:9]!r}": ("metrics.json", content) for content in
       (b"", b"junk", b"[]", b"\xff\xfe", DEEP, b'{"test": 1}', b'{"test": {}}', b'{"test": {"scores": {"accuracy": NaN}}}')},
    **{f"history.csv {content[:9]!r}": ("history.csv", content) for content in
       (b"epoch\n\xff", b"epoch,step\nx,1", b"epoch,step\n1", b"epoch\n1,2", b'epoch\n"1')},
    **{f"bad_images.csv {content[:9]!r}": ("data/bad_images.csv", content) for content in (b"id,image,problem\n\xff", b"image,problem\na")},
    **{f"policy.json {content[:9]!r}": ("bundle/policy.json", content) for content in (b"", b"{}", b"\xff")},
    **{f"test.parquet {content[:9]!r}": ("predictions/test.parquet", content) for content in (b"", b"PAR1junk")},
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_is_named_in_one_line(make_run, name):
    path, content = DAMAGED[name]
    folder = make_run(pictures=False)
    (folder.path / path).write_bytes(content)
    with pytest.raises(InputError) as caught:
        write_report(folder)
    assert str(caught.value).startswith(f"{folder.path / path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"junk", b"[]", b"\xff", DEEP, b'{"packages": 1, "notes": 2, "date": 3, "command": []}', b'{"a": NaN}'],
)
def test_a_page_does_without_a_damaged_env_json(make_run, content):
    folder = make_run(pictures=False)
    folder.environment.write_bytes(content)
    words = plain(page_of(folder))
    assert "What the network saw" in words
    assert ("left out" in words) == (not content.startswith(b'{"packages'))


def test_results_of_other_classes_are_refused(make_run):
    folder = make_run(pictures=False)
    document = json.loads(folder.metrics.read_text())
    document["test"]["classes"][0]["name"] = "other"
    folder.metrics.write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"metrics.json: damaged: other classes than in test.parquet"):
        write_report(folder)


def test_the_page_and_the_summary_say_that_groups_were_resampled(make_run):
    folder = make_run(pictures=False)
    assert "resampled together" not in plain(page_of(folder))
    document = json.loads(folder.metrics.read_text())
    document["test"]["groups"] = 12
    folder.metrics.write_text(json.dumps(document))
    assert "Images that belong together were resampled together: 12 groups." in plain(page_of(folder))
    lines = summary(folder)
    assert "  intervals: 12 groups of images resampled as a whole" in lines
    assert any(line.startswith("  by chance alone") for line in lines)


def test_figures_for_other_peoples_tables_are_folded_away(make_run):
    folder = make_run(tuple("abcdef"), pictures=False)
    words = plain(page_of(folder))
    titles = ["AUC", "AUC, weighted", "AUC, micro", "mAP, all-point", "mAP, 11-point", "mAP, step", "Top-3", "Top-5"]
    places = [words.index(f" {title} 0.") for title in (*titles, "Macro precision", "Weighted precision")]
    assert places == sorted(places)
    assert re.search(r" Coverage error [1-6]\.\d{3} [1-6]\.\d{3} to [1-6]\.\d{3} how many classes", words)
    assert "Equal error rate" not in words
    document = json.loads(folder.metrics.read_text())
    assert "More figures" in words
    kept = ("accuracy", "balanced_accuracy", "macro_f1", "ece")
    document["test"]["scores"] = {name: document["test"]["scores"][name] for name in kept}
    folder.metrics.write_text(json.dumps(document))  # as it was before they were measured
    assert "More figures" not in plain(page_of(folder))


def test_of_two_classes_the_equal_error_rate_is_shown(make_run):
    assert " Equal error rate 0." in plain(page_of(make_run(pictures=False)))
