"""Images that pairs connect are groups, called after their first image, whatever the order of the pairs."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from harness.datasets.groups import first_two, grouped_text, groups_of, pairs_of


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=12), st.randoms())
def test_a_group_is_what_pairs_connect_over_however_many_steps(pairs, random):
    connected = [{number} for number in range(8)]
    for one, other in pairs:
        whole = connected[one] | connected[other]
        for number in whole:
            connected[number] = whole
    groups = groups_of(8, pairs)
    assert groups.tolist() == [min(of) for of in connected]
    assert groups.dtype == np.int64
    turned = [pair[:: random.choice((1, -1))] for pair in random.sample(pairs, len(pairs))]
    assert groups_of(8, turned).tolist() == groups.tolist()
    assert groups_of(8, pairs_of(groups)).tolist() == groups.tolist()
    assert (grouped_text(groups) == "") == (len(set(groups)) == 8)


def test_thousands_are_told_apart_by_commas_and_a_group_shows_its_first_two():
    groups = np.repeat(np.arange(1500), 2)
    assert grouped_text(groups) == "3,000 of 3,000 test images are near-duplicates: counted as 1,500"
    assert first_two(np.array([4, 4, 4]), 4) == [0, 1]
