"""Settings that fight each other: each refusal with its exact text, and each that can be meant."""

import pytest
from tests.plans import plan

from sfumato.errors import InputError
from sfumato.models.heads import CosineHeadSpec, LinearHeadSpec, MlpHeadSpec
from sfumato.training.contradictions import refuse_contradictions
from sfumato.training.duration import Duration
from sfumato.training.schedules import ConstantSpec, CosineSpec, LinearSpec, OneCycleSpec, PlateauSpec, StepSpec

BALANCED = {"at": "1ep", "sampler_power": 0.5}
WEIGHED = {"at": "2ep", "class_weights": {"kind": "inverse_frequency"}}
SWA = {"at": "2ep", "swa": {"lr": 0.05}}
OLD_ROWS = {"kind": "cosine", "start": "old_rows"}
TWO = "correct the class prior together (from epoch"
KEEP = "keep one of them, or accept it: train.accept: [stacked_priors]"
ZERO = "turn mixup_alpha and cutmix_alpha to 0 before"
END = "end it: train.schedule: {kind: cosine, until: 2ep}, or accept it: train.accept: [two_schedules]"

REFUSED = [
    ([BALANCED, WEIGHED], {}, f"timeline[1].class_weights: sampler_power and class_weights {TWO} 2); {KEEP}"),
    (
        [{"at": "0ep", "class_weights": {"kind": "inverse_frequency"}}, {"at": "3ep", "sampler_power": 1}],
        {},
        f"timeline[0].class_weights: sampler_power and class_weights {TWO} 3); {KEEP}",
    ),
    (
        [{"at": "1ep", "sampler_power": {"to": 1.0, "over": "2ep"}}, {"at": "2ep", "loss": {"kind": "logit_adjusted"}}],
        {},
        f"timeline[1].loss: sampler_power and loss {TWO} 2); {KEEP}",
    ),
    (
        [WEIGHED, {"at": "3ep", "loss": {"kind": "balanced_softmax"}}],
        {},
        f"timeline[1].loss: class_weights and loss {TWO} 3); {KEEP}",
    ),
    (
        [{**BALANCED, **WEIGHED, "loss": {"kind": "balanced_softmax"}}],
        {},
        f"timeline[0].loss: sampler_power and class_weights and loss {TWO} 2); {KEEP}",
    ),
    (
        [BALANCED],
        {"later": "decision.logit_adjustment"},
        f"timeline[0].sampler_power: decision.logit_adjustment and sampler_power {TWO} 1); {KEEP}",
    ),
    (
        [{"at": "1ep", "loss": {"kind": "logit_adjusted"}}],
        {"later": "decision.logit_adjustment"},
        f"timeline[0].loss: decision.logit_adjustment and loss {TWO} 1); {KEEP}",
    ),
    (
        [{"at": "0ep", "mixup_alpha": 0.2}, {"at": "2ep", "loss": {"kind": "tail_focal"}}],
        {},
        "timeline[1].loss: a mixed picture is of two classes, and tail_focal asks for one (from epoch 2); "
        f"{ZERO}, or accept it: train.accept: [mixed_tail]",
    ),
    (
        [{"at": "0ep", "loss": {"kind": "tail_focal"}}, {"at": "3ep", "cutmix_alpha": 1}],
        {},
        "timeline[0].loss: a mixed picture is of two classes, and tail_focal asks for one (from epoch 3); "
        f"{ZERO}, or accept it: train.accept: [mixed_tail]",
    ),
    (
        [{"at": "0ep", "mixup_alpha": 0.2}, {"at": "1ep", "centre_loss": {}}],
        {},
        "timeline[1].centre_loss: a mixed picture is of two classes, and centre_loss draws it to one centre "
        f"(from epoch 1); {ZERO}",
    ),
    (
        [SWA],
        {"schedule": CosineSpec()},
        f"timeline[0].swa: the cosine schedule goes on beside swa's own learning rate (from epoch 2); {END}",
    ),
    (
        [SWA],
        {"schedule": LinearSpec(until=Duration(3, "ep"))},
        f"timeline[0].swa: the linear schedule goes on beside swa's own learning rate (from epoch 2); {END}",
    ),
    (
        [SWA],
        {"schedule": OneCycleSpec()},
        f"timeline[0].swa: the onecycle schedule goes on beside swa's own learning rate (from epoch 2); {END}",
    ),
    (
        [SWA],
        {"schedule": PlateauSpec()},
        f"timeline[0].swa: the plateau schedule goes on beside swa's own learning rate (from epoch 2); {END}",
    ),
    (
        [SWA],
        {"schedule": StepSpec(every=Duration(1, "ep"))},
        f"timeline[0].swa: the step schedule goes on beside swa's own learning rate (from epoch 2); {END}",
    ),
    (
        [SWA, {"at": "3ep", "lr_scale": 0.5}],
        {},
        "timeline[1].lr_scale: has no effect: swa has a learning rate of its own",
    ),
    (
        [{**SWA, "lr_scale": 0.5}],
        {},
        "timeline[0].lr_scale: has no effect: swa has a learning rate of its own",
    ),
    (
        [],
        {"head": CosineHeadSpec(start="old_rows")},
        "model.head.start: no head stands there before it; expected class_means",
    ),
    (
        [{"at": "0ep", "head": OLD_ROWS}],
        {},
        "timeline[0].head.start: no head stands there before it; expected class_means",
    ),
    (
        [{"at": "1ep", "head": OLD_ROWS}],
        {"head": MlpHeadSpec()},
        "timeline[0].head.start: a mlp head has no rows to begin from; expected class_means",
    ),
    (
        [{"at": "1ep", "head": {"kind": "cosine"}}, {"at": "2ep", "head": OLD_ROWS}],
        {},
        "timeline[1].head.start: a cosine head has no rows to begin from; expected class_means",
    ),
    ([{"at": "1ep", "head": {}}], {}, "timeline[0].head: has no effect: this head stands there already"),
    (
        [],
        {"accept": ("stacked_priors",)},
        "train.accept: stacked_priors has no effect: the timeline never does that",
    ),
    (
        [BALANCED],
        {"accept": ("mixed_tail",)},
        "train.accept: mixed_tail has no effect: the timeline never does that",
    ),
    (
        [SWA],
        {"accept": ("two_schedules",)},
        "train.accept: two_schedules has no effect: the timeline never does that",
    ),
]


def refuse(keyframes, schedule=None, head=None, **options):
    refuse_contradictions(plan(*keyframes, schedule=schedule, head=head), **options)


def test_how_many():
    assert len(REFUSED) == 25


@pytest.mark.parametrize(("keyframes", "options", "message"), REFUSED)
def test_refused_with_its_place(keyframes, options, message):
    with pytest.raises(InputError) as caught:
        refuse(keyframes, **options)
    assert str(caught.value) == message


@pytest.mark.parametrize(("keyframes", "options", "message"), [case for case in REFUSED if "or accept it" in case[2]])
def test_what_is_meant_goes_through(keyframes, options, message):
    name = message.split("train.accept: [")[1].rstrip("]")
    refuse(keyframes, **options, accept=(name,))
    wrong = {"stacked_priors": "mixed_tail", "mixed_tail": "two_schedules", "two_schedules": "stacked_priors"}
    with pytest.raises(InputError):
        refuse(keyframes, **options, accept=(wrong[name],))


@pytest.mark.parametrize(
    ("keyframes", "options"),
    [
        ([BALANCED, {"at": "2ep", "sampler_power": 0, "class_weights": {"kind": "effective_number"}}], {}),
        ([{"at": "0ep", "loss": {"kind": "logit_adjusted"}}, {"at": "1ep", "loss": {}, "sampler_power": 1}], {}),
        ([{"at": "0ep", "class_weights": {"kind": "inverse_frequency"}}, {"at": "2ep", "class_weights": "off", "loss": {"kind": "balanced_softmax"}}], {}),
        ([{"at": "0ep", "mixup_alpha": 0.2}, {"at": "2ep", "mixup_alpha": 0, "loss": {"kind": "tail_focal"}, "centre_loss": {}}], {}),
        ([{"at": "0ep", "mixup_alpha": 0.2, "loss": {"kind": "focal"}}], {}),
        ([SWA], {"schedule": CosineSpec(until=Duration(2, "ep"))}),
        ([SWA, {"at": "3ep", "loss": {"kind": "focal"}}], {"schedule": ConstantSpec()}),
        ([{"at": "1ep", "head": OLD_ROWS}, {"at": "2ep", "head": {"kind": "mlp"}}], {"head": LinearHeadSpec(dropout=0.2)}),
        ([{"at": "0ep", "head": {"kind": "linear", "dropout": 0.1}}, {"at": "1ep", "head": OLD_ROWS}], {"head": MlpHeadSpec()}),
        ([{"at": "1ep", "head": {"kind": "cosine", "start": "class_means"}}], {"head": CosineHeadSpec()}),
        ([], {"later": "decision.logit_adjustment"}),
    ],
)  # fmt: skip
def test_no_contradiction(keyframes, options):
    refuse(keyframes, **options)
