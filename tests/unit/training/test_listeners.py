from dataclasses import replace

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from sfumato.models.heads import LinearHeadSpec
from sfumato.training.listeners import TensorBoard
from sfumato.training.plan import make_plan
from sfumato.training.records import EpochDone, Started
from sfumato.training.schedules import CosineSpec

PLAN = make_plan((), CosineSpec(), base_lr=0.1, epochs=3, samples=64, image_size=32, head=LinearHeadSpec())
ROW = EpochDone(0, 2, 0.1, 32, 1000, 1.5, 0.5, {"raw": {"loss": 1.0, "accuracy": 0.5}}, "raw", 100.0, 2.0)


def test_a_run_killed_before_its_first_checkpoint_shows_no_epoch_twice(tmp_path):
    for _ in range(2):
        board = TensorBoard(tmp_path)
        board(Started(PLAN, 0, ()))
        board(ROW)
        board(replace(ROW, epoch=1, step=4))
        board.close()
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [point.step for point in events.Scalars("val/loss")] == [2, 4]
    assert [point.value for point in events.Scalars("run/image_size")] == [32, 32]
    assert [point.value for point in events.Scalars("run/learning")] == [1000, 1000]
    assert "ema/loss" not in events.Tags()["scalars"]
