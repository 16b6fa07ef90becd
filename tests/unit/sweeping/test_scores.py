"""What a trial is compared by: the score of the weights that it keeps, whichever they are."""

from sfumato.run_folder import RunFolder
from sfumato.sweeping.scores import epoch_scores, kept_score

HISTORY = "epoch,val_accuracy,ema_accuracy\n0,0.5,0.4\n1,0.6,0.7\n2,0.65,0.6\n"
AVERAGES = """weights,epochs,alpha,loss,accuracy,macro_f1,kept
raw,2,,0.9,0.65,0.6,0
ema,1,,0.8,0.7,0.6,0
soup,1 2,,0.7,0.75,0.7,1
"""


def test_each_epoch_counts_by_its_best_weights_and_the_best_epoch_is_kept(tmp_path):
    (tmp_path / "history.csv").write_text(HISTORY + "3,0.9")  # half a row
    assert epoch_scores(RunFolder(tmp_path), "accuracy") == [0.5, 0.7, 0.65]
    assert kept_score(RunFolder(tmp_path), "accuracy") == 0.7


def test_what_was_made_after_the_last_step_counts_where_it_was_kept(tmp_path):
    (tmp_path / "history.csv").write_text(HISTORY)
    (tmp_path / "averages.csv").write_text(AVERAGES)
    assert kept_score(RunFolder(tmp_path), "accuracy") == 0.75
    assert kept_score(RunFolder(tmp_path), "macro_f1") == 0.7
