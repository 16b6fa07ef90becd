"""A teacher as its bundle describes it: what it answers, how large and how good it is, and what it learnt from."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from sfumato.bundle.ensemble import AnyBundle, Ensemble, read_any
from sfumato.bundle.folder import Bundle, read_bundle
from sfumato.data.preprocess import Preprocess
from sfumato.errors import InputError
from sfumato.json_file import read_json, write_json
from sfumato.models.network import Network
from sfumato.predict.building import build_networks
from sfumato.sealed import MANIFEST
from sfumato.stored import read_stored, stored
from sfumato.tasks import TaskLayout
from sfumato.training.distillation import DistillSpec

SETTING = "train.distill.teacher"
KEPT = ("accuracy", "macro_f1")
"""Scores of the teacher that stand beside the student's."""
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
"""Ends of the names of tensors that batch norms keep, which are no parameters."""


@stored
@dataclass(frozen=True)
class TeacherFacts:
    """What a run keeps of its teacher; no path, since what it names may be moved."""

    manifest_sha256: str
    """Of its manifest, which holds those of all its files."""
    networks: int
    parameters: int
    """Of all its networks."""
    width: int | None
    """Features of an image that are to be matched; None = none are."""
    scores: dict[str, dict[str, float]]
    """Part, of several tasks PART.TASK -> score -> value, as measured when it was made."""
    source: str | None
    """Name of the data it learnt from; None = its bundle does not say, or its networks learnt from several."""
    splits: tuple[str, ...]
    """SHA-256 of the splits that any of its networks learnt from, each once; of one that does not say, empty."""


@dataclass(frozen=True)
class Teacher:
    """A bundle that was found whole, and whose networks are not kept in memory."""

    folder: Path
    """Of the bundle, also where that of its run was named."""
    facts: TeacherFacts
    tasks: TaskLayout
    size: int
    """Side of the square its networks see, pixels; of several kinds of networks the largest."""


def find_teacher(spec: DistillSpec) -> Teacher:
    """Look a teacher up.

    Raises:
        InputError: No bundle there, a damaged one, one that reads texts or names several classes an image, or one of
            several networks where features are to be matched.
    """
    try:
        bundle = read_any(Path(spec.teacher))
        folder, parts = _bundle_folder(Path(spec.teacher)), _parts(bundle)
        _refuse_unfit(bundle.tasks, parts, str(folder))
        weights = [one for part in parts for one in part.members]
        width = None if spec.features is None else _only_network(parts[0], len(weights), str(folder)).width
    except InputError as error:
        raise error.about(SETTING) from None
    counts = [tensor.numel() for one in weights for name, tensor in one.items() if not name.endswith(_STATISTICS)]
    data = learnt_from(bundle.provenance)
    sources = {one.get("source") for one in data}
    facts = TeacherFacts(
        manifest_sha256=hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest(),
        networks=len(weights),
        parameters=sum(counts),
        width=width,
        scores=_scores(bundle.results),
        source=sources.pop() if len(sources) == 1 else None,
        splits=tuple(dict.fromkeys(one.get("splits_sha256", "") for one in data)),
    )
    return Teacher(folder, facts, bundle.tasks, max(int(part.transform["size"]) for part in parts))


def _refuse_unfit(tasks: TaskLayout, parts: Sequence[Bundle], where: str) -> None:
    """A teacher is shown pictures alone, and its answers are softened over classes that exclude each other."""
    if any(part.text is not None for part in parts):
        raise InputError("it reads texts, and a teacher is shown pictures alone", where=where)
    if tasks.multilabel:
        raise InputError("it names several classes an image, and a student learns from one that names one", where=where)


def learnt_from(provenance: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a bundle's provenance says of the data of each run that it is made of: of folds, of soups, of ensembles."""
    members = cast(list[Mapping[str, Any]], provenance.get("members", []))
    if members:
        return [one for member in members for one in learnt_from(member)]
    return provenance.get("folds") or provenance.get("soup") or [provenance.get("data", {})]


def network_of(folder: Path) -> tuple[Network, Preprocess]:
    """The only network of a teacher, on the CPU and in evaluation mode, and how it wants its pictures."""
    bundle = read_bundle(folder)
    preprocess = Preprocess.from_dict(bundle.transform, f"{folder}/transform.json")
    return build_networks(bundle, preprocess, str(folder))[0], preprocess


def write_facts(path: Path, facts: TeacherFacts) -> None:
    """Write a file that `read_facts` reads back."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, asdict(facts))


def read_facts(path: Path) -> TeacherFacts:
    """What a run was begun with.

    Raises:
        InputError: Missing or damaged.
    """
    return read_stored(TeacherFacts, read_json(path), "what is known of a teacher", str(path))


def _bundle_folder(path: Path) -> Path:
    return path if (path / MANIFEST).is_file() else path / "bundle"


def _parts(bundle: AnyBundle) -> list[Bundle]:
    """The bundles of networks that it is made of; mostly itself."""
    return [one for member in bundle.members for one in _parts(member)] if isinstance(bundle, Ensemble) else [bundle]


def _only_network(bundle: Bundle, networks: int, where: str) -> Network:
    if networks > 1:
        what = f"{networks} networks, each with features of its own"
        raise InputError(what, where=where, expected="a bundle of one", mend="leave out train.distill.features")
    return build_networks(bundle, Preprocess.from_dict(bundle.transform, f"{where}/transform.json"), where)[0]


def _scores(results: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for part, result in results.items():
        scores = cast(dict[str, dict[str, float]], result.get("scores", {}))
        found[part] = {name: float(scores[name]["value"]) for name in KEPT if name in scores}
    return found
