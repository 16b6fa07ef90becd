"""What a policy withholds answers by, and how many pictures are too strange for it, in words."""

from sfumato.decision.doubt.sureness import By
from sfumato.decision.policy import Policy
from sfumato.report.evidence import Measured
from sfumato.report.wording import percent

SURE_BY: dict[By, str] = {
    "confidence": "its confidence",
    "margin": "the margin between the two likeliest classes",
    "entropy": "the entropy of its probabilities",
    "energy": "the energy of its logits",
    "mahalanobis": "the Mahalanobis distance of its features from training images",
    "knn": "the distance of its features from the nearest training image",
}
"""What tells how sure an answer is."""


def by_words(policy: Policy) -> str:
    """`, by ...` where something else than confidence tells how sure it is."""
    return "" if policy.by == "confidence" else f", by {SURE_BY[policy.by]},"


def strange_words(measured: Measured) -> str | None:
    """How many of the pictures it does not answer since they are strange; None = it answers strange ones too."""
    familiar, scores = measured.policy.familiar, measured.predictions.familiarity
    if familiar is None or scores is None:
        return None
    by = SURE_BY[familiar.by]
    if familiar.threshold is None:
        return f"No image is too strange for it: {familiar.samples} validation images can't tell which are, by {by}."
    share = float((~familiar.accepts(scores)).mean())
    return (
        f"However sure, it does not answer where an image is too strange, by {by}: {percent(share)} of these are; "
        f"at most {percent(familiar.refused)} of images like those of validation should be."
    )
