"""Class weights from a CSV file: what is read, and what is refused with its line."""

import numpy as np
import pytest
from tests.plans import plan

from sfumato.errors import InputError
from sfumato.losses.class_weights import FileWeightsSpec, GivenWeightsSpec
from sfumato.training.duration import parse
from sfumato.training.given_weights import check_given_weights, with_read_weights
from sfumato.training.keyframe import Keyframe


def read(path, **options):
    spec = FileWeightsSpec(file=str(path), **options)
    return with_read_weights([Keyframe(at=parse("0ep"), class_weights=spec)])[0].class_weights


def written(tmp_path, text):
    path = tmp_path / "weights.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_becomes_given_weights(tmp_path):
    path = written(tmp_path, 'Class, weight\n条纹,2\n\n"disc, large",0.5\nchecks,0\n')
    expected = {"条纹": 2.0, "disc, large": 0.5, "checks": 0.0}
    assert read(path, mean_over="samples") == GivenWeightsSpec(weights=expected, mean_over="samples")


def test_other_keyframes_stay_as_they_are(tmp_path):
    keyframes = [Keyframe(at=parse("0ep"), ema_decay=0.9), Keyframe(at=parse("1ep"), class_weights="off")]
    assert with_read_weights(keyframes) == tuple(keyframes)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", "", ": no table of class weights; expected a first line `class,weight`"),
        ("name,weight\na,1\n", "", ": no table of class weights; expected a first line `class,weight`"),
        ("class,weight\n", "", ": no weight in it; expected a line for every class"),
        ("class,weight\na,1\na,2\n", ":3", ": found 'a' a second time; expected a class, and its weight from 0 on"),
        ("class,weight\n\n\na,x\n", ":4", ": found a,x; expected a class, and its weight from 0 on"),
        ("class,weight\na,-1\n", ":2", ": found a,-1; expected a class, and its weight from 0 on"),
        ("class,weight\na,nan\n", ":2", ": found a,nan; expected a class, and its weight from 0 on"),
        ("class,weight\na,inf\n", ":2", ": found a,inf; expected a class, and its weight from 0 on"),
        ("class,weight\na\n", ":2", ": found a; expected a class, and its weight from 0 on"),
        ("class,weight\na,1,2\n", ":2", ": found a,1,2; expected a class, and its weight from 0 on"),
    ],
)
def test_files_that_are_no_weights(tmp_path, text, place, message):
    path = written(tmp_path, text)
    with pytest.raises(InputError) as caught:
        read(path)
    assert str(caught.value) == f"{path}{place}{message}"


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError) as caught:
        read(tmp_path / "none.csv")
    assert str(caught.value) == f"timeline[0].class_weights.file: no such file: {tmp_path / 'none.csv'}"


def test_names_are_checked_before_training():
    given = {"kind": "given", "weights": {"a": 1, "bb": 2}}
    p = plan({"at": "0ep", "loss": {"kind": "focal"}}, {"at": "1ep", "class_weights": given})
    check_given_weights(p, ("a", "bb"), np.array([3, 2]))
    with pytest.raises(InputError) as caught:
        check_given_weights(p, ("a", "bbb"), np.array([3, 2]))
    assert str(caught.value) == (
        "timeline[1].class_weights.weights: a weight for 'bb', which is no class; did you mean 'bbb'?"
    )


def test_weights_that_leave_nothing_to_learn_are_refused_before_training():
    """Class a has a weight, and no image in the training part."""
    given = {"kind": "given", "weights": {"a": 1, "b": 0}}
    p = plan({"at": "1ep", "class_weights": given})
    check_given_weights(p, ("a", "b"), np.array([1, 5]))
    with pytest.raises(InputError) as caught:
        check_given_weights(p, ("a", "b"), np.array([0, 5]))
    assert str(caught.value) == (
        "timeline[0].class_weights.weights: every class that has images weighs 0; expected a weight above 0 for one of them"
    )
