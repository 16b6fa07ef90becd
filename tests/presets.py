"""Presets resolved and planned without pictures, for tests of what they say."""

from typing import Any

from sfumato.models.backbone import expects
from sfumato.models.class_texts import GivenTextsSpec
from sfumato.models.clip import ClipSpec
from sfumato.models.dual_encoder_spec import DualEncoderSpec
from sfumato.models.family import Family, image_name
from sfumato.models.image_text import ImageTextSpec, ImageTowerSpec
from sfumato.models.ngrams import NgramsSpec
from sfumato.models.vlm.spec import VlmSpec
from sfumato.recipe.load import load_recipe
from sfumato.recipe.schema import Recipe
from sfumato.training.contradictions import refuse_contradictions
from sfumato.training.plan import Plan, make_plan
from sfumato.training.settings import Settings

SAMPLES = {
    "crop-disease": (31_718, 61),
    "fashion-44": (35_551, 44),
    "product": (26_906, 21),
    "weather-products": (7_000, 80),
    "weather-gate": (8_000, 2),
    "weather": (8_000, 20),
    "multilabel": (82_081, 80),
    "medical": (2_000, 3),
}
"""Seed -> its training images and classes; of medical-clip's none are known."""


def resolved(name: str) -> Recipe:
    return load_recipe(name, {"data.source": "/photos"}).recipe


MULTITASK = "crop-disease-multitask"
COLUMNS = {"label_61": 61, "severity": 3}
"""Label columns of a table it could be trained on, with their classes."""


def classes_of(name: str) -> int | dict[str, int]:
    return COLUMNS if name == MULTITASK else SAMPLES[seed_of(name)][1]


def seed_of(name: str) -> str:
    return next(seed for seed in SAMPLES if name.startswith(seed))


def plan_of(name: str, recipe: Recipe) -> Plan:
    plan = make_plan(
        recipe.timeline,
        recipe.train.schedule,
        base_lr=recipe.train.optimizer.lr,
        epochs=recipe.train.epochs,
        samples=SAMPLES[seed_of(name)][0],
        image_size=side_of(recipe.model),
        head=recipe.model.head,
    )
    refuse_contradictions(plan, recipe.train.accept)
    return plan


def side_of(model: Family) -> int:
    """Of the pictures, as the hub would say of the preset's model."""
    if isinstance(model, VlmSpec):
        return 896
    by_clip = isinstance(model, ClipSpec) or getattr(model, "clip", None) is not None
    return 224 if by_clip else expects(image_name(model)).image_size


def epoch_row(plan: Plan, epoch: int) -> dict[str, Any]:
    """What holds at the first step of an epoch, by the names of the timeline's tracks."""
    return settings_row(plan.at(plan.clock.first_step(epoch)))


def settings_row(now: Settings) -> dict[str, Any]:
    """What holds at a step, by the names of the timeline's tracks; the rate itself stands for its scale."""
    mixing = now.mixing
    return {
        "lr": now.lr,
        "learn": dict(now.learn),
        "head": now.head,
        "batch_size": now.batch_size,
        "image_size": now.image_size,
        "augment": now.augment,
        "sampler_power": now.sampler_power,
        "loss": now.loss,
        "class_weights": now.class_weights,
        "label_smoothing": now.label_smoothing,
        "mixup_alpha": mixing.mixup_alpha,
        "cutmix_alpha": mixing.cutmix_alpha,
        "mix_probability": mixing.probability,
        "cutmix_share": mixing.cutmix_share,
        "teacher_forcing": now.teacher_forcing,
        "centre_loss": now.centre_loss,
        "ema_decay": now.ema_decay,
        "swa": now.averaging,
    }


def with_small_towers(recipe: Recipe) -> Recipe:
    """The recipe on towers that need no library beside timm."""
    image, text = ImageTowerSpec(backbone="test_resnet", weights="none"), NgramsSpec(width=32, buckets=512)
    if isinstance(recipe.model, DualEncoderSpec):
        count = SAMPLES[seed_of(recipe.name)][1]
        changed = {"text": text, "texts": GivenTextsSpec(texts={str(one): (str(one),) for one in range(count)})}
        if recipe.model.clip is not None:  # LoRA asks for attention
            vit = ImageTowerSpec(backbone="vit_tiny_patch16_224", weights="none")
            changed |= {"clip": None, "image": vit}
        return recipe.model_copy(update={"model": recipe.model.model_copy(update=changed)})
    return recipe.model_copy(update={"model": ImageTextSpec(image=image, text=text, head=recipe.model.head)})
