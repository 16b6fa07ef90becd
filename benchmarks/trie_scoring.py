"""Scoring candidate names by a tree in one pass, beside a pass for each name: tokens and time, in one run.

usage: trie_scoring.py [--write]    2 minutes; --write files the result in benchmarks/results

Gemma 3's classes with random weights; a prompt of 330 tokens, 256 of them a picture's; names of made-up weather
products, a character a token. Both give the same scores, which is asserted.
"""

import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import date
from itertools import product
from pathlib import Path

import torch
from torch import Tensor
from transformers import Gemma3Config, Gemma3ForConditionalGeneration

from sfumato.models.vlm.scoring import Prompts, log_likelihoods
from sfumato.models.vlm.trie import plant
from sfumato.run_folder import environment

CANDIDATES = (20, 80, 320)
ASKED_AT, ASKED = 80, 10
"""Candidates, and how many times faster the tree is asked to be there."""
PICTURE, PROMPT = 256, 330
"""Tokens."""
BEGIN, PIECE, STOP, END, FIRST = 2, 3, 4, 5, 6
TIMES = 3
AREAS = ("全国", "华北", "华东", "华南", "西南", "西北", "东北", "长江中下游")
HOURS = ("6小时", "12小时", "24小时", "48小时", "72小时")
ELEMENTS = ("降水量", "最高气温", "最低气温", "平均风速", "能见度", "相对湿度", "雷暴概率", "积雪深度")


def names(count: int) -> list[str]:
    """The first so many products, each area and element in turn."""
    return ["".join(parts) for parts in product(AREAS, HOURS, ELEMENTS, ("预报",))][:: 320 // count][:count]


def network(vocabulary: int) -> Gemma3ForConditionalGeneration:
    """Six layers, 320 wide, of which every sixth looks at everything."""
    torch.manual_seed(0)
    wide = {"hidden_size": 320, "intermediate_size": 1280, "num_attention_heads": 4}
    text = {"num_hidden_layers": 6, "num_key_value_heads": 2, "head_dim": 80, "query_pre_attn_scalar": 80}
    tokens = {"vocab_size": vocabulary, "pad_token_id": 0, "bos_token_id": BEGIN, "eos_token_id": 1}
    config = Gemma3Config(
        text_config={**wide, **text, **tokens, "sliding_window": 1024, "initializer_range": 0.05},
        vision_config={**wide, "num_hidden_layers": 1, "image_size": 224, "patch_size": 14},
        image_token_index=PIECE,
    )
    return Gemma3ForConditionalGeneration(config).eval()


@torch.no_grad()
def naive(model: Gemma3ForConditionalGeneration, prompt: Prompts, candidates: list[list[int]]) -> Tensor:
    """(C,) by a pass for each name over prompt and name; the vocabulary is looked at for the name's tokens alone."""
    found: list[Tensor] = []
    for name in candidates:
        ids = torch.cat([prompt.ids, torch.tensor([[*name, END]])], dim=1)
        vectors = model.get_input_embeddings()(ids)
        vectors[:, :PROMPT][prompt.image] = prompt.pictures.flatten(0, 1)
        hidden = model.model(inputs_embeds=vectors, token_type_ids=(ids == PIECE).long(), use_cache=False)
        steps = model.lm_head(hidden.last_hidden_state[:, PROMPT - 1 : -1]).float().log_softmax(dim=2)
        found.append(steps[0].gather(1, ids[0, PROMPT:, None]).sum())
    return torch.stack(found)


def timed(work: Callable[[], Tensor], times: int) -> tuple[Tensor, float]:
    """The result, and the least of so many times in seconds."""
    seconds: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return result, min(seconds)


def row(model: Gemma3ForConditionalGeneration, prompt: Prompts, candidates: list[list[int]]) -> tuple[str, float]:
    """A line of the table, and how many times faster the tree is."""
    trie = plant(candidates, END)
    with torch.no_grad():
        ours, fast = timed(lambda: log_likelihoods(model, prompt, trie)[1][0], TIMES)
    theirs, slow = timed(lambda: naive(model, prompt, candidates), 1)
    apart = float((ours - theirs).abs().max())
    assert apart < 1e-3, f"scores differ by {apart}"
    read = PROMPT + len(trie.tokens)
    asked = sum(PROMPT + len(name) + 1 for name in candidates)
    cells = [f"{len(candidates)}", f"{asked:,}", f"{read:,}", f"{asked / read:.1f}", f"{slow:.2f}", f"{fast:.3f}"]
    return f"| {' | '.join([*cells, f'{slow / fast:.1f}', f'{apart:.0e}'])} |", slow / fast


def heading() -> list[str]:
    """What was measured how, and the head of the table."""
    env, cores = environment(), os.environ.get("OMP_NUM_THREADS", "")
    columns = ["candidates", "tokens, each alone", "tokens, tree", "ratio", "s, each alone", "s, tree", "times as fast"]
    model = "Gemma 3's classes, random weights, 6 layers, 320 wide, 32,768 tokens"
    return [
        "# Scoring candidate names: a tree beside a pass for each",
        "",
        f"`OMP_NUM_THREADS={cores} python benchmarks/trie_scoring.py --write`, {date.today()}.",
        f"{env['processor']}, no GPU; torch {env['packages']['torch']} on {torch.get_num_threads()} threads, fp32.",
        f"{model}; a prompt of {PROMPT}, {PICTURE} of them a picture's. One sample; each name alone is a pass.",
        "",
        f"| {' | '.join([*columns, 'scores differ by'])} |",
        "| --- " * (len(columns) + 1) + "|",
    ]


def report() -> tuple[list[str], dict[int, float]]:
    """The lines of the file, and how many times faster at each count."""
    letters = {letter: FIRST + place for place, letter in enumerate(sorted({*"".join(names(320))}))}
    model, generator = network(32_768), torch.Generator().manual_seed(0)
    text = torch.randint(FIRST, 32_768, (PROMPT - PICTURE - 1,), generator=generator).tolist()
    ids = torch.tensor([[BEGIN, *[PIECE] * PICTURE, *text]])
    seen = torch.randn(1, PICTURE, 320, generator=generator)
    prompt = Prompts(ids, torch.ones_like(ids, dtype=torch.bool), ids == PIECE, seen)
    lines = heading()
    rates: dict[int, float] = {}
    for count in CANDIDATES:
        line, rates[count] = row(model, prompt, [[letters[letter] for letter in name] for name in names(count)])
        lines.append(line)
    return lines, rates


def main() -> None:
    lines, rates = report()
    print("\n".join(lines))
    if "--write" in sys.argv:
        name = f"trie-scoring_{os.cpu_count()}-core-{platform.machine()}_{date.today()}.md"
        (Path(__file__).parent / "results" / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert rates[ASKED_AT] >= ASKED, f"{rates[ASKED_AT]:.1f} times as fast at {ASKED_AT} candidates, not {ASKED}"


if __name__ == "__main__":
    main()
