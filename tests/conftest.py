"""What many tests need: one small finished run, made once."""

import os
import signal
from pathlib import Path

# the networks here are tiny: a second thread waits for the first longer than it helps, most of all on a busy machine
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest

import sfumato
from tests.pictures import folder_per_class

RECIPE = """
name: small
data: {source: photos, split: {val: 0.2, test: 0.25}}
model: {backbone: test_efficientnet, weights: none}
augment: {flips: [horizontal], crop: 0.8}
train: {epochs: 3, optimizer: {lr: 5e-3}, precision: fp32, workers: 0}
timeline:
  - {at: 0ep, image_size: 32, batch_size: 16, learn: {"head.*": 1, "*": frozen}}
  - {at: 1ep, learn: {"*": 1}, ema_decay: 0.9}
  - {at: 2ep, image_size: 48}
decision: {abstain: {max_error: 0.3}}
"""

# how long an example takes depends on what else the machine does, and proves nothing
hypothesis.settings.register_profile("sfumato", deadline=None)
hypothesis.settings.load_profile("sfumato")


@pytest.fixture(autouse=True)
def _signals():
    """The command line sets what signals do until its process ends; a test that runs it in this one is no end."""
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """What is remembered of pictures stays with the tests, in this process and those it starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def small_recipe(tmp_path_factory) -> Path:
    """A recipe over 120 pictures of three classes, one of them with a Chinese name."""
    root = tmp_path_factory.mktemp("small")
    folder_per_class(root / "photos", {"disc": 50, "条纹": 40, "checks": 30})
    (root / "recipe.yaml").write_text(RECIPE, encoding="utf-8")
    return root / "recipe.yaml"


@pytest.fixture(scope="session")
def small_run(small_recipe) -> "sfumato.Run":
    """The finished run of that recipe."""
    return sfumato.train(small_recipe, out=small_recipe.parent / "run", quiet=True)
