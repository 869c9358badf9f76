from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.comparison.gate import failed_rows, parse_gate
from harness.errors import InputError

ROW = {"accuracy": 0.9, "accuracy_delta": -0.02, "accuracy_verdict": "worse", "seeds": 5, "variant": "dropout:0.5"}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("accuracy_verdict == 'worse'", True),
        ('accuracy_verdict == "better"', False),
        ("accuracy_verdict != 'same'", True),
        ("accuracy_delta < -0.01 and seeds >= 5", True),
        ("accuracy_delta < -0.01 and seeds > 5", False),
        ("seeds > 5 or accuracy_delta <= -2e-2", True),
        ("not accuracy > 0.95", True),
        ("not (accuracy > 0.8 or seeds == 5)", False),
        # and binds closer than or
        ("seeds == 5 or seeds == 6 and accuracy > 0.95", True),
        ("(seeds == 5 or seeds == 6) and accuracy > 0.95", False),
        ("0.5 < accuracy", True),
        ("accuracy_delta < accuracy", True),
        ("variant == 'dropout:0.5'", True),
        ("not not seeds == 5", True),
    ],
)
def test_a_gate_means_what_it_says(text, holds):
    assert parse_gate(text).fails(ROW) is holds


@pytest.mark.parametrize("sign", ["==", "!=", "<", "<=", ">", ">="])
@pytest.mark.parametrize("unknown", [math.nan, None])
def test_a_comparison_with_an_unknown_number_is_false(sign, unknown):
    assert not parse_gate(f"accuracy {sign} 0.5").fails(ROW | {"accuracy": unknown})


@pytest.mark.parametrize("sign", ["==", "!="])
def test_a_comparison_with_an_unknown_text_is_false(sign):
    assert not parse_gate(f"variant {sign} 'x'").fails(ROW | {"variant": math.nan})


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("acuracy > 1", 'did you mean "accuracy"', 1),
        ("accuracy > 1 and sedes > 2", 'did you mean "seeds"', 18),
        ("accuracy >", "found the end", 11),
        ("accuracy = 1", "write ==", 10),
        ("accuracy > 1 && seeds > 2", "write and", 14),
        ("(accuracy > 1", "not closed", 14),
        ("accuracy > 1)", "too much", 13),
        ("accuracy", "a comparison is expected", 9),
        ("0 < accuracy < 1", "three values in a row", 14),
        ("accuracy > 'x'", "a number and 'x' a text", 10),
        ("variant < 'x'", "use == or !=", 9),
        ("accuracy_verdict == 'wors'", 'did you mean "worse"', 18),
        ("accuracy_verdict == worse", "a text needs quotes", 21),
        ("variant == 'x", "does not end", 12),
        ("accuracy > 1.2.3", "number", 12),
        ("", "is empty", 1),
        ("accuracy > 1 or", "found the end", 16),
        ("__import__('os') == 1", "unknown", 1),
    ],
)
def test_a_fault_is_refused_with_its_place(text, message, place):
    with pytest.raises(InputError) as caught:
        parse_gate(text)
    assert message in str(caught.value)
    assert f"(character {place})" in str(caught.value)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("text", ["(" * 400 + "seeds > 1" + ")" * 400, "not " * 400 + "seeds > 1", "x" * 5000])
def test_endless_gates_are_refused_without_a_crash(text):
    with pytest.raises(InputError):
        parse_gate(text)


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text):
    try:
        gate = parse_gate(text)
    except InputError:
        return
    assert gate.columns is not None


@given(
    st.lists(
        st.sampled_from(
            ["seeds", "accuracy", "accuracy_verdict", "'worse'", "1", "and", "or", "not", "(", ")", "<", "=="]
        ),
        max_size=12,
    )
)
def test_any_row_of_words_is_parsed_or_refused(words):
    try:
        gate = parse_gate(" ".join(words))
    except InputError:
        return
    assert gate.fails(ROW) in (True, False)


def test_failed_rows_keep_their_index_and_name_every_gate_they_meet():
    frame = pd.DataFrame(
        {
            "variant": ["a", "b", "c"],
            "accuracy_verdict": ["worse", "same", "worse"],
            "step_time_ratio": [1.5, 1.0, math.nan],
        },
        index=[10, 20, 30],
    )
    gates = [parse_gate("accuracy_verdict == 'worse'"), parse_gate("step_time_ratio > 1.2")]
    failed = failed_rows(frame, gates)
    assert list(failed.index) == [10, 30]
    assert list(failed["gate"]) == ["accuracy_verdict == 'worse'; step_time_ratio > 1.2", "accuracy_verdict == 'worse'"]
    assert list(frame.columns) == ["variant", "accuracy_verdict", "step_time_ratio"]


def test_without_gates_or_rows_nothing_fails():
    frame = pd.DataFrame({"variant": ["a"], "seeds": [3]})
    assert failed_rows(frame, []).empty
    assert list(failed_rows(frame.iloc[:0], [parse_gate("seeds > 1")]).columns) == ["variant", "seeds", "gate"]
