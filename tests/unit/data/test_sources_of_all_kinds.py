"""Every kind of source becomes the same table: Parquet, hub folders, pictures by id, several labels, texts, times."""

import io
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from tests.pictures import picture

from sfumato.data.columns import ColumnsSpec
from sfumato.data.images import decode
from sfumato.data.source import DataSpec, read_table
from sfumato.data.sources.tabular import LabelsSpec
from sfumato.errors import InputError


def read(path, **settings):
    return read_table(DataSpec(source=str(path), **settings))


def png(seed: int, size: int = 20) -> bytes:
    buffer = io.BytesIO()
    picture("disc", seed, size).save(buffer, format="PNG")
    return buffer.getvalue()


ROWS = [
    {"id": "a", "image": "1.png", "label": "cat", "title": "<b>A&amp;B</b>", "description": "first\nline"},
    {"id": "b", "image": "2.png", "label": "dog", "title": None, "description": "气压场"},
    {"id": "c", "image": "3.png", "label": "cat", "title": "x", "description": "x"},
]


def write_rows(folder: Path, kind: str) -> Path:
    path = folder / f"t.{kind}"
    frame = pl.DataFrame(ROWS)
    if kind == "parquet":
        frame.write_parquet(path)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    else:
        frame.write_csv(path, separator="\t" if kind == "tsv" else ",")
    return path


def test_four_kinds_of_file_give_one_table(tmp_path):
    tables = [read(write_rows(tmp_path, kind)) for kind in ("csv", "tsv", "jsonl", "parquet")]
    assert all(table.rows.equals(tables[0].rows) for table in tables)
    assert tables[0].rows["text"].to_list() == ["A&B first line", "气压场", "x"]
    assert tables[0].first_images == [str(tmp_path / f"{i}.png") for i in (1, 2, 3)]
    assert "data.columns.text: 'title' and 'description', usual for it" in tables[0].notes


def test_class_numbers_of_a_hub_file_get_their_names_and_pictures_stay_inside(tmp_path):
    shards = tmp_path / "hub" / "data"
    shards.mkdir(parents=True)
    features = {"info": {"features": {"label": {"names": ["猫", "dog"], "_type": "ClassLabel"}}}}
    for shard, (part, labels) in enumerate([("train", [0, 1, 0]), ("train", [1, -1]), ("test", [0, 1])]):
        images = [{"bytes": png(10 * shard + i), "path": f"{i}.png"} for i in range(len(labels))]
        frame = pl.DataFrame({"image": images, "label": labels})
        frame.write_parquet(
            shards / f"{part}-0000{shard}-of-00002.parquet", metadata={"huggingface": json.dumps(features)}
        )
    table = read(tmp_path / "hub")
    assert len(table) == 7
    assert table.labels.names == ("dog", "猫")
    assert table.rows["label"].null_count() == 1
    assert table.rows["part"].value_counts().sort("part").rows() == [("test", 2), ("train", 5)]
    where = table.rows.filter(pl.col("id").str.contains("train-00000") & pl.col("id").str.ends_with("/2"))
    address = where["images"][0][0]
    assert np.array_equal(decode(address), decode(png(2)))


def test_a_folder_with_metadata_is_a_table(tmp_path):
    for part, rows in (("train", "00.png,a\n01.png,b\n"), ("validation", "00.png,b\n")):
        (tmp_path / part).mkdir()
        (tmp_path / part / "metadata.csv").write_text(f"file_name,label\n{rows}")
    table = read(tmp_path)
    assert table.ids == ["train/00.png", "train/01.png", "validation/00.png"]
    assert table.rows["part"].to_list() == ["train", "train", "val"]
    assert table.first_images[2] == str(tmp_path / "validation" / "00.png")
    assert "data.split: the parts are those that folders or files are named after" in table.notes
    assert not any("data.columns.split" in note for note in table.notes)


def test_pictures_named_after_their_id(tmp_path):
    (tmp_path / "t.csv").write_text("id,categories,title\n7,x,\n7_1,y,\n8,x,\n")
    for name in ("pics/7_b.jpg", "pics/7.png", "pics/7_1_a.webp", "pics/9.png", "pics/7_2.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    table = read(tmp_path / "t.csv")
    named = [[Path(path).name for path in paths] for paths in table.rows["images"].to_list()]
    assert dict(zip(table.ids, named, strict=True)) == {"7": ["7.png", "7_b.jpg"], "7_1": ["7_1_a.webp"], "8": []}
    assert any("3 for 2 samples; 1 samples have none" in note for note in table.notes)
    assert table.labels.names == ("x", "y")
    with pytest.raises(InputError, match="no such folder"):
        read(tmp_path / "t.csv", images=str(tmp_path / "nowhere"))


def test_no_picture_fits_any_id(tmp_path):
    (tmp_path / "t.csv").write_text("id,label\n7,x\n8,y\n")
    with pytest.raises(InputError, match=r"no picture named after an id .* expected files such as 7\.jpg or 7_1\.jpg"):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize(
    "text",
    [
        '{"image": "1.png", "label": ["a", "b"]}\n{"image": "2.png", "label": []}\n{"image": "3.png", "label": null}\n',
        "image,label\n1.png,a|b\n2.png,a\n3.png,\n4.png,b\n5.png,b|c\n6.png,c\n7.png,a|c\n",
        "image,a,b,c\n1.png,1,1,0\n2.png,0,0,0\n3.png,0,0,1\n",
    ],
    ids=["lists", "a separator", "a column a class"],
)
def test_several_classes_a_sample(tmp_path, text):
    path = tmp_path / ("t.jsonl" if text.startswith("{") else "t.csv")
    path.write_text(text)
    table = read(path)
    task = table.tasks[0]
    assert task.many
    assert task.labels.names[:2] == ("a", "b")
    assert table.rows["label"].to_list()[0] == ["a", "b"]
    assert table.layout.multilabel
    assert table.membership[0].tolist()[:2] == [1, 1]
    assert np.array_equal(table.class_counts, (table.membership == 1).sum(axis=0))


def test_unknown_is_not_none_of_them(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"image": "1.png", "label": ["a"]}\n{"image": "2.png", "label": []}\n{"image": "3.png"}\n')
    table = read(path)
    assert table.rows["label"].to_list() == [["a"], [], None]
    assert table.membership.tolist() == [[1], [0], [-1]]


def test_several_classes_a_sample_beside_another_question_are_refused(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"image": "1.png", "a": ["x", "y"], "b": "u"}\n{"image": "2.png", "a": ["x"], "b": "v"}\n')
    with pytest.raises(InputError, match="several classes a sample in 'a', one of 2 label columns"):
        _ = read(path, columns=ColumnsSpec(label=("a", "b"))).layout


def test_several_questions_a_sample(tmp_path):
    (tmp_path / "t.csv").write_text("image,shape,colour\n1.png,round,red\n2.png,flat,\n3.png,flat,blue\n")
    table = read(tmp_path / "t.csv", columns=ColumnsSpec(label=("shape", "colour")))
    assert [(task.column, task.labels.names, task.many) for task in table.tasks] == [
        ("label.shape", ("flat", "round"), False),
        ("label.colour", ("blue", "red"), False),
    ]
    with pytest.raises(InputError, match=r"2 label columns \(shape, colour\), and a model that answers one"):
        _ = table.labels


def test_a_comma_separates_only_when_asked(tmp_path):
    (tmp_path / "t.csv").write_text('image,label\n1.png,"a,b"\n2.png,"b,c"\n3.png,"a,c"\n4.png,a\n')
    assert not read(tmp_path / "t.csv").tasks[0].many
    assert read(tmp_path / "t.csv", columns=ColumnsSpec(separator=",")).tasks[0].labels.names == ("a", "b", "c")
    with pytest.raises(InputError, match=r"data\.columns\.separator: '\+' stands in no cell"):
        read(tmp_path / "t.csv", columns=ColumnsSpec(separator="+"))


LABELS = """
elements:
  - {id: cloud_map, zh: 云图, en: cloud imagery, aliases: [卫星云图]}
  - {id: pressure, zh: 气压场, en: pressure field, unit: hPa, level: 850hPa, templates: ["a chart of {}"]}
gate: {positive: meteorological_chart, negative: other}
"""


@pytest.fixture
def labels(tmp_path) -> Path:
    (tmp_path / "labels.yaml").write_text(LABELS, encoding="utf-8")
    return tmp_path / "labels.yaml"


def test_classes_are_found_by_any_of_their_names(tmp_path, labels):
    (tmp_path / "t.csv").write_text(
        "image,label\n1.png,卫星云图\n2.png,Pressure　Field\n3.png,气 压场\n4.png,ＣＬＯＵＤ_map\n", encoding="utf-8"
    )
    table = read(tmp_path / "t.csv", labels=LabelsSpec(file=str(labels), section="elements"))
    assert table.rows["label"].to_list() == ["cloud_map", "pressure", "pressure", "cloud_map"]
    assert table.labels.labels[1].level == "850hPa"
    assert any(note.startswith("data.labels: read 'Pressure\\u3000Field' as 'pressure'") for note in table.notes)


def test_a_class_the_label_file_lacks_has_its_line_and_the_nearest_name(tmp_path, labels):
    (tmp_path / "t.csv").write_text('image,label\n1.png,云图\n"2\n.png",pressure\n\n3.png,presure\n', encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read(tmp_path / "t.csv", labels=LabelsSpec(file=str(labels), section="elements"))
    expected = "class 'presure' is not in the label file; expected one of cloud_map, pressure; did you mean 'pressure'?"
    assert str(caught.value) == f"{tmp_path / 't.csv'}:6: {expected}"


def test_a_yes_or_no_question(tmp_path, labels):
    (tmp_path / "t.jsonl").write_text('{"image": "1.png", "is": 1}\n{"image": "2.png", "is": false}\n')
    spec = LabelsSpec(file=str(labels), section="gate")
    table = read(tmp_path / "t.jsonl", columns=ColumnsSpec(label="is"), labels=spec)
    assert table.rows["label"].to_list() == ["meteorological_chart", "other"]


def test_names_that_look_alike_are_noted(tmp_path):
    (tmp_path / "t.csv").write_text(
        "image,label\n1.png,Rust\n2.png,rust \n3.png,healthy\n4.png,ｒｕｓｔ\n", encoding="utf-8"
    )
    notes = read(tmp_path / "t.csv").notes
    assert "data.source: classes 'Rust' and 'rust' and 'ｒｕｓｔ' look alike" in notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [{id: x}, {id: y, aliases: [X]}]", "labels.yaml:1: 'X' names both 'x' and 'y'"),
        ("a: [{id: x, name: y}]", "labels.yaml:1: unknown key 'name'; expected one of id, zh, en"),
        ("a:\n  - {id: x}\n  - {zh: y}", "labels.yaml:3: a class without id"),
        ("a: [{id: x, aliases: y}]", "labels.yaml:1: aliases is 'y'; expected a list of texts"),
        ("a: [x]\nb: [y]", "labels.yaml: 2 sections; expected data.labels.section naming one of a, b"),
        ("a: 3", "labels.yaml:1: a: no list of classes"),
    ],
)
def test_broken_label_files(tmp_path, text, message):
    (tmp_path / "labels.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "t.csv").write_text("image,label\n1.png,x\n2.png,y\n")
    with pytest.raises(InputError) as caught:
        read(tmp_path / "t.csv", labels=LabelsSpec(file=str(tmp_path / "labels.yaml")))
    assert str(caught.value).startswith(f"{tmp_path}/{message}")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["2024-05-31", "1970-01-02", "2024-05-31T18:00"], [1717113600.0, 86400.0, 1717178400.0]),
        (["20240531", "19700102", "1970010200"], [1717113600.0, 86400.0, 86400.0]),
        (["3", "1.5", ""], [3.0, 1.5, None]),
        (["1970-01-01T01:00:00+01:00", "1970-01-02", "1970-01-02"], [0.0, 86400.0, 86400.0]),
    ],
)
def test_times(tmp_path, cells, expected):
    rows = "".join(f"{i}.png,{'ab'[i % 2]},{cell}\n" for i, cell in enumerate(cells))
    (tmp_path / "t.csv").write_text(f"image,label,time\n{rows}")
    assert read(tmp_path / "t.csv").rows["time"].to_list() == expected


def test_what_is_no_time_is_placed(tmp_path):
    (tmp_path / "t.csv").write_text("image,label,time\n1.png,a,2024-05-31\n2.png,b,soon\n")
    with pytest.raises(InputError, match=r"t\.csv:3: 'soon' is no time; expected one such as 2024-05-31"):
        read(tmp_path / "t.csv")


def test_pictures_below_linked_folders_are_found_once(tmp_path):
    real = tmp_path / "elsewhere"
    real.mkdir()
    Image.new("RGB", (4, 4)).save(real / "1.png")
    (tmp_path / "photos" / "a").mkdir(parents=True)
    (tmp_path / "photos" / "b").mkdir()
    (tmp_path / "photos" / "a" / "link").symlink_to(real)
    (tmp_path / "photos" / "a" / "loop").symlink_to(tmp_path / "photos" / "a")
    (tmp_path / "photos" / "b" / "2.png").write_bytes(b"x")
    assert read(tmp_path / "photos").ids == ["a/link/1.png", "b/2.png"]
