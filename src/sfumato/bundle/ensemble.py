"""Writing and reading a bundle that is made of other bundles.

manifest.json, members/0, members/1 and so on (each a whole bundle, which may be an ensemble itself), fusion.json,
labels.yaml, policy.json, results.json, samples/. It stands on its own: the members are copies.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sfumato.bundle.folder import ENSEMBLE, KIND, Bundle, Document, bundle_manifest, open_bundle, read_parts
from sfumato.bundle.samples import Sample, read_samples, write_samples
from sfumato.decision.policies import policies_from_dict, write_thresholds
from sfumato.errors import InputError
from sfumato.json_file import read_json, read_text, write_json
from sfumato.labels import LabelSpace
from sfumato.sealed import MANIFEST, sealed_folder
from sfumato.tasks import TaskLayout
from sfumato.version import VERSION


@dataclass(frozen=True)
class Ensemble:
    """Everything in the folder of an ensemble."""

    members: tuple["Bundle | Ensemble", ...]
    """Each with its own model, transform, classes and policy."""
    fusion: Document
    """How their answers become one."""
    tasks: TaskLayout
    """What it is asked, and the classes it answers with; a member may have them in another order."""
    policy: Document
    """How fused logits become decisions."""
    results: Document
    """What was measured, on which samples."""
    provenance: Document
    """Where it comes from: the provenance of its members, versions, hardware, date."""
    samples: tuple[Sample, ...]

    @property
    def labels(self) -> LabelSpace:
        """The classes of the only task; several are an InputError."""
        return self.tasks.labels


AnyBundle = Bundle | Ensemble


def write_ensemble(folder: Path, ensemble: Ensemble, members: Sequence[Path]) -> None:
    """Write an ensemble, copying the folders of the bundles it was read from; its own must not exist yet."""
    if folder.exists():
        raise InputError("there already", where=str(folder), expected="a path where nothing is")
    about = {"kind": KIND, "format": ENSEMBLE, "sfumato": VERSION, "provenance": ensemble.provenance}
    with sealed_folder(folder, about) as work:
        for index, member in enumerate(members):
            shutil.copytree(member, work / "members" / str(index))
        (work / "labels.yaml").write_text(ensemble.tasks.to_yaml(), encoding="utf-8")
        for name in ("fusion", "policy", "results"):
            write_json(work / f"{name}.json", getattr(ensemble, name))
        write_thresholds(work, policies_from_dict(ensemble.policy, ensemble.tasks, str(folder)), ensemble.tasks)
        write_samples(work / "samples", ensemble.samples)


def read_any(folder: Path) -> AnyBundle:
    """Read a bundle of any kind after checking every file against the manifest's hashes. No code of it is run.

    Raises:
        InputError: No bundle, one from a later version, or one that was changed or damaged.
    """
    return _read(*open_bundle(folder))


def _read(folder: Path, manifest: Document) -> AnyBundle:
    """Its files were checked already, those of its members with them."""
    if manifest["format"] != ENSEMBLE:
        return read_parts(folder, manifest)
    count = len(list(folder.glob(f"members/*/{MANIFEST}")))
    if count < 2:
        what = f"damaged: {count} members"
        raise InputError(what, where=str(folder), expected="members/0, members/1 and so on, a bundle each")
    places = [folder / "members" / str(index) for index in range(count)]
    return Ensemble(
        members=tuple(_read(place, bundle_manifest(place)) for place in places),
        fusion=read_json(folder / "fusion.json"),
        tasks=TaskLayout.from_yaml(read_text(folder / "labels.yaml"), str(folder / "labels.yaml")),
        policy=read_json(folder / "policy.json"),
        results=read_json(folder / "results.json"),
        provenance=cast(Document, manifest.get("provenance", {})),
        samples=read_samples(folder / "samples"),
    )
