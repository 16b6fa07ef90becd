"""A beam over all pictures and paths at once, beside the same search a picture at a time, and a path at a time.

usage: beam_search.py [--write]      80 classes, 64 pictures, beam 5, two layers of 512 hidden units; one thread
"""

import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import torch
from torch import Tensor

from sfumato.models.cnn_rnn.beam_search import marginals, search
from sfumato.models.cnn_rnn.decoder import Decoder, State, log_shares
from sfumato.models.cnn_rnn.decoder_spec import DecoderSpec
from sfumato.run_folder import environment
from sfumato.training.sequence_loss import SequenceLoss

CLASSES, PICTURES, WIDTH, FEATURES = 80, 64, 5, 512
ASKED = 10.0
"""How many times faster than a loop over pictures and their paths it must be."""


def taught() -> tuple[Decoder, Tensor]:
    """A decoder that has learnt to name about three classes of each of its pictures."""
    torch.manual_seed(0)
    spec = DecoderSpec(order="freq", dropout=0.0)
    decoder, features = Decoder(spec, FEATURES, CLASSES), torch.randn(PICTURES, FEATURES)
    answers = (torch.rand(PICTURES, CLASSES) < 3 / CLASSES).long()
    loss = SequenceLoss(decoder, spec, answers.sum(dim=0).numpy(), torch.device("cpu"))
    optimizer = torch.optim.Adam(decoder.parameters(), lr=1e-3)
    for _ in range(25):
        optimizer.zero_grad()
        loss.losses(features, answers, SETTINGS).mean().backward()
        optimizer.step()
    return decoder.eval(), features


class _Forced:
    """What the loss asks of a step's settings."""

    teacher_forcing, label_smoothing = 1.0, 0.0


SETTINGS = _Forced()


def by_picture(decoder: Decoder, features: Tensor) -> Tensor:
    """(B, C) marginals, the search called once a picture."""
    return torch.cat([marginals(search(decoder, one[None], WIDTH), CLASSES) for one in features])


@torch.no_grad()
def by_path(decoder: Decoder, features: Tensor) -> Tensor:
    """(B, C) marginals, a picture after the other and a path after the other, as such searches are mostly written."""
    return torch.stack([_of_picture(decoder, one[None]) for one in features])


def _of_picture(decoder: Decoder, feature: Tensor) -> Tensor:
    ended: list[tuple[float, tuple[int, ...]]] = []
    paths: list[tuple[float, tuple[int, ...], State]] = [(0.0, (), decoder.start(1, feature))]
    while paths:
        longer: list[tuple[float, tuple[int, ...], State]] = []
        for log_p, named, state in paths:
            last = torch.tensor([named[-1] if named else decoder.begin])
            scores, after = decoder.step(last, feature, state)
            blocked = torch.zeros(1, CLASSES, dtype=torch.bool)
            blocked[0, list(named)] = True
            shares = log_shares(scores, blocked | (len(named) == decoder.longest))[0]
            ended.append((log_p + float(shares[-1]), named))
            best, classes = shares[:-1].topk(WIDTH)
            pairs = zip(best.tolist(), classes.tolist(), strict=True)
            longer += [(log_p + own, (*named, c), after) for own, c in pairs]
        ended = sorted(ended, reverse=True)[:WIDTH]
        paths = sorted(longer, key=lambda path: -path[0])[:WIDTH]
        if len(ended) == WIDTH and paths[0][0] <= ended[-1][0]:
            break
    found, weights = torch.zeros(CLASSES), torch.tensor([log_p for log_p, _ in ended]).softmax(dim=0)
    for weight, (_, named) in zip(weights, ended, strict=True):
        found[list(named)] += weight
    return found


def timed(work: Callable[[], Tensor], times: int) -> tuple[float, Tensor]:
    """(least seconds of some times, what came of it)."""
    seconds, found = [], work()
    for _ in range(times):
        begin = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - begin)
    return min(seconds), found


def main() -> None:
    torch.set_num_threads(1)  # on a busy machine threads wait for each other, and most where there is least to do
    decoder, features = taught()
    together, told = timed(lambda: marginals(search(decoder, features, WIDTH), CLASSES), 5)
    alone, same = timed(lambda: by_picture(decoder, features), 2)
    slow, again = timed(lambda: by_path(decoder, features), 1)
    assert torch.allclose(told, same, atol=1e-4), "a picture is told otherwise beside others"
    assert torch.allclose(told, again, atol=1e-4), "the plain search tells otherwise"
    env, cores = environment(), os.cpu_count()
    ways = {"all pictures and paths at once": together, "a picture at a time": alone, "a path at a time": slow}
    lines = [
        "# Beam search over pictures and paths",
        "",
        f"`python benchmarks/beam_search.py --write`, {date.today()}.",
        f"{env['processor']}, {cores} cores, one thread, no GPU;",
        f"Python {env['python']}, torch {env['packages']['torch']}.",
        f"{CLASSES} classes, {PICTURES} pictures of {told.sum(dim=1).mean():.1f}, beam {WIDTH}, two layers of 512.",
        "All three give the same scores to 1e-4.",
        "",
        "| way | seconds | times the first |",
        "| --- | --- | --- |",
        *(f"| {way} | {seconds:.3f} | {seconds / together:.1f} |" for way, seconds in ways.items()),
    ]
    print("\n".join(lines))
    if "--write" in sys.argv:
        target = Path(__file__).parent / "results" / f"beam-search_{cores}-core-{platform.machine()}_{date.today()}.md"
        target.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert slow / together >= ASKED, f"only {slow / together:.1f} times faster than a loop over pictures and paths"


if __name__ == "__main__":
    main()
