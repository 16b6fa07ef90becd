import sys

from sfumato import outcome
from sfumato.run_folder import RunFolder, environment


def test_a_bundle_does_not_hold_the_command_with_its_paths(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/home/ann/bin/sfumato", "train", "/home/ann/secret/recipe.yaml"])
    monkeypatch.setattr(RunFolder, "fingerprint", lambda _: {"source": "photos"})
    (tmp_path / "recipe.yaml").write_text("data: {source: photos}\nmodel: {backbone: resnet18, weights: none}\n")
    assert "secret" in environment()["command"]
    found = outcome.provenance(RunFolder(tmp_path))
    assert "ann" not in str(found)
    assert found["data"] == {"source": "photos"}
    assert "torch" in found["packages"]
