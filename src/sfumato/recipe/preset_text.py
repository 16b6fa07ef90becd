"""A preset with every setting written out, as a recipe to start one's own from."""

import json
from typing import Any, cast

from sfumato.recipe.experts import experts_settings, holds_experts, load_experts
from sfumato.recipe.load import load_recipe
from sfumato.recipe.presets import preset_file, preset_story
from sfumato.yaml_text import write_mapping


def preset_settings(name: str) -> dict[str, Any]:
    """Every setting of a preset but `data.source`, which is the user's to name.

    Raises:
        InputError: No preset has the name.
    """
    path, source = preset_file(name), {"data.source": "."}
    if holds_experts(path):
        settings = experts_settings(load_experts(path, source))
    else:
        settings = cast(dict[str, Any], json.loads(load_recipe(path, source).recipe.model_dump_json()))
    del settings["data"]["source"]
    return settings


def preset_text(name: str) -> str:
    """The same as YAML, below what the preset says of itself.

    Raises:
        InputError: No preset has the name.
    """
    story = "".join(f"# {line}".rstrip() + "\n" for line in preset_story(name))
    return story + write_mapping(preset_settings(name))
