"""What a starting recipe says of the task that the data sets: what is asked, how it learns, how it decides."""

from typing import cast

from sfumato.data.table import Table, Task
from sfumato.losses.asymmetric import MANY_LABELS

UNEQUAL = 5
"""Largest class by smallest, from which rare classes are answered more readily."""


def task_lines(table: Table) -> list[str]:
    """What is asked, as comments: how many samples of how many classes; of several tasks, a line each."""
    if table.layout.multilabel:
        return _several_classes(table)
    several = len(table.tasks) > 1
    task = "several questions a sample, one class each" if several else "one class a sample"
    return [
        *(_one_class(table, task, several=several) for task in table.questions),
        f"# Task: {task}, since no sample names several.",
    ]


def loss_lines(table: Table) -> list[str]:
    """The loss with its reason, as part of the first keyframe."""
    if table.layout.multilabel:
        return [*_label_loss(len(table.labels)), _EMA]
    imbalance = _imbalance(table)
    if imbalance < UNEQUAL:
        why = f"the largest class has but {imbalance:.1f} times the samples of the smallest"
        return [f"    # no logit_adjusted loss: {why}"]
    of = f" of {table.question(None).name}" if len(table.tasks) > 1 else ""
    why = f"the largest class{of} has {imbalance:.0f} times the samples of the smallest; now all count alike"
    return [f"    loss: {{kind: logit_adjusted}}  # {why}"]


def decision_lines(table: Table) -> list[str]:
    """How probabilities become decisions."""
    if table.layout.multilabel:
        return [
            "decision:",
            "  calibration: platt  # probabilities that mean what they say, each class by itself",
            "  # each class is named from the threshold of its best F1 on; `thresholds: {rule: ...}` asks for another",
            "  # misses: 0.1  # beside it a set of classes that lacks at most a tenth of those a picture is of",
        ]
    return [
        "decision:",
        "  calibration: temperature  # confidences that mean what they say",
        "  # abstain: {max_error: 0.05}  # rather no answer than more than 5 % wrong ones",
    ]


def _one_class(table: Table, task: Task, *, several: bool) -> str:
    column = table.rows[task.column]
    counts = column.drop_nulls().value_counts()["count"]
    rarest, largest = int(cast(int, counts.min())), int(cast(int, counts.max()))
    samples = len(table) - column.null_count() if several else len(table)
    of = f"{task.name}: " if several else ""
    return f"# {of}{samples} samples of {len(task.labels)} classes, {rarest} to {largest} samples each."


def _several_classes(table: Table) -> list[str]:
    counts, known = table.class_counts, table.rows[table.task.column].drop_nulls()
    mean = counts.sum() / max(1, len(known))
    none = int(table.of_none.sum())
    lines = [
        f"# {len(table)} samples of {len(table.labels)} classes, {counts.min()} to {counts.max()} samples each,"
        f" {none} of none of them.",
        f"# Task: any number of classes a sample, {mean:.1f} on average.",
    ]
    missing = [name for name, count in zip(table.labels.names, counts.tolist(), strict=True) if not count]
    shown = ", ".join(missing[:5]) + (" ..." if len(missing) > 5 else "")
    return [*lines, *([f"# No sample is of {shown}: never learnt, never measured."] if missing else [])]


_EMA = "    ema_decay: 0.99  # the mean of the last steps' weights is measured beside them, and the better are kept"


def _label_loss(classes: int) -> list[str]:
    """Ridnik et al., Asymmetric Loss For Multi-Label Classification, ICCV 2021, where classes are many."""
    if classes >= MANY_LABELS:
        why = f"of {classes} classes a picture is not of most: what is ruled out already counts less"
        return [f"    loss: {{kind: asymmetric}}  # {why}"]
    return [
        f"    loss: {{kind: binary_cross_entropy}}  # of each of {classes} classes; asymmetric is for {MANY_LABELS} and"
        " more",
        "    # `pos_weight: balanced` in it finds more pictures of rare classes, and names them wrongly more often",
    ]


def _imbalance(table: Table) -> float:
    counts = table.rows[table.question(None).column].drop_nulls().value_counts()["count"]
    return float(cast(int, counts.max())) / float(cast(int, counts.min()))
