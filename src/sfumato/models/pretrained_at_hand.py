"""Where pretrained weights can be had from on this machine, so that a recipe names none that are out of reach."""

import os
import urllib.error
import urllib.request

import timm
from huggingface_hub import constants, try_to_load_from_cache

PATIENCE = 3.0
"""Seconds that the hub may take to answer at all."""


def is_kept(backbone: str) -> bool:
    """Whether the weights that timm prefers for a backbone were fetched before."""
    about = timm.get_pretrained_cfg(backbone)
    repository = getattr(about, "hf_hub_id", None)
    files = ("model.safetensors", "pytorch_model.bin")
    return bool(repository) and any(isinstance(try_to_load_from_cache(repository, name), str) for name in files)


def hub_answers() -> bool:
    """Whether the hub of weights can be reached, through a proxy or a mirror too; any answer will do."""
    if constants.HF_HUB_OFFLINE:
        return False
    endpoint = os.environ.get("HF_ENDPOINT") or constants.ENDPOINT
    try:
        request = urllib.request.Request(endpoint, method="HEAD")
        with urllib.request.urlopen(request, timeout=PATIENCE):
            return True
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
