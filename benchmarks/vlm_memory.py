"""Memory and speed of Gemma 3 4B with LoRA, its language model held in 16, 8 and 4 bits; on a GPU.

usage: vlm_memory.py [--write | --toy]    5 minutes; --write files the result in benchmarks/results

A network of the 4B model's shape with random weights: memory and time do not depend on what the weights are. A step is
forward, backward and optimiser over two pictures of 896 px with 80 candidates, gradients checkpointed, as preset
weather-products-gemma-8gb takes it 16 times a batch; pictures' tokens are computed anew, or known, as from the second
epoch on. --toy runs a tiny shape, on a CPU too: it shows that the script works, and its figures say nothing.
"""

import gc
import platform
import sys
import time
from collections.abc import Callable
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Gemma3Config, Gemma3ForConditionalGeneration

from sfumato.models.recomputing import recompute
from sfumato.models.vlm.few_bits import hold_in_few_bits
from sfumato.models.vlm.lora import LoraSpec, add_lora
from sfumato.models.vlm.scoring import Prompts, log_likelihoods
from sfumato.models.vlm.trie import Trie, plant
from sfumato.run_folder import environment
from trie_scoring import names

CANDIDATES, PICTURES, PROMPT = 80, 2, 400
"""PROMPT = tokens of a prompt, those of the picture included."""
STEPS, TRIED = 8, 2
"""Steps that are timed, and steps before them."""
BEGIN, PIECE, END, FIRST = 2, 3, 5, 6
GIGABYTE = 1e9
SHAPE_4B: dict[str, Any] = {
    "text_config": {
        "hidden_size": 2560,
        "intermediate_size": 10240,
        "num_hidden_layers": 34,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "query_pre_attn_scalar": 256,
        "sliding_window": 1024,
        "vocab_size": 262_208,
    },
    "vision_config": {
        "hidden_size": 1152,
        "intermediate_size": 4304,
        "num_hidden_layers": 27,
        "num_attention_heads": 16,
        "image_size": 896,
        "patch_size": 14,
    },
    "mm_tokens_per_image": 256,
}
_WIDE = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4}
SHAPE_TOY: dict[str, Any] = {
    "text_config": {**_WIDE, "num_key_value_heads": 2, "head_dim": 16, "vocab_size": 512, "sliding_window": 64},
    "vision_config": {**_WIDE, "image_size": 56, "patch_size": 14},
    "mm_tokens_per_image": 4,
}


def network(shape: dict[str, Any], base: str, device: torch.device) -> Any:
    """With LoRA beside its weights, which are held as `base` says."""
    torch.manual_seed(0)
    config = Gemma3Config(**shape, image_token_index=PIECE)
    torch.set_default_dtype(torch.bfloat16)
    with device:
        made = Gemma3ForConditionalGeneration(config)
    torch.set_default_dtype(torch.float32)
    made.requires_grad_(False)
    if base != "bf16":
        hold_in_few_bits(made, base, filled=True)
    add_lora(made, LoraSpec())
    recompute(made)
    return made.train()


def prompts(made: Any, device: torch.device) -> Prompts:
    """Of one picture each."""
    pieces, words = made.config.mm_tokens_per_image, made.config.text_config.vocab_size
    text = torch.randint(FIRST, words, (PICTURES, PROMPT - pieces - 1), device=device)
    ids = torch.cat([text.new_full((PICTURES, 1), BEGIN), text.new_full((PICTURES, pieces), PIECE), text], dim=1)
    return Prompts(ids, torch.ones_like(ids, dtype=torch.bool), ids == PIECE, None)


def looked_at(made: Any, device: torch.device) -> Tensor:
    """(PICTURES, tokens, hidden) of random pictures."""
    side = made.config.vision_config.image_size
    with torch.no_grad():
        return made.get_image_features(torch.rand(PICTURES, 3, side, side, device=device).bfloat16()).pooler_output


def optimizer(base: str, made: Any, device: torch.device) -> torch.optim.Optimizer:
    """The paged one beside 4 bits, where it can be had."""
    learning = [parameter for parameter in made.parameters() if parameter.requires_grad]
    if base == "nf4" and device.type == "cuda" and find_spec("bitsandbytes") is not None:
        import bitsandbytes

        return bitsandbytes.optim.PagedAdamW8bit(learning, lr=1e-4)
    return torch.optim.AdamW(learning, lr=1e-4)


def step(made: Any, asked: Prompts, tokens: Tensor, trie: Trie, learner: torch.optim.Optimizer) -> None:
    """Forward, backward, optimiser."""
    prompt = Prompts(asked.ids, asked.there, asked.image, tokens)
    with torch.autocast(asked.ids.device.type, torch.bfloat16):
        scores = log_likelihoods(made, prompt, trie)[1]
    nn.functional.cross_entropy(scores, torch.zeros(PICTURES, dtype=torch.int64, device=scores.device)).backward()
    learner.step()
    learner.zero_grad(set_to_none=True)


@torch.inference_mode()
def scored(made: Any, asked: Prompts, tokens: Tensor, trie: Trie) -> None:
    """The candidates' scores, nothing learning."""
    with torch.autocast(asked.ids.device.type, torch.bfloat16):
        log_likelihoods(made, Prompts(asked.ids, asked.there, asked.image, tokens), trie)


def measured(work: Callable[[], object], device: torch.device) -> tuple[float, float]:
    """Pictures a second, and peak memory in GB."""
    for _ in range(TRIED):
        work()
    _settled(device)
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    for _ in range(STEPS):
        work()
    _settled(device)
    seconds = time.perf_counter() - start
    return STEPS * PICTURES / seconds, torch.cuda.max_memory_allocated() / GIGABYTE if device.type == "cuda" else 0.0


def _settled(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def row(shape: dict[str, Any], base: str, device: torch.device) -> str:
    """A line of the table."""
    made = network(shape, base, device)
    gc.collect()
    held = torch.cuda.memory_allocated() / GIGABYTE if device.type == "cuda" else 0.0
    letters = {letter: FIRST + place for place, letter in enumerate(sorted({*"".join(names(320))}))}
    trie = plant([[letters[letter] for letter in name] for name in names(CANDIDATES)], END).to(device)
    asked, learner = prompts(made, device), optimizer(base, made, device)
    known = looked_at(made, device)
    anew = measured(lambda: step(made, asked, looked_at(made, device), trie, learner), device)
    cached = measured(lambda: step(made, asked, known, trie, learner), device)
    made.eval()
    found = measured(lambda: scored(made, asked, looked_at(made, device), trie), device)
    cells = [base, f"{held:.2f}", *(f"{figure:.2f}" for rate, peak in (anew, cached, found) for figure in (peak, rate))]
    return f"| {' | '.join(cells)} |"


def heading(device: torch.device) -> list[str]:
    """What was measured how, and the head of the table."""
    env = environment()
    gpu = torch.cuda.get_device_name() if device.type == "cuda" else platform.processor() or "a CPU"
    kernels = "bitsandbytes" if find_spec("bitsandbytes") else "torch alone"
    columns = ["base", "weights, GB"]
    for what in ("training", "training, pictures known", "scoring"):
        columns += [f"{what}: peak GB", "images/s"]
    return [
        "# Gemma 3 4B with LoRA: memory and speed by how its weights are held",
        "",
        f"`python benchmarks/vlm_memory.py --write`, {date.today()}.",
        f"{gpu}; torch {env['packages']['torch']}; 4 bits unpacked by {kernels}.",
        f"The shape of Gemma 3 4B, random weights; {PICTURES} pictures at a time, prompts of {PROMPT} tokens,",
        f"{CANDIDATES} candidates, LoRA of rank 8 beside q, k, v and o, gradients checkpointed.",
        "",
        f"| {' | '.join(columns)} |",
        "| --- " * len(columns) + "|",
    ]


def main() -> None:
    toy = "--toy" in sys.argv
    if not toy and not torch.cuda.is_available():
        sys.exit("vlm_memory.py: no CUDA device here; it measures a GPU's memory (--toy tries the script without one)")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    lines = heading(device)
    for base in ("bf16", "int8", "nf4"):
        lines.append(row(SHAPE_TOY if toy else SHAPE_4B, base, device))
        gc.collect()
        torch.cuda.empty_cache()
    print("\n".join(lines))
    if "--write" in sys.argv and not toy:
        name = f"vlm-memory_{torch.cuda.get_device_name().lower().replace(' ', '-')}_{date.today()}.md"
        (Path(__file__).parent / "results" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
