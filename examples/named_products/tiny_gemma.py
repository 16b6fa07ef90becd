"""A Gemma 3 that fits into a second: its own classes, random weights, and a vocabulary of letters and a few words."""

from pathlib import Path
from typing import Any

import torch

SPECIAL = {
    "pad_token": "<pad>",
    "eos_token": "<eos>",
    "bos_token": "<bos>",
    "unk_token": "<unk>",
    "boi_token": "<start_of_image>",
    "image_token": "<image_soft_token>",
    "eoi_token": "<end_of_image>",
    "turn": "<start_of_turn>",
    "end": "<end_of_turn>",
}
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789 \n?.,:-_()时小不确定图中是什么"
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "<start_of_turn>{{ 'model' if message.role == 'assistant' else 'user' }}\n{% for part in message.content %}"
    "{% if part.type == 'image' %}<start_of_image>{% else %}{{ part.text }}{% endif %}{% endfor %}<end_of_turn>\n"
    "{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
SIDE = 28
"""Of its pictures, in pixels: 2 by 2 patches of 14."""


def tokenizer(words: tuple[str, ...] = ()) -> Any:
    """A letter is a token, and so are some words."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {token: place for place, token in enumerate((*SPECIAL.values(), *LETTERS, *words))}
    letters = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    letters.pre_tokenizer = pre_tokenizers.Split(Regex("|".join([*words, r"[\s\S]"])), "isolated")
    letters.decoder = decoders.Fuse()
    letters.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL.values()])
    named = {name: token for name, token in SPECIAL.items() if name.endswith("_token")}
    extra = {name: named.pop(name) for name in ("boi_token", "image_token", "eoi_token")}
    return PreTrainedTokenizerFast(tokenizer_object=letters, extra_special_tokens=extra, **named)


def config(words: tuple[str, ...] = (), spread: float = 0.2, **text: Any) -> Any:
    """Gemma 3 with two layers, one of which sees 16 tokens back, and pictures of 4 tokens."""
    from transformers import Gemma3Config

    ids = {token: place for place, token in enumerate(SPECIAL.values())}
    wide = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    return Gemma3Config(
        text_config={
            **wide,
            "vocab_size": len(SPECIAL) + len(LETTERS) + len(words),
            "num_key_value_heads": 2,
            "head_dim": 8,
            "query_pre_attn_scalar": 8,
            "sliding_window": 16,
            "layer_types": ["sliding_attention", "full_attention"],
            "max_position_embeddings": 4096,
            "pad_token_id": 0,
            "eos_token_id": 1,
            "bos_token_id": 2,
            "initializer_range": spread,
            **text,
        },
        vision_config={**wide, "image_size": SIDE, "patch_size": 14},
        mm_tokens_per_image=4,
        boi_token_index=ids["<start_of_image>"],
        eoi_token_index=ids["<end_of_image>"],
        image_token_index=ids["<image_soft_token>"],
        initializer_range=spread,
    )


def network(seed: int = 0, **text: Any) -> Any:
    """With random weights, of which no part is zero."""
    from transformers import Gemma3ForConditionalGeneration

    torch.manual_seed(seed)
    made = Gemma3ForConditionalGeneration(config(**text)).eval()
    torch.nn.init.normal_(made.model.multi_modal_projector.mm_input_projection_weight, std=0.3)
    return made


def folder(
    root: Path,
    side: int = SIDE,
    template: str | None = TEMPLATE,
    words: tuple[str, ...] = (),
    **settings: Any,
) -> Path:
    """What a hub would hold of it."""
    from transformers import Gemma3ImageProcessor, Gemma3Processor

    network(words=words, **settings).save_pretrained(root)
    pictures = Gemma3ImageProcessor(size={"height": side, "width": side})
    Gemma3Processor(pictures, tokenizer(words), chat_template=template, image_seq_length=4).save_pretrained(root)
    return root
