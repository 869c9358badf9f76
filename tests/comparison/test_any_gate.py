"""Gates of any text: parsed or refused, however long, deep or odd."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_gate_grammar import ROW

from harness.comparison.columns import SUITE_TABLE
from harness.comparison.gate import MAX_DEPTH, MAX_LENGTH, parse_gate
from harness.errors import InputError

WORDS = [
    *("seeds", "accuracy", "accuracy_verdict", "'worse'", "1", "0.5", "and", "or", "not", "(", ")", "<", "=="),
    *("-", "in", "lambda", "[", ","),
]


def test_a_gate_is_as_long_and_as_deep_as_allowed_and_no_more():
    text = "accuracy > 0.5"
    padded = text + " " * (MAX_LENGTH - len(text))
    assert parse_gate(padded).columns == ("accuracy",)
    with pytest.raises(InputError, match=f"^gate of {MAX_LENGTH + 1} characters: at most {MAX_LENGTH} are allowed"):
        parse_gate(padded + " ")
    nots, ands = text, text
    for number in range(MAX_DEPTH - 1):
        nots, ands = f"not ({nots})", f"recall > 0.5 {'and' if number % 2 else 'or'} ({ands})"
    row = {"accuracy": 0.6, "recall": 0.6}
    assert parse_gate(nots).fails(row) == (MAX_DEPTH % 2 == 1)
    assert parse_gate(ands).fails(row)
    for deeper in (f"not ({nots})", f"seeds > 1 and ({ands})"):
        with pytest.raises(InputError, match=f"gate: more than {MAX_DEPTH} conditions are inside one another"):
            parse_gate(deeper)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 400 + "seeds > 1" + ")" * 400,
        "not " * 400 + "seeds > 1",
        "x" * 5000,
        "-" * 1900 + "1 < seeds",
        "seeds > " + "1" * 1990,
        "seeds" + "[0" * 900,
        "seeds" + ".a" * 900 + " > 1",
        "seeds > 1 and " * 140,
    ],
)
def test_endless_gates_are_refused_without_a_crash(text):
    with pytest.raises(InputError):
        parse_gate(text)


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text):
    try:
        gate = parse_gate(text)
    except InputError:
        return
    assert set(gate.columns) <= set(SUITE_TABLE)
    assert gate.columns


@given(
    st.lists(
        st.sampled_from(WORDS),
        max_size=12,
    )
)
def test_any_row_of_words_is_parsed_or_refused(words):
    try:
        gate = parse_gate(" ".join(words))
    except InputError:
        return
    assert gate.fails(ROW) in (True, False)
