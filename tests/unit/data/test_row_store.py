"""Arrays kept on the disk: found again by any process, never half, and no more of them than there is room for."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from sfumato.data.rows import segment as segments
from sfumato.data.rows import store as stores
from sfumato.data.rows.store import RowStore


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "sfumato" / "kind"


def key(number: int) -> bytes:
    return number.to_bytes(16, "little")


def row(number: int, long: int = 8) -> np.ndarray:
    return np.full(long, number, dtype=np.float32)


def store(most: float = 1e9, name: str = "a") -> RowStore:
    return RowStore("kind", name, np.float32, most)


def fill(numbers, **named) -> None:
    with store(**named) as one:
        for number in numbers:
            one.add(key(number), row(number))


def found(numbers, **named) -> list[int | None]:
    rows = store(**named).find([key(number) for number in numbers])
    return [None if one is None else int(one[0]) for one in rows]


def test_what_was_added_is_found_by_the_next(cache):
    fill([1, 256, 3])  # a key that ends in zeros among them
    fill([7])
    assert found([3, 4, 256, 7, 1]) == [3, None, 256, 7, 1]
    assert found([3], name="b") == [None]
    assert found([]) == []


def test_arrays_of_any_shape():
    made = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    with RowStore("kind", "bytes", np.uint8, 1e9) as one:
        one.add(key(0), made[:, ::2])
        one.add(key(1), made)
    back = RowStore("kind", "bytes", np.uint8, 1e9).find([key(0), key(1)])
    assert np.array_equal(back[0], made[:, ::2])
    assert np.array_equal(back[1], made)


def test_two_at_once_lose_nothing():
    first, second = store(), store()
    for number in range(20):
        (first if number % 2 else second).add(key(number), row(number))
    first.close()
    second.close()
    assert found(range(20)) == list(range(20))


def test_a_killed_process_leaves_what_it_had_closed_and_no_half(cache):
    code = (
        "import sys, numpy as np\n"
        "from sfumato.data.rows import store\n"
        "store.SEGMENT_BYTES = 100\n"
        "one = store.RowStore('kind', 'a', np.float32, 1e9)\n"
        "for number in range(5):\n"  # 32 bytes each: the first four close a segment, the fifth begins another
        "    one.add(number.to_bytes(16, 'little'), np.full(8, number, dtype=np.float32))\n"
        "print('ready', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stdin=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGKILL)
    assert found(range(5)) == [0, 1, 2, 3, None]
    assert len(list((cache / "a").glob("*.rows"))) == 2
    for path in (cache / "a").iterdir():  # a day later it is cleared away
        os.utime(path, (1, 1))
    fill([9])
    assert found([0, 4, 9]) == [0, None, 9]
    assert len(list((cache / "a").glob("*.rows"))) == 2


@pytest.mark.parametrize("what", ["cut", "changed", "index"])
def test_what_is_damaged_is_as_if_it_were_not_there(cache, what):
    fill(range(4))
    data, index = next((cache / "a").glob("*.rows")), next((cache / "a").glob("*.parquet"))
    if what == "cut":
        data.write_bytes(data.read_bytes()[:40])
    elif what == "changed":
        data.write_bytes(b"\xff" * 32 + data.read_bytes()[32:])
    else:
        index.write_bytes(b"no parquet")
    assert found([0, 3]) == [None, 3 if what == "changed" else None]


def test_what_was_used_last_stays(cache):
    for number in range(3):
        fill([number], name=str(number))
        os.utime(next((cache / str(number)).glob("*.parquet")), (1000 + number, 1000 + number))
    with store(name="0"):  # used again
        pass
    size = sum(path.stat().st_size for path in (cache / "2").iterdir())
    with store(most=2.5 * size, name="0"):
        pass
    assert [found([number], name=str(number)) for number in range(3)] == [[0], [None], [2]]


def test_what_is_mapped_outlives_its_file(cache):
    fill([5])
    one = store()
    for path in list((cache / "a").iterdir()):
        path.unlink()
    assert one.find([key(5)])[0][0] == 5


def test_a_disk_that_takes_nothing_only_forgets(cache, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(stores, "NewSegment", full)
    fill([1])
    assert found([1]) == [None]


def test_arrays_whose_index_found_no_room_are_not_left_behind(cache, monkeypatch):
    monkeypatch.setattr(segments, "remember", lambda *_: None)  # so it does on a full disk
    fill([1, 2])
    assert not [one for one in cache.rglob("*") if one.is_file()]
