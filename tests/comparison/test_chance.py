"""A suite of which nothing learnt says so, from the rows' own intervals."""

from __future__ import annotations

import dataclasses

import pytest
from made_results import BASELINE, CLASSES, DROPOUT, IMAGES, WIDE, Made, make_results

from harness.comparison import Margins, compare_all, frame_of
from harness.results import load_results
from harness.tables import Screen, render_frame

NOTE = "no variant is surely better than always guessing the most frequent class"


def notes(folder, **changes):
    made = dataclasses.replace(Made(step_ms={}), **changes)
    comparisons = compare_all(load_results(make_results(folder, made)), Margins())
    (note,) = {row["chance"] for one in comparisons for row in one.rows}
    text = " ".join(render_frame(frame_of(comparisons), "plain", screen=Screen(100)).split())
    assert text.count(NOTE) == bool(note)
    return note


def test_a_table_at_chance_says_so_once_with_what_a_guess_is_right_for(tmp_path):
    note = notes(tmp_path, accuracies={BASELINE: 0.10, DROPOUT: 0.11, WIDE: 0.09})
    assert note.startswith(f"{NOTE}, which is right for {1 / CLASSES:.1%} of the test images: ")


@pytest.mark.parametrize("best", [BASELINE, WIDE])
def test_one_variant_that_learnt_is_enough(tmp_path, best):
    assert notes(tmp_path, accuracies={BASELINE: 0.10, DROPOUT: 0.10, WIDE: 0.10} | {best: 0.60}) == ""


def test_too_few_seeds_say_nothing_and_near_duplicates_count_as_one_image(tmp_path):
    low = {BASELINE: 0.10, DROPOUT: 0.10}
    assert notes(tmp_path / "few", accuracies=low, seeds=(1, 2)) == ""
    some = {BASELINE: 0.16, DROPOUT: 0.16}
    assert notes(tmp_path / "apart", accuracies=some) == ""
    alike = [image % 10 for image in range(IMAGES)]
    assert notes(tmp_path / "alike", accuracies=some, groups=alike).startswith(NOTE)
