"""The page of a check: one self-contained HTML file with pictures of everything that was found."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import jinja2

from sfumato.data.health.examination import Examined
from sfumato.report import thumbnails, wording
from sfumato.report.check_frames import ShownFinding, bar_lists, inventory, shown, verdict


@dataclass(frozen=True)
class Thumbnails:
    """Small pictures by address, as JPEG data URIs; None where a file can't be read."""

    made: dict[str, str | None]

    def __call__(self, address: str | None) -> str | None:
        """The picture at an address; None too for a sample that has none."""
        return self.made[address] if address else None


def render_check(examined: Examined, name: str) -> str:
    """The page as HTML. It needs no network and no other file."""
    found = [shown(finding) for finding in examined.findings]
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    jinja = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    cast(dict[str, Any], jinja.filters).update(count=wording.count, many=wording.many, thumbnail=_thumbnails(found))
    return jinja.get_template("check.html.j2").render(
        name=name,
        verdict=verdict(examined),
        findings=found,
        bar_lists=bar_lists(examined),
        classes=len(examined.classes),
        parts=examined.table.rows["part"].n_unique() > 1,
        facts=inventory(examined),
        notes=examined.table.notes,
    )


def _thumbnails(found: list[ShownFinding]) -> Thumbnails:
    """Each picture that is shown is decoded once more, in parallel."""
    images = (
        image for one in found if not one.listed for sample in one.samples for image in (sample.image, sample.other)
    )
    addresses = sorted({image for image in images if image})
    with ThreadPoolExecutor() as pool:
        return Thumbnails(dict(zip(addresses, pool.map(thumbnails.of_file, addresses), strict=True)))
