"""An OpenCLIP model of a few thousand weights beside CLIP's own byte pairs."""

import json
from pathlib import Path

import pytest

NAME = "tiny-sfumato"


def tiny_clip(folder: Path) -> str:
    """Have OpenCLIP know an architecture for pictures of 32 px in patches of 8; its name."""
    clip = pytest.importorskip("open_clip")
    tower = {"width": 32, "heads": 2, "layers": 2}
    vision = {"image_size": 32, "layers": 2, "width": 64, "head_width": 32, "patch_size": 8}
    text = {"context_length": 77, "vocab_size": 49408, **tower}
    folder.mkdir(parents=True, exist_ok=True)
    config = {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text}
    (folder / f"{NAME}.json").write_text(json.dumps(config), encoding="utf-8")
    clip.add_model_config(folder / f"{NAME}.json")
    return NAME
