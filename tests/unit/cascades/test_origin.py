"""Which runs stand behind a stage, and whether these are all of them."""

import json

from sfumato.cascades.origin import all_known, runs_of


def test_an_ensemble_one_of_whose_members_has_moved_is_not_known(tmp_path):
    """What its other members were trained on does not tell what this one was."""
    ensemble = tmp_path / "both" / "bundle"
    ensemble.mkdir(parents=True)
    members = [tmp_path / name for name in ("first", "second")]
    (ensemble.parent / "ensemble.json").write_text(json.dumps({"members": [str(one) for one in members]}))
    assert not all_known(ensemble) and runs_of(ensemble) == []
    for count, one in enumerate(members, start=1):
        (one / "bundle").mkdir(parents=True)
        (one / "data").mkdir()
        (one / "data" / "table.parquet").touch()
        assert [run.path for run in runs_of(ensemble)] == members[:count]
        assert all_known(ensemble) == (count == len(members))
    assert all_known(members[0] / "bundle")
