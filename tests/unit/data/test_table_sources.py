import json
from pathlib import Path

import pytest

from sfumato.data.columns import ColumnsSpec
from sfumato.data.source import DataSpec, read_table
from sfumato.data.splits.spec import SplitSpec
from sfumato.errors import InputError


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def read(path, **settings):
    return read_table(DataSpec(source=str(path), **settings))


def test_a_folder_per_class(tmp_path):
    touch(
        tmp_path, "气压场/b.PNG", "气压场/deep/a.jpg", "wind/c.webp", "wind/notes.txt", ".hidden/d.png", "wind/.e.png"
    )
    table = read(tmp_path)
    assert table.labels.names == ("wind", "气压场")
    assert table.ids == ["wind/c.webp", "气压场/b.PNG", "气压场/deep/a.jpg"]
    assert table.targets.tolist() == [0, 1, 1]
    assert all(Path(path).is_absolute() for path in table.first_images)


def test_folders_named_train_and_test_are_parts(tmp_path):
    touch(tmp_path, "train/a/1.png", "train/b/2.png", "valid/a/3.png", "Test/b/4.png")
    table = read(tmp_path)
    assert dict(zip(table.ids, table.rows["part"], strict=True)) == {
        "Test/b/4.png": "test",
        "train/a/1.png": "train",
        "train/b/2.png": "train",
        "valid/a/3.png": "val",
    }
    assert "are the parts" in table.notes[0]


def test_a_class_that_happens_to_be_named_test_is_a_class(tmp_path):
    touch(tmp_path, "test/1.png", "other/2.png")
    assert read(tmp_path).labels.names == ("other", "test")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "an empty folder; expected one sub-folder of images a class"),
        (["notes.txt"], "files, but no folder per class; expected one sub-folder of images a class"),
        (
            ["images/1.png", "t.csv"],
            "only one class, 'images'; expected at least two classes; did you mean '{}/t.csv'?",
        ),
        (
            ["x.png", "t.csv"],
            "images, but no folder per class; expected one sub-folder of images a class; did you mean '{}/t.csv'?",
        ),
        (["in/a/1.png", "in/b/1.png"], "only one class, 'in'; expected at least two classes; did you mean '{}/in'?"),
        (
            ["train/a/1.png", "train/b/1.png"],
            "only one class, 'train'; expected at least two classes; did you mean '{}/train'?",
        ),
        (
            ["train/a/1.png", "train/b/1.png", "tset/a/1.png", "tset/b/1.png"],
            "the folders train and tset hold the same classes, so they seem to be the parts of a split; 'tset' is no name "
            "of a part; expected folders named train, val, test and no others; did you mean 'test'?",
        ),
        (
            ["train/a/1.png", "train/b/1.png", "val/a/1.png", "val/b/1.png", "valid/a/1.png"],
            "the folders train and val hold the same classes, so they seem to be the parts of a split; two are named as the "
            "same part; expected folders named train, val, test and no others",
        ),
        (["a.png"], "images, but no folder per class; expected one sub-folder of images a class"),
        (["a/notes.txt"], "no image in any class folder; expected files ending in"),
        (["a/1.png"], "only one class, 'a'; expected at least two classes"),
    ],
)
def test_folders_that_hold_nothing_to_learn(tmp_path, files, message):
    with pytest.raises(InputError) as caught:
        read(touch(tmp_path, *files))
    assert str(caught.value).startswith(f"{tmp_path}: {message.format(tmp_path)}")


def test_a_vehicle_may_be_a_train(tmp_path):
    touch(tmp_path, "train/steam/1.png", "train/old/1.png", "bus/old/2.png")
    assert read(tmp_path).labels.names == ("bus", "train")


def test_what_is_passed_over_is_noted(tmp_path):
    touch(tmp_path, "a/1.png", "b/2.jfif", "b/3.svg", "b/4.SVG", "b/README", "b/.hidden.psd", "labels.csv")
    assert read(tmp_path).notes[1:] == (
        "data.source: not read, since the folders name the classes: labels.csv",
        "data.source: passed over, since no picture ends so: .svg 2, without ending 1",
    )


def test_photographs_that_cannot_be_read_are_samples(tmp_path):
    touch(tmp_path, "a/1.HEIC", "a/2.avif", "b/3.jxl", "b/4.jpe", "b/5.ppm")
    assert read(tmp_path).ids == ["a/1.HEIC", "a/2.avif", "b/3.jxl", "b/4.jpe", "b/5.ppm"]


def test_an_empty_class_folder_is_noted(tmp_path):
    touch(tmp_path, "a/1.png", "b/2.png", "c/readme.md")
    assert "folder 'c' holds no image and is no class" in read(tmp_path).notes[1]


CSV = "File,Class,patient,split\npics/1.png,01,p1,train\n/abs/2.png,1,p2,Validation\npics/3.png,,p2,test\n"


def test_csv_by_usual_names(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("\ufeff" + CSV, encoding="utf-8")
    table = read(path)
    assert table.ids == ["/abs/2.png", "pics/1.png", "pics/3.png"]
    assert table.first_images == ["/abs/2.png", str(tmp_path / "pics/1.png"), str(tmp_path / "pics/3.png")]
    assert table.labels.names == ("01", "1")
    assert table.rows["label"].to_list() == ["1", "01", None]
    assert table.rows["group"].to_list() == ["p2", "p1", "p2"]
    assert table.rows["part"].to_list() == ["val", "train", "test"]
    assert "data.columns.image: 'File', a usual name for it" in table.notes


def test_tsv_and_jsonl_give_the_same_table(tmp_path):
    rows = [{"id": f"s{i}", "image": f"{i}.png", "label": name} for i, name in enumerate("abca")]
    (tmp_path / "t.tsv").write_text(
        "id\timage\tlabel\n" + "".join(f"{r['id']}\t{r['image']}\t{r['label']}\n" for r in rows)
    )
    (tmp_path / "t.jsonl").write_text("\n".join(json.dumps(r) for r in rows) + "\n\n")
    tsv, jsonl = read(tmp_path / "t.tsv"), read(tmp_path / "t.jsonl")
    assert tsv.rows.equals(jsonl.rows)
    assert tsv.ids == ["s0", "s1", "s2", "s3"]


def test_named_columns_and_strata(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("where,what,kind,label\n1.png,a,x,ignored\n2.png,b,,ignored\n")
    columns = ColumnsSpec(image="where", label="what")
    table = read(path, columns=columns, split=SplitSpec(stratify=("kind", "what")))
    assert table.labels.names == ("a", "b")
    assert table.rows["stratum"].to_list() == ["x / a", " / b"]


@pytest.mark.parametrize(
    ("text", "settings", "message"),
    [
        ("image,label\n", {}, "no row in it"),
        ("a,b\n1.png,x\n", {}, "no column looks like the image; expected one of image, path"),
        ("image,b\n1.png,x\n", {}, "no column looks like the label"),
        ("image,label\n1.png,x\n,y\n", {}, "t.csv:3: no image in column 'image'"),
        (
            "image,label\n1.png,x\n1.png,y\n",
            {},
            "t.csv:3: id '1.png' stands in 2 rows, here for the second time; expected an id of its own",
        ),
        ("image,label\n1.png,x\n2.png,x\n", {}, "only one class, 'x'; expected at least two classes"),
        ("image,label\n1.png,\n2.png,\n", {}, "no label at all; expected at least two classes"),
        (
            "image,label,split\n1.png,x,train\n2.png,y,tset\n",
            {},
            "t.csv:3: the split is 'tset'; expected one of train, val, test; did you mean 'test'?",
        ),
        (
            "image,label\n1.png,x\n2.png,y\n",
            {"columns": ColumnsSpec(group="patiant")},
            "data.columns.group: t.csv has no column 'patiant'",
        ),
        (
            "image,label,kind\n1.png,x,k\n2.png,y,k\n",
            {"split": SplitSpec(stratify=("kid",))},
            "data.split.stratify: t.csv has no column 'kid'; expected one of image, label, kind; did you mean 'kind'?",
        ),
    ],
)
def test_broken_tables_say_where(tmp_path, text, settings, message):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read(path, **settings)
    assert message in str(caught.value)
    assert "t.csv" in str(caught.value)


def test_broken_jsonl_names_the_line(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"image": "1.png", "label": "a"}\n{"image": \n')
    with pytest.raises(InputError, match=r"t\.jsonl:2: not JSON"):
        read(path)
    path.write_text('{"image": "1.png", "label": "a"}\n[1]\n')
    with pytest.raises(InputError, match=r"t\.jsonl:2: a list; expected one object a line"):
        read(path)


def test_not_utf8_is_said(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes("image,label\n1.png,é\n".encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8 text .* save it as UTF-8"):
        read(path)


def test_paths_that_are_no_source(tmp_path):
    touch(tmp_path, "photos/a/1.png", "table.xlsx")
    with pytest.raises(InputError, match=r"data\.source: no such file or folder: .*photo; did you mean '.*photos'\?"):
        read(tmp_path / "photo")
    with pytest.raises(
        InputError, match=r"data\.source: .*table\.xlsx is a file ending in '\.xlsx'; expected a folder"
    ):
        read(tmp_path / "table.xlsx")


def test_settings_without_effect_on_a_folder(tmp_path):
    touch(tmp_path, "a/1.png", "b/2.png")
    with pytest.raises(InputError, match=r"data\.columns\.label: has no effect on a folder per class"):
        read(tmp_path, columns=ColumnsSpec(label="x"))
    with pytest.raises(InputError, match=r"data\.split\.stratify: has no effect on a folder per class"):
        read(tmp_path, split=SplitSpec(stratify=("x",)))
