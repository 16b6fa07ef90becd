"""A bundle's networks, built from its documents and weights."""

from pydantic import ValidationError
from torch import Tensor

from sfumato.bundle.folder import Bundle, Document
from sfumato.data.preprocess import Preprocess
from sfumato.errors import InputError
from sfumato.json_file import to_json
from sfumato.models.dual_encoder import DualEncoder
from sfumato.models.family import Built, build_model, spec_of
from sfumato.models.network import Network
from sfumato.stored import first_mistake


def read_spec(bundle: Bundle, where: str) -> Built:
    """What a bundle's networks are built from."""
    return spec_in(bundle.model, where)


def spec_in(model: Document, where: str) -> Built:
    """What the model.json of a bundle says; `where` names the bundle in errors."""
    try:
        return spec_of(model).model_validate_json(to_json(model))
    except ValidationError as error:
        raise InputError(f"not a model: {first_mistake(error)}", where=f"{where}/model.json") from None


def build_networks(bundle: Bundle, preprocess: Preprocess, where: str) -> list[Network]:
    """The network of each member."""
    spec = read_spec(bundle, where)
    return [_member(spec, weights, bundle, preprocess, where) for weights in bundle.members]


def _member(spec: Built, weights: dict[str, Tensor], bundle: Bundle, preprocess: Preprocess, where: str) -> Network:
    outputs, size = bundle.tasks.outputs, preprocess.size
    names = () if bundle.tasks.several else bundle.tasks.labels.names
    model = build_model(spec, outputs, size, preprocess.mean, preprocess.std, bundle.text, names)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise InputError(
            f"the weights do not fit {spec.title}: {str(error).splitlines()[1].strip()}", where=f"{where}/model.json"
        ) from error
    if isinstance(model, DualEncoder) and bundle.read_texts is not None:
        model.reader.take(bundle.read_texts)
    return model.eval()
