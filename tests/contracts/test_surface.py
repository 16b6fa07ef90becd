"""The public surface: what can be imported, and what importing it costs."""

import subprocess
import sys

import sfumato

SURFACE = {
    "Answer", "CascadeFolder", "CascadePredictor", "Comparison", "CrossValidation", "Decision", "Ensemble", "Evaluation", "InputError", "Interrupted", "LabelSpace", "Ladder", "Predictions", "Predictor", "Recipe", "Run", "RunError", "RunSoup",
    "SfumatoError", "Stack", "Sweep", "__version__", "cascade", "compare", "crossval", "decide", "ensemble", "evaluate", "ladder", "load", "load_recipe", "soup", "stack", "sweep", "train",
}  # fmt: skip


def test_every_name_is_there_and_no_other():
    assert set(sfumato.__all__) == SURFACE
    assert all(getattr(sfumato, name) is not None for name in SURFACE)


def loaded_by(code: str) -> set[str]:
    command = f"{code}; import sys; print(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout.split()
    )


def test_importing_and_help_are_light():
    heavy = {"torch", "torchvision", "timm", "polars", "matplotlib", "sklearn", "accelerate"}
    assert not loaded_by("import sfumato") & heavy
    assert not loaded_by("import sfumato.cli") & heavy


def test_deciding_needs_no_torch():
    assert "torch" not in loaded_by("import sfumato.decision.policy, sfumato.metrics.results, sfumato.predictions")


def test_predicting_needs_no_training_code():
    assert not any(name.startswith("sfumato.training") for name in loaded_by("import sfumato.predict.predictor"))
