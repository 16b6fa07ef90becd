"""What people get wrong first: each mistake is one clear line with what, where, what was expected and how to mend it."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.pictures import folder_per_class
from typer.testing import CliRunner

from sfumato.cli import app
from sfumato.errors import InputError

RECIPE = "data: {source: ok, %s}\nmodel: {backbone: test_resnet, weights: none}\n"
TABLES = "a folder with one sub-folder a class, or a file ending in .csv, .tsv, .jsonl, .parquet"


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("wrong")
    folder_per_class(root / "ok", {"猫咪": 5, "dog": 5})
    return root


def rows(place: Path, separator: str = ",", head: str = "image,label") -> str:
    paths = sorted(place.glob("ok/*/*.png"))
    cells = [f"{path.relative_to(place).as_posix()}{separator}{path.parent.name}" for path in paths]
    return "\n".join([head.replace(",", separator), *cells]) + "\n"


def write(name: str, data: str | bytes) -> Callable[[Path], str]:
    def make(place: Path) -> str:
        (place / name).write_bytes(data if isinstance(data, bytes) else data.encode())
        return name

    return make


def write_rows(name: str, encoding: str = "utf-8", **options: str) -> Callable[[Path], str]:
    def make(place: Path) -> str:
        (place / name).write_bytes(rows(place, **options).encode(encoding))
        return name

    return make


def zipped(place: Path) -> str:
    with zipfile.ZipFile(place / "photos.zip", "w") as archive:
        archive.write(place / "ok" / "dog" / "000.png")
    return "photos.zip"


def dangling(place: Path) -> str:
    (place / "gone").symlink_to("nowhere")
    return "gone"


def as_json(place: Path) -> str:
    return write("list.json", json.dumps([{"image": "ok/dog/000.png", "label": "dog"}]))(place)


WRONG: dict[str, tuple[Callable[[Path], str], str]] = {
    "another name for the image": (
        write_rows("a.csv", head="bild,label"),
        "{}/a.csv: no column looks like the image; expected one of image, path, image_path, img_path, file, filepath, "
        "file_path, filename, file_name, img, or data.columns.image naming one of bild, label",
    ),
    "a typo of a usual name": (
        write_rows("b.csv", head="imgae,label"),
        "{}/b.csv: no column looks like the image; expected one of image, path, image_path, img_path, file, filepath, "
        "file_path, filename, file_name, img, or data.columns.image naming one of imgae, label; did you mean 'imgae'?",
    ),
    "no line of names": (
        write("c.csv", "ok/dog/000.png,dog\nok/dog/001.png,dog\n"),
        "{}/c.csv: no column looks like the image; expected one of image, path, image_path, img_path, file, filepath, "
        "file_path, filename, file_name, img, or data.columns.image naming one of ok/dog/000.png, dog; write a line of "
        "column names above the first",
    ),
    "an empty file": (
        write("d.csv", ""),
        "{}/d.csv: empty; expected a line of column names, then a line a sample",
    ),
    "names alone": (
        write("e.csv", "image,label\n"),
        "{}/e.csv: no row in it; expected a row a sample, after the names of the columns",
    ),
    "saved in China": (
        write_rows("f.csv", "gbk"),
        "{}/f.csv:7: not UTF-8 text (byte 112), but GB18030 by the look of it; save it as UTF-8, as with "
        "`iconv -f GB18030 -t UTF-8`",
    ),
    "saved as Unicode": (
        write_rows("g.csv", "utf-16"),
        "{}/g.csv:1: not UTF-8 text (byte 0), but UTF-16 by the look of it; save it as UTF-8, as with "
        "`iconv -f UTF-16 -t UTF-8`",
    ),
    "an open quote": (
        write("h.csv", 'image,label\n1.png,a\n"2.png,b\n3.png,a\n'),
        "{}/h.csv:3: a quotation mark that is never closed; expected a second one at the end of the cell",
    ),
    "a row too long": (
        write("i.csv", "image,label\n1.png,a\n2.png,b,c\n"),
        "{}/i.csv:3: 3 columns; expected 2, as the first line has",
    ),
    "an id twice": (
        write("j.csv", "id,image,label\n1,1.png,a\n2,2.png,b\n1,3.png,a\n"),
        "{}/j.csv:4: id '1' stands in 2 rows, here for the second time; expected an id of its own for every sample",
    ),
    "a part that is none": (
        write("k.csv", "image,label,split\n1.png,a,train\n2.png,b,tets\n"),
        "{}/k.csv:3: the split is 'tets'; expected one of train, val, test; did you mean 'test'?",
    ),
    "a part left out": (
        write("l.csv", "image,label,split\n1.png,a,train\n2.png,b,\n"),
        "{}/l.csv:3: no split given, where other rows have one; expected one of train, val, test",
    ),
    "a first line without end": (
        write("z.csv", "x" * 200_000),
        "{}/z.csv:1: no names of columns: field larger than field limit (131072); expected a line of names",
    ),
    "an archive": (
        zipped,
        f"data.source: {{}}photos.zip is a file ending in '.zip'; expected {TABLES}; unpack it",
    ),
    "a spreadsheet": (
        write("list.xlsx", b"PK"),
        f"data.source: {{}}list.xlsx is a file ending in '.xlsx'; expected {TABLES}; save it as CSV in UTF-8",
    ),
    "JSON": (
        as_json,
        f"data.source: {{}}list.json is a file ending in '.json'; expected {TABLES}; write it as .jsonl, one object a line",
    ),
    "one picture": (
        lambda _: "ok/dog/000.png",
        f"data.source: {{}}ok/dog/000.png is a file ending in '.png'; expected {TABLES}; name the folder that holds the "
        "folders of the classes",
    ),
    "no ending": (
        write("list", "image,label"),
        f"data.source: {{}}list is a file without an ending; expected {TABLES}",
    ),
    "an address": (
        lambda _: "https://example.com/cats.csv",
        "data.source: https://example.com/cats.csv is an address on the network; expected a folder or table on this "
        "machine; fetch it first",
    ),
    "a name that is not there": (
        lambda _: "okk",
        "data.source: no such file or folder: {}okk; did you mean '{folder}/ok'?",
    ),
    "a link to nothing": (dangling, "data.source: {}gone is a link to nothing"),
    "a Parquet file that is none": (
        write("m.parquet", b"PAR1"),
        "{}/m.parquet: not a readable Parquet file: ",
    ),
    "one class's own folder": (
        lambda _: "ok/dog",
        "{}/ok/dog: images, but no folder per class; expected one sub-folder of images a class",
    ),
    "a name too long": (lambda _: "x" * 5000, "data.source: no such file or folder: "),
}


@pytest.mark.parametrize("verb", ["check", "init"])
@pytest.mark.parametrize("what", WRONG)
def test_wrong_data_is_one_line(place, monkeypatch, what, verb):
    monkeypatch.chdir(place)
    make, message = WRONG[what]
    (place / "gone").unlink(missing_ok=True)
    error = CliRunner().invoke(app, [verb, make(place)]).exception
    assert isinstance(error, InputError)
    assert error.exit_code == 2
    text = str(error)
    assert "\n" not in text
    given = f"{place}/" if verb == "init" else ""  # a recipe says where its data is, wherever it is trained
    wanted = message.replace("{}/", f"{place}/").replace("{}", given).replace("{folder}", str(place))
    assert text.startswith(wanted)
    assert text == wanted or wanted.endswith(": ")


@pytest.mark.parametrize("verb", ["train", "plan"])
@pytest.mark.parametrize("target", ["ok", "list.csv", "photos.zip"])
def test_data_where_a_recipe_is_wanted(place, monkeypatch, verb, target):
    monkeypatch.chdir(place)
    write_rows("list.csv")(place)
    zipped(place)
    error = CliRunner().invoke(app, [verb, target]).exception
    kind = "a folder" if target == "ok" else "no YAML file"
    assert str(error) == (
        f"{target}: {kind}, where a recipe is wanted; expected a file ending in .yaml; "
        f"`sfumato init {target} > recipe.yaml` writes one for data"
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("labels: {file: twice.yaml}", "{}/twice.yaml:1: class 'dog' stands twice; expected every class once"),
        (
            "labels: {file: lack.yaml}",
            "{}/ok/dog: class 'dog' is not in the label file; expected one of doge, 猫咪; did you mean 'doge'?",
        ),
        (
            "labels: {file: twicd.yaml}",
            "{}/twicd.yaml: no such label file; expected a YAML file; did you mean 'twice.yaml'?",
        ),
        ("images: pics", "r.yaml:1: data.images: has no effect on a folder"),
        ("split: {by: tme}", 'r.yaml:1: data.split.by: found "tme"; expected one of chance, time; did you mean'),
        ("colums: {label: x}", "r.yaml:1: data.colums: unknown setting; did you mean 'columns'?"),
    ],
)
@pytest.mark.parametrize("verb", ["check", "train"])
def test_wrong_settings_have_their_line(place, monkeypatch, settings, message, verb):
    monkeypatch.chdir(place)
    write("twice.yaml", "labels: [{id: dog}, {id: 猫咪}, {id: dog}]")(place)
    write("lack.yaml", "labels: [{id: doge}, {id: 猫咪}]")(place)
    write("r.yaml", RECIPE % settings)(place)
    error = CliRunner().invoke(app, [verb, "r.yaml"]).exception
    assert isinstance(error, InputError)
    assert str(error).startswith(message.replace("{}", str(place)))


@pytest.mark.parametrize(
    ("name", "encoding", "separator", "note"),
    [
        ("n.csv", "utf-8", ";", "data.source: n.csv is read as separated by semicolons, since its first line is"),
        ("o.csv", "utf-8", "\t", "data.source: o.csv is read as separated by tabs, since its first line is"),
        ("p.tsv", "utf-8", ",", "data.source: p.tsv is read as separated by commas, since its first line is"),
        ("q.csv", "utf-8-sig", ",", None),
    ],
)
def test_tables_as_spreadsheets_save_them_are_read(place, monkeypatch, name, encoding, separator, note):
    monkeypatch.chdir(place)
    (place / name).write_bytes(rows(place, separator).replace("\n", "\r\n").encode(encoding))
    done = CliRunner().invoke(app, ["init", name])
    assert done.exit_code == 0, done.exception
    assert "# 10 samples of 2 classes, 5 to 5 samples each." in done.stdout
    assert ("is read as separated" in done.stdout) == (note is not None)
    assert note is None or f"# {note}" in done.stdout


def test_paths_of_windows_are_read(place, monkeypatch):
    monkeypatch.chdir(place)
    (place / "w.csv").write_text(rows(place).replace("/", "\\"), encoding="utf-8")
    done = CliRunner().invoke(app, ["check", "w.csv", "--json", "--quiet", "--out", "w"])
    assert json.loads(done.stdout)["unusable"] == 0


def test_odd_columns_can_be_named_to_check_and_init(place, monkeypatch):
    monkeypatch.chdir(place)
    write_rows("x.csv", head="bild,diagnose")(place)
    named = ["--set", "data.columns.image=bild", "--set", "data.columns.label=diagnose"]
    done = CliRunner().invoke(app, ["check", "x.csv", *named, "--quiet", "--out", "x"])
    assert "10 samples in 2 classes." in done.stdout
    recipe = CliRunner().invoke(app, ["init", "x.csv", *named]).stdout
    assert '  columns: {"image": "bild", "label": "diagnose"}  # as you asked' in recipe
    done = CliRunner().invoke(app, ["check", "x.csv", "--set", "data.columns.image=3"])
    assert str(done.exception).startswith("--set: data.columns.image: ")
    done = CliRunner().invoke(app, ["check", "x.csv", "--set", "data.colums.image=bild"])
    assert str(done.exception).startswith("data.colums: unknown setting; did you mean 'columns'?")
