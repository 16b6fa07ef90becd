"""The figures that a page has folded away: those that someone else's table asks for."""

from dataclasses import dataclass

from sfumato.metrics.intervals import Interval
from sfumato.metrics.multilabel_results import MultilabelResults
from sfumato.metrics.results import Results

_OF_CLASS = "of each class against all others, mean over the classes"
_MEANINGS = {
    "auc": ("AUC", f"how often an image of a class scores above one of another; {_OF_CLASS}"),
    "auc_weighted": ("AUC, weighted", "the same, each class as often as it has images"),
    "auc_micro": ("AUC, micro", "the same of all pairs of an image and a class together"),
    "eer": (
        "Equal error rate",
        "share of each class that is taken for the other, at the threshold where both are equal",
    ),
    "map": ("mAP, all-point", f"average precision, VOC since 2010, COCO-style; {_OF_CLASS}"),
    "map_11_point": ("mAP, 11-point", "the same as in VOC 2007"),
    "map_step": ("mAP, step", "the same as scikit-learn's"),
    "top_3": ("Top-3", "share of the images whose class is among the 3 most probable"),
    "top_5": ("Top-5", "share of the images whose class is among the 5 most probable"),
    "coverage_error": ("Coverage error", "how many classes, most probable first, hold the right one; 1 is perfect"),
    "nll": ("Log loss", "mean over the images of -log of the probability of the right class, in nats; 0 is perfect"),
    "brier": (
        "Brier score",
        "squared error of the probabilities, summed over the classes; 0 is perfect, 2 the worst",
    ),
    "aurc": ("AURC", "mean share of wrong answers among the surest ones, over all shares; 0 is perfect"),
    "macro_precision": ("Macro precision", "mean over the classes"),
    "weighted_precision": ("Weighted precision", "mean over the classes, each as often as it has images"),
    "nll_before": ("Log loss, before", "of what softmax makes of the logits"),
    "nll_change": ("Log loss, change", "after less before, on the same images; a range below 0 is a gain"),
    "brier_before": ("Brier score, before", "of what softmax makes of the logits"),
    "brier_change": ("Brier score, change", "after less before, on the same images; a range below 0 is a gain"),
    "brier_reliability": ("Brier: reliability", "the part of it that calibration can mend"),
    "brier_resolution": ("Brier: resolution", "the part that the network takes off it by knowing classes apart"),
    "brier_uncertainty": ("Brier: uncertainty", "what it would be of one that knows only how frequent classes are"),
    "ece_before": ("Calibration error, before", "in bins of equal width, before calibration"),
    "ece_equal_mass": ("Calibration error, equal mass", "in bins of as many images each"),
    "ece_equal_mass_before": ("The same, before", "of what softmax makes of the logits"),
    "classwise_ece": ("Calibration error, class-wise", "of every class's probability, mean over the classes"),
    "classwise_ece_before": ("The same, before", "of what softmax makes of the logits"),
    "cost": ("Cost", "of an answer, mean over the images, in the unit of decision.costs"),
    "cost_before": ("Cost, before", "had the likeliest class been the answer"),
    "cost_change": ("Cost, change", "after less before, on the same images; a range below 0 is a gain"),
    "set_coverage": ("Coverage of sets", "share of the images whose set holds the right class"),
    "set_size": ("Size of sets", "mean number of classes in a set"),
    "weighted_f1": ("Weighted F1", "mean over the classes, each as often as it has images"),
}


@dataclass(frozen=True)
class MoreFigure:
    """One row."""

    name: str
    meaning: str
    score: Interval


_LABEL_MEANINGS = {
    "nll": ("Log loss", "summed over the classes, mean over the images, in nats; 0 is perfect"),
    "brier": ("Brier score", "squared error of the probabilities, summed over the classes; 0 is perfect"),
    "coverage_error": ("Coverage error", "how many classes, most probable first, hold all the right ones"),
    "macro_f1_all": ("Macro F1 over all", "with 0 for every class that has no image here"),
    "weighted_f1": ("Weighted F1", "mean over the classes, each as often as it has images"),
    "micro_precision": ("Micro precision", "share of all names given that are right"),
    "micro_recall": ("Micro recall", "share of all classes there are that are named"),
    "macro_recall": ("Macro recall", "mean over the classes"),
}


def more_label_figures(results: MultilabelResults) -> tuple[MoreFigure, ...]:
    """The same where an image may be of several classes."""
    meanings = {name: said for name, said in _MEANINGS.items() if name != "map"} | _LABEL_MEANINGS
    return _measured(results.scores, meanings)


def more_figures(results: Results) -> tuple[MoreFigure, ...]:
    """Those of them that were measured, in a fixed order; none of results from before they were."""
    return _measured(results.scores, _MEANINGS)


def _measured(scores: dict[str, Interval], meanings: dict[str, tuple[str, str]]) -> tuple[MoreFigure, ...]:
    return tuple(
        MoreFigure(title, meaning, scores[name]) for name, (title, meaning) in meanings.items() if name in scores
    )
