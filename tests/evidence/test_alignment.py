"""What two lists have in common, in order: as much as there can be, and quickly."""

import random

import pytest

from durable.evidence.comparing.alignment import common


def longest(a, b):
    """The textbook table, as the measure."""
    row = [0] * (len(b) + 1)
    for item in a:
        before, row = row, [0]
        for place, other in enumerate(b):
            row.append(before[place] + 1 if item == other else max(before[place + 1], row[place]))
    return row[-1]


@pytest.mark.parametrize("letters", ["ab", "abcd", "abcdefghijklmnop"])
def test_it_finds_as_much_as_there_is(letters):
    chance = random.Random(len(letters))
    for _ in range(150):
        a, b = (chance.choices(letters, k=chance.randrange(30)) for _ in "ab")
        found = common(a, b)
        assert [a[at] for at, _ in found] == [b[to] for _, to in found]
        assert found == sorted(set(found)) and len({to for _, to in found}) == len({at for at, _ in found}) == len(
            found
        )
        assert [to for _, to in found] == sorted(to for _, to in found)
        assert len(found) == longest(a, b)


def test_of_nothing_there_is_nothing():
    assert common([], []) == common("abc", []) == common("abc", "xyz") == []
    assert common("abc", "abc") == [(0, 0), (1, 1), (2, 2)]


def test_lists_that_are_alike_turned_round_or_all_of_one_kind_take_no_table_in_memory():
    import tracemalloc

    chance = random.Random(5)
    hard = [[chance.randrange(3) for _ in range(4000)] for _ in "ab"]
    tracemalloc.start()
    try:
        assert len(common(*hard)) > 2000
        assert len(common([1] * 4000, [2] + [1] * 4000)) == 4000
        assert len(common(range(4000), range(4000)[::-1])) == 1
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
