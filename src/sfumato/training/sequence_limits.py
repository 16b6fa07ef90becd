"""What data must be like for a network that names the classes of a picture one after another."""

from sfumato.data.table import Table
from sfumato.errors import InputError
from sfumato.models.cnn_rnn.cnn_rnn import CnnRnnSpec
from sfumato.models.family import Family


def refuse_unfit_sequences(spec: Family, table: Table) -> None:
    """Refuse a decoder where a picture is of one class, and pictures of more classes than it may name.

    Raises:
        InputError: With the recipe path of the setting, and what fits in its place.
    """
    if not isinstance(spec, CnnRnnSpec):
        return
    if not table.layout.multilabel:
        what = "cnn_rnn names several classes, and an image is of one class here"
        raise InputError(what, setting="model.kind", expected="image")
    longest, counts = spec.decoder.longest, (table.membership == 1).sum(axis=1)
    if longest is not None and len(table) and counts.max() > longest:
        most = f"{(counts > longest).sum()} images are of more, such as {table.ids[int(counts.argmax())]}"
        setting = "model.decoder.longest"
        raise InputError(f"at most {longest} classes, and {most}", setting=setting, expected=f"at least {counts.max()}")
