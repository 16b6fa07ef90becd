"""Which pictures a gallery has: known before any is drawn, so that any worker can draw any of them.

Agencies and websites publish in one of three stretches of time, each until its last day: what was published last comes
from sources, and shows weather, that earlier ones do not.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from gallery.others import KINDS

BEGIN = datetime(2021, 3, 1, tzinfo=UTC)
ERAS = ((0.6, 0.0, 14.0, 420), (0.2, 15.0, 18.5, 160), (0.2, 19.5, 23.0, 160))
"""Share of the sources, first and last moment of the real fields, and days."""
DATES = 40
"""Dates on which anything is published, in each stretch."""


@dataclass(frozen=True)
class Entry:
    """One picture to be drawn."""

    number: int
    product: str | None
    """None = no weather chart."""
    kind: str
    """Of what is no weather chart; "" = a chart."""
    source: int
    """Number of its agency or website."""
    era: int
    time: datetime
    step: float
    """Moment of the real fields."""
    weather: int
    """Seed of what is made up around them: one a date."""


def planned(charts: int, others: int, sources: int, products: tuple[str, ...], seed: int) -> list[Entry]:
    """Entries of a gallery; every product in each era about equally often.

    Args:
        charts: How many weather charts.
        others: How many other pictures.
        sources: How many agencies, 3 to 30; there are half as many websites.
        products: Names of all products.
        seed: Changes everything.
    """
    found: list[Entry] = []
    for era in range(len(ERAS)):
        found += _charts(len(found), _share(charts, era), _sources(sources, era), era, products, seed)
        found += _others(len(found), _share(others, era), _sources(max(3, sources // 2), era), era, seed)
    return found


def _share(count: int, era: int) -> int:
    """How many of `count` pictures an era has, so that all eras together have them all."""
    ends = [round(count * sum(share for share, *_ in ERAS[:end])) for end in range(len(ERAS) + 1)]
    return ends[era + 1] - ends[era]


def _sources(count: int, era: int) -> list[int]:
    """Numbers of the sources of an era."""
    second, third = round(0.6 * count), round(0.8 * count)
    first = [0, max(1, min(second, count - 2)), max(2, min(third, count - 1)), count]
    return list(range(first[era], first[era + 1]))


def _charts(start: int, count: int, sources: list[int], era: int, products: tuple[str, ...], seed: int) -> list[Entry]:
    rng = np.random.default_rng([seed, 1, era])
    names = [products[i % len(products)] for i in range(count)]
    return [
        Entry(start + i, name, "", sources[i % len(sources)], era, *_moment(rng, era, i, len(sources), seed))
        for i, name in enumerate([names[place] for place in rng.permutation(count).tolist()])
    ]


def _others(start: int, count: int, sources: list[int], era: int, seed: int) -> list[Entry]:
    rng = np.random.default_rng([seed, 2, era])
    return [
        Entry(
            start + i,
            None,
            str(rng.choice(KINDS)),
            sources[i % len(sources)],
            era,
            *_moment(rng, era, i, len(sources), seed),
        )
        for i in range(count)
    ]


def _moment(rng: np.random.Generator, era: int, place: int, sources: int, seed: int) -> tuple[datetime, float, int]:
    """Time, moment of the real fields and seed of the rest; every source publishes on its era's last date."""
    _, first, last, days = ERAS[era]
    number = DATES - 1 if place < sources else int(rng.integers(DATES))
    begin = BEGIN + timedelta(days=sum(one[3] for one in ERAS[:era]))
    moment = begin + timedelta(days=round(number * (days - 2) / (DATES - 1)), hours=6 * (number % 4))
    return moment, first + (last - first) * number / (DATES - 1), seed * 1000 + era * 100 + number
