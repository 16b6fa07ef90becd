"""What `decisions.py` compares: table -> name of a row -> settings below `decision`. A row is a line."""

from typing import Any

Settings = dict[str, Any]
Table = dict[str, Settings]

RARE = ("T-shirt", "Trouser", "Pullover")
"""The rarest classes of Fashion-MNIST's long tail."""
CLOTHES = ("Ankle boot", "Bag", "Sneaker", "Shirt", "Sandal", "Coat", "Dress", *reversed(RARE))
"""Most frequent first."""
EQUAL = dict.fromkeys(CLOTHES, 1)
MISSED = {rare: {other: 10 for other in CLOTHES if other != rare} for rare in RARE}

CALIBRATION: Table = {
    "none": {"calibration": "none"},
    "temperature": {"calibration": "temperature"},
    "temperature of each class": {"calibration": "class_temperature"},
    "vector scaling": {"calibration": "vector_scaling"},
    "Platt": {"calibration": "platt"},
    "beta": {"calibration": "beta"},
    "isotonic": {"calibration": "isotonic"},
}

RAPS = {"kind": "raps", "penalty": 0.1, "free": 1}

ELPV: dict[str, Table] = {
    "calibration": CALIBRATION,
    "abstention": {
        "at most 5 % wrong on validation": {"abstain": {"max_error": 0.05}},
        "at most 5 % wrong, certainty 0.95": {"abstain": {"max_error": 0.05, "sure": 0.95}},
        "at most 10 % wrong, certainty 0.95": {"abstain": {"max_error": 0.1, "sure": 0.95}},
        "80 % answered, by confidence": {"abstain": {"coverage": 0.8}},
        "80 % answered, by energy": {"abstain": {"coverage": 0.8, "by": "energy"}},
    },
    "sets": {
        "LAC, 90 %": {"sets": {"alpha": 0.1}},
        "APS, 90 %": {"sets": {"alpha": 0.1, "score": {"kind": "aps"}}},
        "RAPS, 90 %": {"sets": {"alpha": 0.1, "score": RAPS}},
        "LAC, 90 % of each class": {"sets": {"alpha": 0.1, "scope": "class"}},
        "LAC, 95 %": {"sets": {"alpha": 0.05}},
        "APS, 95 %": {"sets": {"alpha": 0.05, "score": {"kind": "aps"}}},
        "LAC, 95 % of each class": {"sets": {"alpha": 0.05, "scope": "class"}},
    },
    "thresholds": {
        "equal error": {"thresholds": {"rule": "equal_error"}},
        "greatest F1": {"thresholds": {"rule": "f_beta"}},
        "greatest F, recall counting twice": {"thresholds": {"rule": {"kind": "f_beta", "beta": 2}}},
        "precision of at least 90 %": {"thresholds": {"rule": {"kind": "precision_floor", "floor": 0.9}}},
        "recall of at least 90 %": {"thresholds": {"rule": {"kind": "recall_floor", "floor": 0.9}}},
    },
    "answers": {
        "logit adjustment for macro-F1": {"logit_adjustment": {"objective": "macro_f1"}},
        "a missed defect costs 5": {"costs": {"defective": {"functional": 5}}},
    },
    "all at once": {
        "all at once": {
            "thresholds": {"rule": "equal_error"},
            "abstain": {"max_error": 0.1, "sure": 0.95},
            "sets": {"alpha": 0.05, "scope": "class"},
        },
    },
}

LONG_TAIL: dict[str, Table] = {
    "calibration": CALIBRATION,
    "abstention": {
        "at most 2 % wrong on validation": {"abstain": {"max_error": 0.02}},
        "at most 2 % wrong, certainty 0.95": {"abstain": {"max_error": 0.02, "sure": 0.95}},
        "80 % answered, by confidence": {"abstain": {"coverage": 0.8}},
        "80 % answered, by margin": {"abstain": {"coverage": 0.8, "by": "margin"}},
        "80 % answered, by entropy": {"abstain": {"coverage": 0.8, "by": "entropy"}},
        "80 % answered, by energy": {"abstain": {"coverage": 0.8, "by": "energy"}},
    },
    "sets": {
        "LAC, 90 %": {"sets": {"alpha": 0.1}},
        "APS, 90 %": {"sets": {"alpha": 0.1, "score": {"kind": "aps"}}},
        "RAPS, 90 %": {"sets": {"alpha": 0.1, "score": RAPS}},
        "LAC, 90 % of each class": {"sets": {"alpha": 0.1, "scope": "class"}},
        "APS, 90 % of each class": {"sets": {"alpha": 0.1, "score": {"kind": "aps"}, "scope": "class"}},
        "LAC, 98 %": {"sets": {"alpha": 0.02}},
        "APS, 98 %": {"sets": {"alpha": 0.02, "score": {"kind": "aps"}}},
        "RAPS, 98 %": {"sets": {"alpha": 0.02, "score": RAPS}},
    },
    "thresholds": {
        "precision of at least 90 % in each class": {"thresholds": {"rule": {"kind": "precision_floor", "floor": 0.9}}},
        "greatest F1 of each class": {"thresholds": {"rule": "f_beta"}},
    },
    "answers": {
        "logit adjustment for macro-F1": {"logit_adjustment": {"objective": "macro_f1"}},
        "logit adjustment for balanced accuracy": {"logit_adjustment": {"objective": "balanced_accuracy"}},
        "logit adjustment, tau 1": {"logit_adjustment": {"tau": 1}},
        "equal frequencies in use": {"priors": EQUAL},
        "a missed rare one costs 10": {"costs": MISSED},
    },
    "all at once": {
        "all at once": {
            "logit_adjustment": {"objective": "macro_f1"},
            "abstain": {"max_error": 0.02, "sure": 0.95},
            "sets": {"alpha": 0.1, "scope": "class"},
        },
    },
}
