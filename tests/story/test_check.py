"""`sfumato check`: every kind of bad or odd file is named, copies and leaks are found, and nothing of the user's changes."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from tests.odd_files import FINE, ODD, photo, write_all
from tests.pictures import folder_per_class, marks
from typer.testing import CliRunner

from sfumato.check import check
from sfumato.cli import app
from sfumato.data.health import survey
from sfumato.errors import InputError

CLASS = '<b>&"气压场"'
"""A class name that would break a page that does not escape it."""


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Every test has its own working folder and its own cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


@pytest.fixture(scope="module")
def odd_photos(tmp_path_factory) -> Path:
    """Three classes of good pictures, one of odd and bad files, and copies."""
    root = tmp_path_factory.mktemp("odd") / "photos"
    folder_per_class(root, {"disc": 20, CLASS: 20, "checks": 20}, 96)
    write_all(root / "odd")
    shutil.copy(root / "disc" / "000.png", root / "disc" / "again.png")
    shutil.copy(root / "disc" / "001.png", root / "checks" / "also checks.png")
    (root / "Ｄisc").mkdir()
    photo(77).save(root / "Ｄisc" / "a.png")
    return root


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def rows_of(checked) -> pl.DataFrame:
    return pl.read_csv(checked.folder.data / "findings.csv", infer_schema=False)


def codes_of(checked, id_: str) -> list[str]:
    rows = rows_of(checked)
    return rows.filter((pl.col("id") == id_) | (pl.col("other_id") == id_))["code"].to_list()


@pytest.fixture(scope="module")
def odd_check(odd_photos, tmp_path_factory):
    """The check of all of them, with what their folder held before and after."""
    root = tmp_path_factory.mktemp("checked")
    before = snapshot(odd_photos)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        checked = check(odd_photos, root / "out", quiet=True)
    return checked, before, snapshot(odd_photos)


@pytest.fixture
def looked_at(odd_check, monkeypatch):
    """What that check remembers, so that another one need not look at them all again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(odd_check[0].folder.path.parent / "cache"))


@pytest.mark.parametrize("what", ODD)
def test_each_odd_file_is_named(odd_check, what):
    name, _, code = ODD[what]
    assert code in codes_of(odd_check[0], f"odd/{name}")


@pytest.mark.parametrize("what", FINE)
def test_what_is_fine_is_not_named(odd_check, what):
    assert codes_of(odd_check[0], f"odd/{FINE[what][0]}") == []


def test_there_are_many_kinds():
    assert len(ODD) >= 25
    assert len({code for _, _, code in ODD.values()}) >= 17


def test_nothing_of_the_users_is_changed(odd_check):
    _, before, after = odd_check
    assert before == after


def test_copies_conflicts_and_names_are_found(odd_check):
    checked = odd_check[0]
    assert codes_of(checked, "disc/again.png") == ["exact-duplicate"]
    assert set(codes_of(checked, "checks/also checks.png")) == {"exact-duplicate", "conflicting-labels"}
    rows = rows_of(checked)
    assert rows.filter(pl.col("code") == "similar-names")["detail"].to_list() == ["'disc' and 'Ｄisc'"]
    assert rows.filter(pl.col("code") == "rare-class")["detail"].to_list() == ["Ｄisc: 1"]
    assert "tail" in rows["code"]


def test_the_page_is_whole_and_escaped(odd_check):
    text = odd_check[0].folder.page.read_text(encoding="utf-8")
    assert "&lt;b&gt;&amp;&#34;气压场&#34;" in text
    assert CLASS not in text
    assert "http" not in text.replace("http-equiv", "")
    for found in odd_check[0].examined.findings:
        assert f'<section id="{found.code}"' in text
    assert text.count("data:image/jpeg") > 40


def test_bad_images_are_those_that_training_leaves_out(odd_check):
    from sfumato.data.health.usable import leave_out_bad
    from sfumato.data.pictures import Pictures
    from sfumato.data.progress import unseen

    checked = odd_check[0]
    _, bad = leave_out_bad(checked.examined.table, Pictures(0), unseen)
    assert pl.read_csv(checked.folder.data / "bad_images.csv").equals(bad)
    assert len(bad) == 19


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """Addresses that were decoded by a survey."""
    seen: list[str] = []

    def spy(address, keep=None):
        seen.append(address)
        return inspect(address, keep)

    inspect = survey.inspect
    monkeypatch.setattr(survey, "inspect", spy)
    return seen


def test_a_second_look_decodes_nothing_and_a_changed_file_anew(tmp_path, decoded):
    photos = folder_per_class(tmp_path / "photos", {"a": 6, "b": 6})
    first = check(photos, quiet=True)
    assert len(decoded) == 12
    decoded.clear()
    second = check(photos, quiet=True)
    assert decoded == []
    assert second.folder.path == Path("runs/photos-check-2")
    assert first.folder.page.read_text() == second.folder.page.read_text()
    (photos / "a" / "000.png").write_bytes(b"")
    assert codes_of(check(photos, quiet=True), "a/000.png") == ["empty"]
    assert decoded == [str(photos / "a" / "000.png")]


@pytest.mark.parametrize("damage", [b"", b"PAR1 nonsense PAR1", None])
def test_a_damaged_cache_is_made_anew(tmp_path, decoded, damage):
    photos = folder_per_class(tmp_path / "photos", {"a": 6, "b": 6})
    check(photos, quiet=True)
    (cache,) = (tmp_path / "cache" / "sfumato" / "facts").iterdir()
    if damage is None:
        pl.DataFrame({"image": ["x"]}).write_parquet(cache)
    else:
        cache.write_bytes(damage)
    decoded.clear()
    check(photos, quiet=True)
    assert len(decoded) == 12
    assert [path.name for path in cache.parent.iterdir()] == [cache.name]


def test_a_cache_that_cannot_be_written_stops_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert check(folder_per_class(tmp_path / "photos", {"a": 6, "b": 6}), quiet=True).folder.page.is_file()


def test_workers_and_order_of_rows_change_nothing(odd_photos, tmp_path, monkeypatch):
    lines = [
        f"{path},{path.parent.name.strip('<b>&')}"
        for path in sorted(odd_photos.rglob("*.*g"))
        if '"' not in str(path) and path.name != "huge.png"  # half of the time, and nothing that depends on workers
    ]
    outcomes = []
    for number, (order, workers) in enumerate(((lines, "1"), (lines[::-1], "4"))):
        (tmp_path / "list.csv").write_text("\n".join(["image,label", *order]), encoding="utf-8")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / f"cache{number}"))
        monkeypatch.setattr("os.cpu_count", lambda workers=workers: int(workers))
        checked = check(tmp_path / "list.csv", quiet=True)
        outcomes.append({path.name: path.read_text() for path in checked.folder.data.iterdir()})
        outcomes[-1]["page"] = checked.folder.page.read_text()
    assert outcomes[0] == outcomes[1]


def leaking(root: Path) -> Path:
    """A table whose given parts share a picture and a patient, with a row that has no class and one without a file."""
    folder_per_class(root, {"a": 12, "b": 12})
    shutil.copy(root / "a" / "000.png", root / "copy.png")
    rows = [
        f"{name}/{i:03}.png,{name},p{name}{i // 2},{'train' if i < 6 else 'test'}" for name in "ab" for i in range(12)
    ]
    rows += ["copy.png,a,px,test", "a/000.png,a,pa0,train", "nobody.png,b,pb0,test", "b/001.png,,pb1,train"]
    text = "\n".join(["id,image,label,patient,split", *(f"s{i:02},{row}" for i, row in enumerate(rows))])
    (root / "list.csv").write_text(text)
    return root / "list.csv"


def test_leaks_between_given_parts_are_found(tmp_path):
    checked = check(leaking(tmp_path / "data"), quiet=True)
    rows = rows_of(checked)
    leak = rows.filter(pl.col("code") == "leak-duplicates").select("id", "other_id", "detail").rows()
    assert leak == [
        ("s00", "s24", "train and test, the same pixels"),
        ("s25", "s24", "train and test, the same pixels"),
    ]
    groups = rows.filter(pl.col("code") == "leak-groups")["detail"].unique().to_list()
    assert groups == ["group pb0 is in test and train"]
    assert codes_of(checked, "s26") == ["leak-groups", "missing"]
    assert codes_of(checked, "s27")[:2] == ["no-label", "exact-duplicate"]
    assert rows.filter(pl.col("code") == "exact-duplicate").select("id", "other_id").rows() == [
        ("s00", "s24"), ("s25", "s00"), ("s25", "s24"), ("s27", "s13"),
    ]  # fmt: skip
    assert [one.code for one in checked.examined.findings[:3]] == ["leak-duplicates", "leak-groups", "missing"]


def test_near_copies_are_found_across_parts(tmp_path):
    folder_per_class(tmp_path / "photos" / "train", {"disc": 12, "stripes": 12, "checks": 12}, 128)
    folder_per_class(tmp_path / "photos" / "test", {"disc": 1, "stripes": 1}, 64)
    (path := tmp_path / "photos" / "test" / "disc" / "copy.jpg").parent.mkdir(exist_ok=True)
    original = photograph(128)
    original.save(tmp_path / "photos" / "train" / "checks" / "original.png")
    original.crop((5, 3, 122, 124)).resize((150, 150)).save(path, quality=80)
    checked = check(tmp_path / "photos", quiet=True)
    assert {"leak-duplicates", "conflicting-labels", "near-duplicate"} <= set(codes_of(checked, "test/disc/copy.jpg"))
    duplicates = pl.read_csv(checked.folder.data / "duplicates.csv").filter(pl.col("id") == "test/disc/copy.jpg")
    assert duplicates.select("other_id", "kind", "part", "other_part").rows() == [
        ("train/checks/original.png", "near", "test", "train")
    ]


def photograph(size: int) -> Image.Image:
    """Detail of every scale, as photographs have and drawings have not."""
    rng = np.random.default_rng(5)
    layers = [
        np.asarray(
            Image.fromarray(rng.integers(0, 256, (n, n, 3), dtype=np.uint8)).resize(
                (size, size), Image.Resampling.BICUBIC
            )
        )
        for n in (4, 8, 16, 32)
    ]
    return Image.fromarray(np.mean(layers, axis=0).astype(np.uint8))


def test_the_border_gives_the_class_away(tmp_path):
    folder_per_class(tmp_path / "photos", {"a": 30, "b": 30})
    assert "background-probe" not in [one.code for one in check(tmp_path / "photos", quiet=True).examined.findings]
    for path in (tmp_path / "photos" / "a").iterdir():
        framed = Image.new("RGB", (56, 56), (200, 190, 180))
        framed.paste(Image.open(path), (4, 4))
        framed.save(path)
    checked = check(tmp_path / "photos", quiet=True)
    (found,) = (one for one in checked.examined.findings if one.code == "background-probe")
    assert checked.examined.probe.score > 0.95
    assert "guessing would 50.0%" in found.summary
    assert len(found) >= 57


@pytest.mark.usefixtures("looked_at")
def test_json_is_one_object(odd_photos):
    done = CliRunner().invoke(app, ["check", str(odd_photos), "--json", "--quiet", "--out", "out"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["page"] == "out/check.html"
    assert document["classes"]["disc"] == 21
    severities = [found["severity"] for found in document["findings"]]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)
    (empty,) = (found for found in document["findings"] if found["code"] == "empty")
    assert empty["count"] == 1
    assert empty["docs"] == "findings.md#empty"
    assert empty["samples"][0]["id"] == "odd/empty.jpg"


@pytest.mark.usefixtures("looked_at")
def test_lines_name_an_example_each(odd_photos):
    done = CliRunner().invoke(app, ["check", str(odd_photos), "--quiet"])
    assert done.exit_code == 0
    assert (
        "  error          1  empty               Empty files, such as odd/empty.jpg (empty file)"
        in done.stdout.splitlines()
    )
    assert "docs/findings.md explains each code." in done.stdout
    assert done.stdout.splitlines()[-1] == "page  runs/photos-check/check.html"


def test_a_recipe_names_its_data(small_recipe):
    done = CliRunner().invoke(app, ["check", str(small_recipe), "--quiet"])
    assert done.exit_code == 0
    assert "120 samples in 3 classes." in done.stdout
    assert Path("runs/small-check/check.html").is_file()


def test_several_classes_a_picture(tmp_path):
    """Pictures of none are fine; a class without a picture is named; a class named twice counts once, and is noted."""
    marks(tmp_path, 60, 32)
    table = tmp_path / "table.csv"
    lines = table.read_text(encoding="utf-8").splitlines()
    lines[1], lines[2] = "pictures/000.png,red|red", "pictures/001.png,|"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "labels.yaml").write_text("labels: [red, green, 蓝, never, NEVER-]\n", encoding="utf-8")
    given = ["--set", "data.columns.label=marks", "--set", f"data.labels.file={tmp_path / 'labels.yaml'}"]
    found = CliRunner().invoke(app, ["check", str(table), *given, "--out", str(tmp_path / "found"), "--quiet"])
    assert found.exit_code == 0, found.output
    assert "a sample on average; " in found.output and "of none of them" in found.output
    assert "such as NEVER-: 0" in found.output and "1 cell names a class twice, which counts once" in found.output
    rows = pl.read_csv(tmp_path / "found/data/findings.csv", infer_schema=False)
    nameless = rows.filter(pl.col("code") == "no-label")["id"].to_list()
    assert len(nameless) == 4 and "pictures/001.png" not in nameless  # every fifteenth has no answer
    assert set(rows.filter(pl.col("code") == "rare-class")["detail"]) == {"never: 0", "NEVER-: 0"}
    assert rows.filter(pl.col("code") == "similar-names")["detail"].to_list() == ["'NEVER-' and 'never'"]
    assert "no picture" in (tmp_path / "found/check.html").read_text(encoding="utf-8")


def test_what_cannot_be_checked_is_wrong_input(tmp_path):
    photos = folder_per_class(tmp_path / "photos", {"a": 2, "b": 2})
    with pytest.raises(InputError, match=r"no such file or folder: .*phots; did you mean"):
        check(tmp_path / "phots")
    with pytest.raises(InputError, match="lies inside the data, of which nothing is changed"):
        check(photos, photos / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("")
    with pytest.raises(InputError, match="holds something already"):
        check(photos, tmp_path / "full")
    (tmp_path / "bad.yaml").write_text("data: {sorce: x}\nmodel: {backbone: resnet18}\n")
    with pytest.raises(InputError, match=r"bad.yaml:1: data.sorce: unknown setting; did you mean 'source'"):
        check(tmp_path / "bad.yaml")
    (tmp_path / "none.yaml").write_text("model: {backbone: resnet18}\n")
    with pytest.raises(InputError, match=r"none.yaml: data.source: no data is named; add --set data.source=PATH"):
        check(tmp_path / "none.yaml")
    assert not Path("runs").exists()
