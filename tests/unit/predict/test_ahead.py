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
