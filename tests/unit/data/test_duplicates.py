import io

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from sfumato.data.duplicates.candidates import NEAREST, TREES, find_candidates
from sfumato.data.duplicates.fingerprint import COARSE, Fingerprints, fingerprint
from sfumato.data.duplicates.search import SCHEMA, clusters, find_duplicates


def scene(seed: int, size: tuple[int, int] = (240, 200)) -> Image.Image:
    """A picture with detail of every size, like a photograph."""
    rng = np.random.default_rng(seed)
    layers = [
        Image.fromarray(rng.integers(0, 256, (n, n, 3), dtype=np.uint8)).resize(size, 3) for n in (4, 8, 16, 32, 64)
    ]
    return Image.fromarray(np.mean([np.asarray(layer) for layer in layers], axis=0).astype(np.uint8)).filter(
        ImageFilter.SMOOTH
    )


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer)


def collect(images: dict[str, Image.Image]) -> Fingerprints:
    prints = Fingerprints(list(images))
    for row, image in enumerate(images.values()):
        prints.add(row, fingerprint(np.asarray(image.convert("RGB"))))
    return prints


def silent(items, total):
    return items


def find(images: dict[str, Image.Image]) -> pl.DataFrame:
    return find_duplicates(collect(images), silent)


CHANGES = {
    "re-encoded": lambda image: jpeg(image, 30),
    "half the size": lambda image: image.resize((120, 100)),
    "twice the size": lambda image: image.resize((480, 400)),
    "cropped": lambda image: image.crop((10, 8, 225, 190)),
    "cropped on one side": lambda image: image.crop((0, 0, 218, 200)),
    "brighter": lambda image: image.point(lambda v: min(255, v + 40)),
    "less contrast": lambda image: image.point(lambda v: 40 + v * 0.7),
    "everything": lambda image: jpeg(
        image.crop((20, 5, 230, 182)).resize((140, 120)).point(lambda v: 20 + v * 0.8), 50
    ),
}
SCENES = {f"scene {i:02d}": scene(i) for i in range(12)}


def test_every_change_is_found_and_nothing_else():
    copies = {f"copy {i:02d}": change(scene(i)) for i, change in enumerate(CHANGES.values())}
    pairs = find(SCENES | copies)
    assert pairs.select("a", "b").rows() == [(f"copy {i:02d}", f"scene {i:02d}") for i in range(len(CHANGES))]
    assert set(pairs["kind"]) == {"near"}
    assert pairs["similarity"].is_between(0.5, 1).all()


def test_equal_pixels_are_exact_whatever_the_file():
    pairs = find({"c": scene(0), "b": scene(0), "a": scene(0), "d": scene(1)})
    assert pairs.rows() == [("a", "b", "exact", 1.0), ("a", "c", "exact", 1.0)]


def test_a_near_pair_names_the_smallest_of_equal_pictures():
    pairs = find({"c": scene(0), "b": scene(0), "z": jpeg(scene(0), 60), "d": scene(1)})
    assert pairs.select("a", "b", "kind").rows() == [("b", "c", "exact"), ("b", "z", "near")]


def test_equal_bytes_of_another_shape_are_not_equal():
    wide, tall = Image.new("RGB", (40, 20)), Image.new("RGB", (20, 40))
    assert find({"wide": wide, "tall": tall}).is_empty()


def test_flat_pictures_are_never_near():
    rng = np.random.default_rng(0)
    flat = {f"{i}": Image.fromarray(rng.integers(0, 4, (60, 60, 3), dtype=np.uint8)) for i in range(20)}
    assert find(flat | {"black": Image.new("RGB", (60, 60)), "white": Image.new("RGB", (60, 60), "white")}).is_empty()


def test_rows_in_another_order_give_the_same():
    images = SCENES | {f"copy {i}": change(scene(i)) for i, change in enumerate(CHANGES.values())}
    shuffled = {name: images[name] for name in np.random.default_rng(0).permutation(list(images)).tolist()}
    assert find(images).equals(find(shuffled))


@pytest.mark.parametrize("number", [0, 1])
def test_nothing_to_compare(number):
    pairs = find({f"{i}": scene(i) for i in range(number)})
    assert pairs.is_empty()
    assert dict(pairs.schema) == SCHEMA


def test_pictures_that_were_not_added_are_no_duplicates():
    assert find_duplicates(Fingerprints(["a", "b"]), silent).is_empty()


@pytest.mark.parametrize("noise", [0, 3])
def test_a_crowd_of_equals_stays_cheap_and_stays_together(noise):
    rng = np.random.default_rng(0)
    one = rng.integers(10, 240, (COARSE, COARSE))
    crowd = (one + rng.integers(-noise, noise + 1, (3000, COARSE, COARSE))).astype(np.uint8)
    found = find_candidates(lambda rows: crowd[rows], np.arange(len(crowd)), silent)
    assert len(found.whole) <= NEAREST * len(crowd)
    names = [f"{i:04d}" for i in range(len(crowd))]
    pairs = pl.DataFrame({"a": [names[i] for i in found.whole], "b": [names[i] for i in found.part]})
    assert len(set(clusters(pairs, names))) == 1
    assert TREES > 1  # one tree alone would leave its leaves apart


IDS = [f"{i:02d}" for i in range(12)]


@given(st.lists(st.tuples(st.sampled_from(IDS), st.sampled_from(IDS))), st.permutations(IDS))
def test_clusters_are_what_chains_of_pairs_reach(pairs, ids):
    name = {i: i for i in ids}
    for _ in ids:
        for a, b in pairs:
            name[a] = name[b] = min(name[a], name[b])
    frame = pl.DataFrame(pairs, schema={"a": pl.String, "b": pl.String}, orient="row")
    assert clusters(frame, ids) == [name[i] for i in ids]
