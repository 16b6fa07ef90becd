"""Writing and reading the bundle of a cascade: stages, each a whole bundle, and the routes between them.

manifest.json, stages/gate, stages/elements and stages/products (copies; of the first two there may be but one),
cascade.json (the routes, and in which form elements are told), results.json. It has no golden samples of its own: each
stage checks its own when it is loaded, and what stands between them is arithmetic.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from sfumato.bundle.ensemble import AnyBundle, read_any
from sfumato.bundle.folder import CASCADE, KIND, Document, bundle_manifest, open_bundle
from sfumato.errors import InputError
from sfumato.json_file import read_json, write_json
from sfumato.sealed import MANIFEST, sealed_folder
from sfumato.version import VERSION

Role = str
ROLES: tuple[Role, ...] = ("gate", "elements", "products")
"""The stages in their order. The gate tells what is worth a closer look, `elements` what is to be seen in it, and
`products` what it is."""
ROUTES = "cascade.json"


@dataclass(frozen=True)
class Cascade:
    """Everything in the folder of a cascade."""

    stages: Mapping[Role, AnyBundle]
    """Those there are, in their order; `products` always, and at least one before it."""
    routes: Document
    """Where pictures go, and how elements are told; see `decision.routes` and `predict.cascade_stages`."""
    results: Document
    """What was measured, on which samples."""
    provenance: Document
    """Where it comes from: the provenance of its stages, versions, hardware, date."""


def is_cascade(folder: Path) -> bool:
    """Whether a folder is the bundle of a cascade, or holds one.

    Its files are not checked; whatever is wrong with it is told by who reads it.
    """
    inner = folder if (folder / MANIFEST).is_file() else folder / "bundle"
    try:
        return (inner / MANIFEST).is_file() and bundle_manifest(inner)["format"] == CASCADE
    except InputError:
        return False


def write_cascade(folder: Path, cascade: Cascade, places: Mapping[Role, Path]) -> None:
    """Write a cascade, copying the folders of the bundles it was read from; its own must not exist yet."""
    if folder.exists():
        raise InputError("there already", where=str(folder), expected="a path where nothing is")
    about = {"kind": KIND, "format": CASCADE, "sfumato": VERSION, "provenance": cascade.provenance}
    with sealed_folder(folder, about) as work:
        for role in cascade.stages:
            shutil.copytree(places[role], work / "stages" / role)
        write_json(work / ROUTES, cascade.routes)
        write_json(work / "results.json", cascade.results)


def read_cascade(folder: Path) -> Cascade:
    """Read a cascade after checking every file against the manifest's hashes. No code of it is run.

    Raises:
        InputError: No cascade, one from a later version, or one that was changed or damaged.
    """
    folder, manifest = open_bundle(folder)
    if manifest["format"] != CASCADE:
        raise InputError("no cascade", where=str(folder), expected="a folder that `sfumato cascade` made")
    there: list[Role] = [role for role in ROLES if (folder / "stages" / role).is_dir()]
    if "products" not in there or len(there) < 2:
        what = f"damaged: stages {', '.join(there) or 'are missing'}"
        raise InputError(what, where=str(folder), expected="stages/products, and a stage before it")
    return Cascade(
        stages={role: read_any(folder / "stages" / role) for role in there},
        routes=read_json(folder / ROUTES),
        results=read_json(folder / "results.json"),
        provenance=cast(Document, manifest.get("provenance", {})),
    )
