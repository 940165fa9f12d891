import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.view_selection import evenly_spread, select_labelled

STEMS = [f"{index:03d}" for index in range(10)]
EVERY = [True] * 10


@pytest.mark.parametrize(
    ("count", "n", "expected"),
    [(64, 5, [6, 19, 32, 44, 57]), (10, 1, [5]), (6, 6, [0, 1, 2, 3, 4, 5]), (6, 3, [1, 3, 5]), (4, 2, [1, 3])],
)
def test_spread_by_hand(count, n, expected):
    assert evenly_spread(count, n) == expected


@given(st.integers(1, 500).flatmap(lambda count: st.tuples(st.just(count), st.integers(1, count))))
def test_spread_is_distinct_and_even_around_a_closed_orbit(case):
    count, n = case
    chosen = evenly_spread(count, n)
    assert len(set(chosen)) == n and chosen == sorted(chosen) and 0 <= chosen[0] and chosen[-1] < count
    gaps = [after - before for before, after in zip(chosen, chosen[1:] + [chosen[0] + count])]
    assert max(gaps) - min(gaps) <= 1


def test_a_number_is_spread_over_the_views_with_a_label():
    has_label = [index in (1, 4, 5, 8) for index in range(10)]
    assert select_labelled(STEMS, has_label, 2, (), "scene") == [4, 8]


def test_names_are_taken_with_or_without_suffix_and_once():
    assert select_labelled(STEMS, EVERY, None, ("007", "002.png", "007"), "scene") == [2, 7]


def test_without_options_every_label_is_kept():
    assert select_labelled(STEMS, [index % 2 == 0 for index in range(10)], None, (), "scene") == [0, 2, 4, 6, 8]


@pytest.mark.parametrize(
    ("has_label", "count", "names", "message"),
    [
        (EVERY, 11, (), "only 10 training views have a label.*--labelled-views 10"),
        (EVERY, 0, (), "at least 1"),
        (EVERY, 3, ("001",), "exclude each other"),
        (EVERY, None, ("0088",), "no training view '0088'.*did you mean.*008"),
        ([False] * 9 + [True], None, ("003",), r"'003' has no label.*009 \(1 in all\)"),
    ],
)
def test_what_cannot_be_chosen(has_label, count, names, message):
    with pytest.raises(InputError, match=message):
        select_labelled(STEMS, has_label, count, names, "scene/train")
