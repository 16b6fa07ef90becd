"""Services that a training is shown in, beside the files that every run writes."""

from typing import Annotated, Literal

from pydantic import Field

from sfumato.spec import Spec


class WandbSpec(Spec):
    """Weights & Biases."""

    kind: Literal["wandb"]
    project: Annotated[str, Field(min_length=1)] = "sfumato"
    """Project that runs are listed in."""
    entity: Annotated[str, Field(min_length=1)] | None = None
    """User or team that owns the project; none = as `wandb login` says."""
    mode: Literal["online", "offline"] = "online"
    """`offline` writes to the run's folder alone; `wandb sync` uploads that later."""


class MlflowSpec(Spec):
    """MLflow."""

    kind: Literal["mlflow"]
    experiment: Annotated[str, Field(min_length=1)] = "sfumato"
    """Experiment that runs are listed in; made if there is none."""
    store: Annotated[str, Field(min_length=1)] | None = None
    """Where they are kept, such as http://host:5000 or sqlite:///mlflow.db; none = as MLFLOW_TRACKING_URI says, else
    sqlite:///mlflow.db in the folder the training is started in."""


TrackerSpec = Annotated[WandbSpec | MlflowSpec, Field(discriminator="kind")]
