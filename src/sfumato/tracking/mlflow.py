"""A run in MLflow."""

import logging
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sfumato.models.extra import library
from sfumato.training.tracker_spec import MlflowSpec

STORE = "sqlite:///mlflow.db"
"""Where runs are kept if nothing says where."""
MOST_PARAMETERS = 100
"""Parameters that one request may hold."""
LONGEST = 500
"""Letters of a parameter; longer ones are refused by some stores."""


class Mlflow:
    """A tracker; see `Tracker`.

    Args:
        spec: Experiment and store.
        folder: Of the run.
        config: The recipe as path -> value.
        known: Id that the run was begun with; None = it is new.
    """

    def __init__(self, spec: MlflowSpec, folder: Path, config: Mapping[str, Any], known: str | None) -> None:
        library("mlflow", "track", "train.trackers")
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param

        logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells of every table that it makes
        self._metric = Metric
        store = spec.store or os.environ.get("MLFLOW_TRACKING_URI") or STORE
        self._client = MlflowClient(tracking_uri=store)
        if known is not None:
            self._id = known
            self._client.set_terminated(known, "RUNNING")
            return
        self._id = str(self._client.create_run(self._experiment(spec.experiment), run_name=folder.name).info.run_id)
        told = [Param(name, str(value)[:LONGEST]) for name, value in allowed(config).items()]
        for begin in range(0, len(told), MOST_PARAMETERS):
            self._client.log_batch(self._id, params=told[begin : begin + MOST_PARAMETERS])

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        return str(self._client.create_experiment(name) if found is None else found.experiment_id)

    @property
    def id(self) -> str:
        """Of the run."""
        return self._id

    def scalars(self, figures: Mapping[str, float], step: int) -> None:
        """As metrics."""
        now = int(1000 * time.time())
        self._client.log_batch(
            self._id, metrics=[self._metric(name, value, now, step) for name, value in allowed(figures).items()]
        )

    def result(self, figures: Mapping[str, float]) -> None:
        """As metrics, without a step."""
        self.scalars(figures, 0)

    def picture(self, name: str, path: Path) -> None:
        """As an artefact."""
        _ = name
        self._client.log_artifact(self._id, str(path), "pictures")

    def files(self, paths: list[Path]) -> None:
        """As artefacts."""
        for path in paths:
            self._client.log_artifact(self._id, str(path))

    def end(self, *, failed: bool) -> None:
        """Mark the run as finished, or as failed."""
        self._client.set_terminated(self._id, "FAILED" if failed else "FINISHED")


def allowed(told: Mapping[str, Any]) -> dict[str, Any]:
    """What is told under names that MLflow takes: a class or task may be called what it refuses the whole run for."""
    return {_REFUSED.sub("_", name): value for name, value in told.items()}


_REFUSED = re.compile(r"[^/\w.\- :]")
