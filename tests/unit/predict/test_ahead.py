import threading
from threading import Event

from sfumato.predict.ahead import decoded_ahead


def test_the_next_are_decoded_while_these_are_looked_at():
    begun = {number: Event() for number in range(7)}

    def decode(number):
        begun[number].set()
        return -number

    stream = decoded_ahead(iter(range(7)), decode, 3)
    assert next(stream) == ([0, 1, 2], [0, -1, -2])
    assert all(begun[number].wait(10) for number in (3, 4, 5))
    assert not begun[6].is_set()
    assert list(stream) == [([3, 4, 5], [-3, -4, -5]), ([6], [-6])]


def test_who_stops_early_leaves_no_thread_and_decodes_no_more():
    before, go_on, begun = threading.active_count(), Event(), []

    def decode(number):
        begun.append(number)
        if number >= 2:
            go_on.wait(10)
        return number

    stream = decoded_ahead(iter(range(1000)), decode, 2)
    assert next(stream) == ([0, 1], [0, 1])
    threading.Timer(0.05, go_on.set).start()
    stream.close()
    assert threading.active_count() <= before + 1 and set(begun) <= set(range(4))
