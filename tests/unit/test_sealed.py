from pathlib import Path

from sfumato import sealed


def test_everything_is_on_the_disk_before_the_folder_gets_its_name(tmp_path, monkeypatch):
    flushed: list[Path] = []
    monkeypatch.setattr(sealed, "_flush", flushed.append)
    rename = sealed.Path.rename
    named: list[int] = []

    def at(self: Path, target: Path) -> Path:
        named.append(len(flushed))
        return rename(self, target)

    monkeypatch.setattr(sealed.Path, "rename", at)
    with sealed.sealed_folder(tmp_path / "x", {}) as work:
        (work / "inner").mkdir()
        (work / "inner" / "a").write_text("a")
    before = {path.relative_to(work).as_posix() for path in flushed[: named[0]]}
    assert before == {".", "inner", "inner/a", "manifest.json"}
    assert flushed[named[0] :] == [tmp_path]
