"""Every finding has its heading in the docs, and every heading its finding."""

import re
from pathlib import Path
from typing import get_args

from sfumato.data.health.catalogue import DOCS, KINDS, SEVERITIES
from sfumato.data.images import Code

ROOT = Path(__file__).parents[4]


def test_codes_and_docs_are_one_to_one():
    text = (ROOT / "docs" / DOCS).read_text(encoding="utf-8")
    headings = re.findall(r"^### (.*)$", text, flags=re.MULTILINE)
    assert sorted(headings) == sorted(KINDS)
    assert len(KINDS) == 39
    assert "39 kinds" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_reason_not_to_use_a_picture_is_an_error():
    assert all(KINDS[code].severity == "error" for code in get_args(Code))


def test_every_severity_is_used():
    assert {kind.severity for kind in KINDS.values()} == set(SEVERITIES)
