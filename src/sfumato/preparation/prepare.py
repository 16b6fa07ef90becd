"""From a recipe to everything that training needs: samples, plan and model, each choice noted with its reason."""

import math
from pathlib import Path

from sfumato.console import Console
from sfumato.data.decoded_cache import DecodedCache
from sfumato.data.pictures import GIGABYTE
from sfumato.data.sharing import Sharing
from sfumato.data.splits.split import split
from sfumato.models.family import expected_of, learns_from_texts
from sfumato.preparation.beginning import begin
from sfumato.preparation.class_texts import with_class_texts, without_lost
from sfumato.preparation.model import checked_model, new_model
from sfumato.preparation.notes import chosen
from sfumato.preparation.parts import completed, samples_of, split_unseen, validated
from sfumato.preparation.plan import plan_of, with_given_weights
from sfumato.preparation.prepared import Prepared, lay_out
from sfumato.preparation.reading import text_doubts, window_notes
from sfumato.preparation.seen_elements import refuse_unfit_narrowing
from sfumato.recipe.schema import Recipe
from sfumato.run_folder import RunFolder
from sfumato.teaching.agreement import agreed_teacher, doubts, introduction
from sfumato.teaching.teacher import read_facts
from sfumato.training.arithmetic_choice import choose_compile, choose_fused, choose_layout, choose_tf32
from sfumato.training.checkpoint import any_below
from sfumato.training.device import choose_precision
from sfumato.training.few_bit_limits import refuse_without_cuda
from sfumato.training.given_weights import check_given_weights
from sfumato.training.keyframe import Ramp


def prepare(recipe: Recipe, device: str, console: Console, sharing: Sharing | None = None) -> Prepared:
    """Read and check the data, resolve the plan, build the model, choose what the recipe leaves open.

    What can be wrong with a recipe is found before the images are decoded, which may take long. Runs with
    one `sharing` decode and compare them once; None = this one looks for itself.
    """
    refuse_without_cuda(recipe.model, recipe.train.optimizer, device)
    table = samples_of(recipe)
    refuse_unfit_narrowing(recipe, table.layout)
    recipe, completing = completed(with_given_weights(recipe), table)
    recipe = with_class_texts(recipe, table.layout)
    unseen = split_unseen(recipe, table)
    plan, preprocess = plan_of(recipe, len(unseen.part("train")))
    teacher = agreed_teacher(recipe.train.distill, table.layout)
    model = checked_model(recipe, unseen, plan, preprocess, teacher)
    origin = begin(recipe, model, preprocess.size)
    sharing, looked_at = sharing or sharing_of(recipe), len(table)
    seen = sharing(table, console.stage, clusters=recipe.data.split.near_duplicates == "together")
    table, pictures = validated(recipe, split(seen.usable, recipe.data.split)), sharing.pictures
    plan, preprocess = plan_of(recipe, len(table.part("train")))
    if not table.layout.several and not table.layout.multilabel:
        check_given_weights(plan, table.labels.names, table.part("train").class_counts)
    # a class had no usable image, or texts of bad samples were read
    other = table.layout.outputs != model.outputs or learns_from_texts(recipe.model)
    if other:
        recipe, teacher = without_lost(recipe, table.layout), agreed_teacher(recipe.train.distill, table.layout)
        model = new_model(recipe, table, plan, preprocess, teacher)
    if other or recipe.train.init_from is not None:  # whose samples it must not have seen is known by now
        origin = begin(recipe, model, preprocess.size, table)
    kept = f"train.keep_decoded: {len(pictures)} of {looked_at} images kept decoded, {pictures.bytes / GIGABYTE:.2f} GB"
    notes = [*table.notes, *completing, *chosen(recipe, table, plan), origin, kept]
    notes += introduction(recipe.train.distill, teacher)
    notes += window_notes(model, table)
    warnings = (*doubts(teacher, table, Path(recipe.data.given).name), *text_doubts(table))
    if recipe.train.precision == "auto":
        choice = choose_precision(device, model, plan.at(plan.steps - 1))
        notes.append(f"train.precision: {choice.value}, {choice.reason}")
        train = recipe.train.model_copy(update={"precision": choice.value})
        recipe = recipe.model_copy(update={"train": train})
    recipe, said = _with_arithmetic(recipe, device, plan.steps)
    notes += said
    lay_out(model, recipe.train)
    return Prepared(recipe, table, plan, preprocess, model, notes, pictures, seen.bad, teacher, warnings)


def _with_arithmetic(recipe: Recipe, device: str, steps: int) -> tuple[Recipe, list[str]]:
    """The recipe with the arithmetic chosen, and what is worth a line of it."""
    tf32, about_tf32 = choose_tf32(recipe.train.tf32, device)
    compiled, about_compile = choose_compile(recipe.train.compile, device, steps)
    layout, about_layout = choose_layout(recipe.train.layout, device)
    fused, about_fused = choose_fused(recipe.train.fused, recipe.train.optimizer, device)
    said = {"tf32": about_tf32, "compile": about_compile, "layout": about_layout, "fused": about_fused}
    notes = [f"train.{name}: {choice.value}, {choice.reason}" for name, choice in said.items() if choice is not None]
    train = recipe.train.model_copy(update={"tf32": tf32, "compile": compiled, "layout": layout, "fused": fused})
    return recipe.model_copy(update={"train": train}), notes


def prepare_again(folder: RunFolder, sharing: Sharing | None = None) -> Prepared:
    """What `prepare` gave when the run began, from its folder; weights come from its checkpoints or bundle, if any.

    Pictures come from `sharing`, if other runs share theirs.
    """
    loaded = folder.load_recipe()
    table = folder.read_table()
    with loaded.located():
        plan, preprocess = plan_of(loaded.recipe, len(table.part("train")))
        teacher = read_facts(folder.teacher) if loaded.recipe.train.distill else None
        model = new_model(loaded.recipe, table, plan, preprocess, teacher)
        if not any_below(folder.checkpoints) and not folder.bundle.exists():
            begin(loaded.recipe, model, preprocess.size, table)
    lay_out(model, loaded.recipe.train)
    pictures = (sharing or sharing_of(loaded.recipe)).pictures
    return Prepared(loaded.recipe, table, plan, preprocess, model, [], pictures, teacher=teacher)


def sharing_of(recipe: Recipe) -> Sharing:
    """Nothing looked at yet, with the room for pictures that the recipe gives."""
    cache = None if recipe.train.cache_side is None else DecodedCache(recipe.train.cache_side)
    return Sharing(recipe.train.keep_decoded * GIGABYTE, _least_side(recipe), cache)


def _least_side(recipe: Recipe) -> int | None:
    """Pixels that training needs of a side of a picture: twice what the smallest crop shows of it. None = all."""
    if recipe.train.decode == "full":
        return None
    sizes = [expected_of(recipe.model).image_size]
    for keyframe in recipe.timeline:
        size = keyframe.image_size
        sizes += [int(size.to) if isinstance(size, Ramp) else int(size)] if size is not None else []
    return 2 * math.ceil(max(sizes) * (recipe.augment.aspect / recipe.augment.crop) ** 0.5)
