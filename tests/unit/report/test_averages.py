"""What a run could choose from, as the page shows it."""

import pytest

from sfumato.errors import InputError
from sfumato.report.averages import Choice, choices
from sfumato.report.evidence import read_evidence
from sfumato.report.page import write_report

HEADER = "weights,epochs,alpha,loss,accuracy,balanced_accuracy,macro_f1,kept"
ROWS = (
    "raw,3,,0.5,0.7,0.7,0.71,0",
    "ema,4,,0.5,0.7,0.7,0.72,0",
    "soup,4 3,,0.5,0.7,0.7,0.74,1",
    "interpolation,4 3,0.0,0.9,0.4,0.4,,0",
    "interpolation,4 3,0.4,0.5,0.7,0.7,0.73,0",
)


def write(folder, *rows):
    folder.averages.write_text("\n".join([HEADER, *rows, ""]))
    return folder


def test_every_average_stands_with_its_own_score(make_run):
    folder = write(make_run(), *ROWS)
    found = choices(read_evidence(folder))
    assert found.select == "macro_f1"
    assert found.made
    assert found.rows[2:] == (
        Choice("greedy soup", "5, 4", 0.74, True),
        Choice("interpolation, α 0, the start", "5, 4", None, False),
        Choice("interpolation, α 0.4", "5, 4", 0.73, False),
    )
    page = write_report(folder).read_text(encoding="utf-8")
    assert "The ring marks the epoch whose weights were the best;" in page
    assert '<td class="number">0.7400</td><td>kept</td>' in page


def test_where_an_epoch_is_kept_the_ring_is_that_epoch(make_run):
    folder = write(make_run(), ROWS[0].replace("0.71,0", "0.71,1"), ROWS[1])
    assert not choices(read_evidence(folder)).made
    assert "The ring marks the epoch whose weights were kept;" in write_report(folder).read_text(encoding="utf-8")


def test_without_averages_there_is_no_choice(make_run):
    folder = make_run()
    assert choices(read_evidence(folder)) is None
    assert "Weights to choose from" not in write_report(folder).read_text(encoding="utf-8")


@pytest.mark.parametrize("row", ["soup,x,,0,0,0,0,1", "soup,1,x,0,0,0,0,1", "soup,1,,0,0,0,much,1"])
def test_damage_is_told(make_run, row):
    with pytest.raises(InputError, match="averages.csv: damaged: .*; remove it, and the page goes without it"):
        read_evidence(write(make_run(), row))
