"""Where pages get their templates, and the filters that all of them may use."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any, cast

import jinja2
from markupsafe import Markup

from sfumato.metrics.intervals import Interval
from sfumato.metrics.longtail import shot_of
from sfumato.report import wording

SCRIPT = (Path(__file__).parent / "page.js").read_text(encoding="utf-8")
"""Of every page that has tables to sort or thresholds to move; it stands inside the page."""


@cache
def templates() -> jinja2.Environment:
    """The templates of this room; a name that a page does not give is an error."""
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    found = jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    cast(dict[str, Any], found.filters).update(
        percent=_percent,
        together=wording.together,
        figure=_figure,
        count=wording.count,
        moment=wording.moment,
        many=wording.many,
        shot=shot_of,
        interval=_interval,
        points=_points,
    )
    cast(dict[str, Any], found.globals).update(page_script=Markup(SCRIPT), content_policy=_content_policy())
    return found


def _content_policy() -> str:
    """Nothing is fetched, and no script runs but the page's own."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode("ascii")
    own = f"script-src 'sha256-{digest}'"
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; {own}; base-uri 'none'; form-action 'none'"


def _percent(share: float) -> str:
    return wording.together(wording.percent(share))


def _interval(found: Interval) -> str:
    """A share in percent with its interval."""
    return _percent(found.value) + wording.together(f" ({wording.percent(found.low)} to {wording.percent(found.high)})")


def _points(found: Interval) -> str:
    """A difference of shares in points with its interval."""
    return wording.together(f"{100 * found.value:+.1f} ({100 * found.low:+.1f} to {100 * found.high:+.1f})")


def _figure(value: float, share: bool) -> str:  # as a template gives it
    """A share of 1 in percent, any other figure with three decimals."""
    return _percent(value) if share else f"{value:.3f}"
