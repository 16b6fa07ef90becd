"""Writing and reading a bundle folder.

manifest.json (format, hashes, provenance), weights.safetensors, recipe.yaml, model.json, transform.json, labels.yaml,
policy.json, results.json, samples/ (pictures made by the program, with the logits they must give), where texts are read
text/ (what makes tokens of them), and for people and other programs thresholds.json, where the policy has thresholds: a
copy that is not read back. A bundle that averages several networks of one make has weights-0.safetensors,
weights-1.safetensors and so on. One that tells strange pictures has familiar.safetensors beside them, and one whose
classes are texts read-texts.safetensors. Those made of other bundles are in `ensemble.py` and `cascade.py`. After
`sfumato export` network-0.onnx and so on and graph.json stand beside the weights, which they are another form of: older
programs read the bundle without them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from torch import Tensor

from sfumato.bundle.samples import Sample, read_samples, write_samples
from sfumato.decision.policies import policies_from_dict, write_thresholds
from sfumato.errors import InputError
from sfumato.json_file import read_json, read_text, write_json
from sfumato.labels import LabelSpace
from sfumato.sealed import MANIFEST, read_manifest, sealed_folder, verify
from sfumato.tasks import TaskLayout
from sfumato.tensor_file import read_tensors, write_tensors
from sfumato.version import VERSION

ALONE, AVERAGED, VIEWED, ENSEMBLE, MULTILABEL, READING, CASCADE = 1, 2, 3, 4, 5, 6, 7
"""Formats of bundles of one network, of several, of either where pictures are looked at in several views, of other
bundles, of any networks where an image may be of several classes, of any that read texts, and of stages that ask one
another; a program from before there were such refuses them."""
FORMAT = CASCADE
"""The newest; raised whenever an older program could misread a newer bundle."""
KIND = "sfumato-bundle"
TEXT = "text"
"""Folder of the files by which texts become tokens."""
REFERENCES = "familiar.safetensors"
READ_TEXTS = "read-texts.safetensors"
GRAPH = "graph.json"

Document = dict[str, Any]


@dataclass(frozen=True)
class Bundle:
    """Everything in a bundle folder."""

    members: tuple[dict[str, Tensor], ...]
    """The weights of each network whose probabilities are averaged; mostly there is one."""
    recipe: str
    """Text of the resolved recipe it was trained by."""
    model: Document
    """How to build the network that the weights belong to, the same for all members."""
    transform: Document
    """How a picture becomes the network's input."""
    tasks: TaskLayout
    """What the network is asked, and the classes it answers with."""
    policy: Document
    """How logits become decisions."""
    results: Document
    """What was measured, on which samples."""
    provenance: Document
    """Where it comes from: data, versions, hardware, date."""
    samples: tuple[Sample, ...]
    views: Document | None = None
    """In which ways a picture is looked at; None = once."""
    text: Mapping[str, bytes] | None = None
    """Name -> content of the files by which a text becomes tokens; None = its networks read no texts."""
    references: dict[str, Tensor] | None = None
    """What training pictures were to each network, named as `decision.doubt.reference` does; None = no policy asks."""
    read_texts: dict[str, Tensor] | None = None
    """What the text tower made of the texts of the classes, named as `models.read_texts` does; None = it reads them."""
    graphs: tuple[Path, ...] = ()
    """Each network as an ONNX graph; none, or one a member."""
    graph: Document | None = None
    """What the graphs are: their precision, and how far they were from the weights' answers."""

    @property
    def labels(self) -> LabelSpace:
        """The classes of the only task; several are an InputError."""
        return self.tasks.labels


def write_bundle(folder: Path, bundle: Bundle) -> None:
    """Write a bundle; the folder must not exist yet."""
    if folder.exists():
        raise InputError("there already", where=str(folder), expected="a path where nothing is")
    number = VIEWED if bundle.views else ALONE if len(bundle.members) == 1 else AVERAGED
    number = READING if bundle.text is not None else MULTILABEL if bundle.tasks.multilabel else number
    about = {"kind": KIND, "format": number, "sfumato": VERSION, "provenance": bundle.provenance}
    with sealed_folder(folder, about) as work:
        for name, weights in zip(_weight_files(len(bundle.members)), bundle.members, strict=True):
            write_tensors(work / name, weights)
        (work / "recipe.yaml").write_text(bundle.recipe, encoding="utf-8")
        (work / "labels.yaml").write_text(bundle.tasks.to_yaml(), encoding="utf-8")
        for name in ("model", "transform", "policy", "results"):
            write_json(work / f"{name}.json", getattr(bundle, name))
        if bundle.references is not None:
            write_tensors(work / REFERENCES, bundle.references)
        if bundle.read_texts is not None:
            write_tensors(work / READ_TEXTS, bundle.read_texts)
        if bundle.views is not None:
            write_json(work / "views.json", bundle.views)
        if bundle.text is not None:
            write_files(work / TEXT, bundle.text)
        write_thresholds(work, policies_from_dict(bundle.policy, bundle.tasks, str(folder)), bundle.tasks)
        write_samples(work / "samples", bundle.samples)


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle after checking every file against the manifest's hashes. No code of the bundle is run.

    Raises:
        InputError: No bundle, one from a later version, or one that was changed or damaged.
    """
    folder, manifest = open_bundle(folder)
    if manifest["format"] == ENSEMBLE:
        raise InputError("an ensemble of several bundles", where=str(folder), expected="the bundle of one run")
    return read_parts(folder, manifest)


def open_bundle(folder: Path) -> tuple[Path, Document]:
    """The folder of a bundle, which may be given as that of its run, and its manifest, every file being checked.

    Raises:
        InputError: As `read_bundle`.
    """
    if not folder.exists():
        raise InputError("no such bundle", where=str(folder))
    if not (folder / MANIFEST).is_file() and (folder / "bundle" / MANIFEST).is_file():
        folder = folder / "bundle"  # the run's folder was meant
    manifest = bundle_manifest(folder)
    verify(folder)
    return folder, manifest


def bundle_manifest(folder: Path) -> Document:
    """The manifest of a bundle that this version can read, without checking its files."""
    manifest = read_manifest(folder)
    if manifest.get("kind") != KIND:
        raise InputError("not a bundle", where=str(folder), expected="the folder `bundle` of a run")
    _refuse_format(manifest, folder)
    return manifest


def read_parts(folder: Path, manifest: Document) -> Bundle:
    """A bundle that is no ensemble, from a folder whose files were checked."""
    if manifest["format"] == CASCADE:
        expected = "the bundle of one run or ensemble, such as those in its folder `stages`"
        raise InputError("a cascade of several stages", where=str(folder), expected=expected)
    return Bundle(
        members=_read_members(folder, cast(int, manifest["format"])),
        recipe=read_text(folder / "recipe.yaml"),
        model=read_json(folder / "model.json"),
        transform=read_json(folder / "transform.json"),
        tasks=TaskLayout.from_yaml(read_text(folder / "labels.yaml"), str(folder / "labels.yaml")),
        policy=read_json(folder / "policy.json"),
        results=read_json(folder / "results.json"),
        provenance=cast(Document, manifest.get("provenance", {})),
        samples=read_samples(folder / "samples"),
        views=read_json(folder / "views.json") if _has_views(folder, cast(int, manifest["format"])) else None,
        text=read_files(folder / TEXT) if manifest["format"] == READING else None,
        references=read_tensors(folder / REFERENCES) if (folder / REFERENCES).is_file() else None,
        read_texts=read_tensors(folder / READ_TEXTS) if (folder / READ_TEXTS).is_file() else None,
        graphs=graph_files(folder),
        graph=read_json(folder / GRAPH) if (folder / GRAPH).is_file() else None,
    )


def graph_files(folder: Path) -> tuple[Path, ...]:
    """The graphs there are, in the order of the networks."""
    return tuple(sorted(folder.glob("network-*.onnx"), key=lambda path: int(path.stem.removeprefix("network-"))))


def check_samples(
    samples: tuple[Sample, ...],
    classes: int,
    logits: Callable[[tuple[Sample, ...]], np.ndarray[Any, Any]],
    where: str,
    rounded: float = 0.0,
) -> None:
    """Refuse a bundle that does not give its golden samples the logits they had when it was made.

    Args:
        samples: Of the bundle.
        classes: C.
        logits: Gives (S, C) logits for the samples' pictures.
        where: Names the bundle in errors.
        rounded: What rounding weights to 8 bits was seen to change, relative as the tolerance is.
    """
    _refuse_length(samples, classes, where)
    wanted = np.array([sample.logits for sample in samples])
    found = logits(samples)
    far = distance(found, wanted)
    if not np.isfinite(found).all() or (far > SAMPLE_TOLERANCE + 2 * rounded).any():
        worst = int(np.argmax(far))
        raise InputError(
            f"golden sample {samples[worst].name} gives {np.round(found[worst][:4], 4).tolist()}",
            where=where,
            expected=f"{np.round(wanted[worst][:4], 4).tolist()} as when the bundle was made",
            mend="this device or these library versions compute something else; do not use it here",
        )


def distance(found: np.ndarray[Any, Any], wanted: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """(S,) greatest difference of (S, C) logits, relative to the largest of each sample."""
    return np.abs(found - wanted).max(axis=1) / (1 + np.abs(wanted).max(axis=1))


SAMPLE_TOLERANCE = 2e-3
"""Greatest difference of a golden logit, relative to the sample's largest: devices round differently, not more."""


def _has_views(folder: Path, number: int) -> bool:
    return number == VIEWED or (number in (MULTILABEL, READING) and (folder / "views.json").is_file())


def _weight_files(members: int) -> list[str]:
    """Names of the weights' files; of an only network as before there could be several."""
    return ["weights.safetensors"] if members == 1 else [f"weights-{index}.safetensors" for index in range(members)]


def _read_members(folder: Path, number: int) -> tuple[dict[str, Tensor], ...]:
    """The weights of each network; which files there must be is known from the manifest."""
    any_number = number in (VIEWED, MULTILABEL, READING)
    alone = number == ALONE or (any_number and (folder / "weights.safetensors").is_file())
    there = 1 if alone else len(list(folder.glob("weights-*.safetensors")))
    if not alone and there < 2:
        expected = "weights-0.safetensors, weights-1.safetensors and so on"
        raise InputError(f"damaged: {there} networks to average", where=str(folder), expected=expected)
    return tuple(read_tensors(folder / name) for name in _weight_files(there))


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a text tower; none may be there."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def read_files(folder: Path) -> dict[str, bytes]:
    """Name -> content of the files of a text tower; empty where it needs none."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())} if folder.is_dir() else {}


def _refuse_format(manifest: Document, folder: Path) -> None:
    number, made_by = manifest.get("format"), manifest.get("sfumato")
    if type(number) is not int or number < 1:  # true is an int to Python
        raise InputError(
            f"damaged: bundle format {number!r}", where=str(folder / MANIFEST), expected=f"a number from 1 to {FORMAT}"
        )
    if number > FORMAT:
        raise InputError(
            f"bundle format {number}, written by sfumato {made_by}",
            where=str(folder),
            expected=f"format {FORMAT} or older",
            mend=f"pip install 'sfumato>={made_by}'",
        )


def _refuse_length(samples: tuple[Sample, ...], classes: int, where: str) -> None:
    for sample in samples:
        if len(sample.logits) != classes:
            raise InputError(
                f"damaged: {len(sample.logits)} logits for sample {sample.name!r}",
                where=f"{where}/samples/expected.json",
                expected=f"{classes}, one a class",
            )
