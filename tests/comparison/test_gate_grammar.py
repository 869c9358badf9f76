from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.comparison.columns import FOLDER_TABLE, SUITE_TABLE
from harness.comparison.gate import failed_rows, parse_gate
from harness.errors import InputError

ROW = {
    "accuracy": 0.9,
    "accuracy_delta": -0.02,
    "accuracy_verdict": "worse",
    "seeds": 5,
    "variant": "dropout:0.5",
    "status": "ok",
}


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
        ("0.85 < accuracy < 0.95", True),
        ("0.85 < accuracy < 0.89", False),
        ("\n accuracy\n> 0.5\tand seeds == 5 ", True),
        ("accuracy > +.5", True),
        ("accuracy > 5.e-1 and accuracy > 5E-1", True),
        ("accuracy == accuracy", True),
        ("0.9 <= accuracy <= 0.9", True),
        ("accuracy < 0.8 or accuracy > 0.85", True),
        ("accuracy >= 0.9 and accuracy > 0.85 and accuracy != 0.95", True),
        ("status == 'ok' or status == 'partial'", True),
        ("variant != 'a' and variant != 'b'", True),
        ("variant == 'dropout:0.5' and variant != 'b'", True),
        ("0.9 == accuracy and 5 != seeds", False),
        ("0.9 == accuracy and 0.8 != accuracy", True),
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
        ("acuracy > 0.5", 'did you mean "accuracy"', 1),
        ("accuracy > 0.5 and sedes > 2", 'did you mean "seeds"', 20),
        ("acc > 0.5", 'did you mean "accuracy"', 1),
        ("accuracy >", "found the end", 11),
        ("accuracy = 1", "write ==", 10),
        ("accuracy := 1", "write ==", 11),
        ("accuracy > 0.5 && seeds > 2", "write and", 16),
        ("accuracy > 0.5 || seeds > 2", "write or", 16),
        ("accuracy > 0.5 & seeds > 2", "write and", 16),
        ("accuracy > 0.5 | seeds > 2", "write or", 16),
        *(
            (f"variant {sign} 'x'", f"'{sign}' between texts: use == or !=", 10 + len(sign))
            for sign in ("<=", ">", ">=")
        ),
        ("! accuracy > 0.5", "write not", 1),
        ("(accuracy > 0.5", "character 1 is not closed", 16),
        ("accuracy > 0.5)", "too much", 15),
        ("accuracy > 0.5) or (seeds > 2", "too much", 15),
        ("accuracy", "a comparison is expected", 1),
        ("accuracy > 'x'", "accuracy is a number and 'x' a text", 12),
        ("'x' == accuracy", "accuracy is a number and 'x' a text", 8),
        ("variant < 'x'", "use == or !=", 11),
        ("accuracy_verdict == 'wors'", 'did you mean "worse"', 21),
        ("accuracy_verdict == worse", "a text needs quotes", 21),
        ("variant == 'x", "does not end", 12),
        ("variant == 'x' 'y'", "two texts in a row", 12),
        ("variant == r'x'", "a letter before a quote", 12),
        ("variant == f'x'", "f'x' is unknown", 12),
        ("variant == '''x'''", "two texts in a row", 12),
        ("accuracy > 1.2.3", "'1.2.3' is not a number", 12),
        ("", "is empty", 1),
        ("  \n ", "is empty", 1),
        ("accuracy > 0.5 or", "found the end", 18),
        ("accuracy > 0.5 seeds > 2", "found 'seeds'", 16),
        ("accuracy > 0.5 # or seeds > 2", "'#' is unknown", 16),
        ("accuracy > 0.5, seeds > 2", "is unknown", 1),
        ("accuracy in (1, 2)", "is unknown", 13),
        ("accuracy is 1", "compare by == != < <= > >=", 13),
        ("accuracy > None", "None is unknown", 12),
        ("accuracy > -'x'", "-'x' is unknown", 12),
        ("accuracy > -True", "-True is unknown", 12),
        ("accuracy > --1", "--1 is unknown", 12),
        ("accuracy > 1j", "'1j' is not a number", 12),
        ("accuracy > 0x1f", "'0x1f' is not a number", 12),
        ("accuracy > 1_0", "'1_0' is not a number", 12),
        ("accuracy > 0.5and seeds > 2", "'0.5and' is not a number", 12),
        ("accuracy > 1e999", "too large", 12),
        ("accuracy > 9" + "9" * 1500, "too large", 12),
        ("accuracy > seeds + 1", "is unknown", 12),
        ("1 < 2", "name a column", 1),
        ("accuracy > 0.5 and \x00", "is unknown", 20),
        ("accuracy > ０.5", "is unknown", 12),
        ("accuracy_hint == 'x'", "ask accuracy_verdict", 1),
        ("__import__('os') == 1", "unknown", 1),
        ("accuracy.real > 0.5", "unknown", 1),
        ("(lambda: 1) == 1", "unknown", 2),
        ("status == 'missing'", "never 'missing'", 11),
    ],
)
def test_a_fault_is_refused_with_its_place(text, message, place):
    with pytest.raises(InputError) as caught:
        parse_gate(text)
    assert message in str(caught.value)
    assert f"(character {place})" in str(caught.value)
    assert str(caught.value).splitlines()[2] == " " * (place + 1) + "^" if text.strip() else True
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accuracy > 90", "accuracy is a fraction, 0 to 1: did you mean 0.9?"),
        ("accuracy < 30", "accuracy is a fraction, 0 to 1: did you mean 0.3?"),
        ("90 < accuracy", "did you mean 0.9?"),
        ("accuracy_delta < -1", "accuracy_delta is a fraction, -1 to 1: did you mean -0.01?"),
        ("accuracy_ci_low > 2.5", "did you mean 0.025?"),
        ("macro_f1 == 50", "did you mean 0.5?"),
        ("precision >= 66.2", "did you mean 0.662?"),
        ("accuracy_std > 2", "did you mean 0.02?"),
        ("gemm_share < 40", "did you mean 0.4?"),
        ("accuracy_p > 5", "accuracy_p is a p-value, 0 to 1: did you mean 0.05?"),
        ("accuracy > 1", "this never holds: accuracy is 0 to 1"),
        ("accuracy >= 0", "this always holds: accuracy is 0 to 1"),
        ("accuracy > 1000", "never holds"),
        ("accuracy < -20", "never holds"),
        ("0 <= accuracy", "this always holds: accuracy is 0 to 1"),
        ("1 >= accuracy", "this always holds"),
        ("0 > accuracy", "this never holds"),
        ("-1 == seeds", "this never holds: seeds is 0 or more"),
        ("-1 != seeds", "this always holds"),
        ("0.8 >= accuracy and 0.9 <= accuracy", "never holds: no accuracy meets it"),
        ("0.5 > accuracy or 0.5 <= accuracy", "always holds: every accuracy meets it"),
        ("0.9 == accuracy and 0.8 == accuracy", "never holds: no accuracy meets it"),
        ("'ok' == status and 'failed' == status", "never holds: no status meets it"),
        ("", "gate: it is empty: write a condition such as accuracy_verdict == 'worse' (character 1)"),
        ("1 < 2", "gate: two values compare: name a column, such as accuracy > 0.9 (character 1)"),
        ("variant == 'x' 'y'", "gate: two texts in a row, or a letter before a quote: write one quoted text ("),
        ("accuracy > 1e301", "gate: the number is too large (character 12)"),
        ("step_time_ratio < 0", "this never holds: step_time_ratio is 0 or more"),
        ("step_time_ms >= 0", "always holds"),
        ("seeds < 0", "never holds"),
        ("seeds != -1", "always holds"),
        ("0.2 < accuracy < 80", "did you mean 0.8?"),
        ("not (seeds > 2 and accuracy > 90)", "did you mean 0.9?"),
        ("accuracy > 0.9 and accuracy < 0.8", "never holds: no accuracy meets it"),
        ("accuracy > 0.9 and seeds > 2 and 0.9 >= accuracy", "never holds: no accuracy meets it"),
        ("0.9 < accuracy < 0.8", "never holds: no accuracy meets it"),
        ("accuracy == 0.9 and accuracy != 0.9", "never holds"),
        ("accuracy > 0.5 or accuracy <= 0.5", "always holds: every accuracy meets it"),
        ("status == 'ok' and status == 'failed'", "never holds: no status meets it"),
        ("status != 'ok' or status != 'failed'", "always holds: every status meets it"),
        ("variant == 'a' and variant == 'b'", "never holds: no variant meets it"),
    ],
)
def test_what_can_never_or_always_hold_is_refused(text, message):
    with pytest.raises(InputError) as caught:
        parse_gate(text)
    assert message in str(caught.value)


@given(st.floats(0.001, 0.999), st.floats(0.001, 0.999))
def test_two_limits_hold_together_where_there_is_room_between_them(one, other):
    low, high = sorted((one, other))
    gate = f"accuracy > {low!r} and {high!r} > accuracy"
    if high - low > 1e-9:
        assert parse_gate(gate).fails({"accuracy": (low + high) / 2})
        with pytest.raises(InputError, match="never holds: no accuracy meets it"):
            parse_gate(f"{low!r} >= accuracy and accuracy >= {high!r}")


@pytest.mark.parametrize("name", [name for name, column in SUITE_TABLE.items() if column.range == (0, 1)])
def test_every_fraction_refuses_per_cent_and_takes_its_range(name):
    with pytest.raises(InputError, match=r"did you mean 0\.35"):
        parse_gate(f"{name} > 35")
    assert parse_gate(f"{name} > 0.35").fails({name: 0.4})
    assert parse_gate(f"{name} == 1").fails({name: 1.0})


def test_a_refusal_shows_the_gate_and_marks_the_place():
    with pytest.raises(InputError) as caught:
        parse_gate("accuracy > 0.5 and é\x07")
    first, shown, mark = str(caught.value).splitlines()
    assert first.endswith("(character 20)")
    assert shown == "  accuracy > 0.5 and é\N{REPLACEMENT CHARACTER}"
    assert mark == "  " + " " * 19 + "^"
    with pytest.raises(InputError, match=r"^gate: '\)' is too much: no parenthesis is open \(character 13\)\n"):
        parse_gate("accuracy > 0)")
    with pytest.raises(InputError, match=r"is never 'nonsense': use 'ok', 'partial'"):
        parse_gate("status == 'nonsense'")


def test_per_cent_are_those_up_to_100():
    with pytest.raises(InputError, match=r"did you mean 1\?"):
        parse_gate("accuracy > 100")
    with pytest.raises(InputError, match="this never holds: accuracy is 0 to 1"):
        parse_gate("accuracy > 100.5")


def test_a_text_is_taken_as_it_is_written():
    assert parse_gate("not (variant == 'a')").fails({"variant": "b"})
    assert not parse_gate("not (variant == 'a')").fails({"variant": "a"})
    for text in ("a\\n", "é漢", "a'b", "# x", "a = b && c", "a; b"):
        quote = '"' if "'" in text else "'"
        gate = parse_gate(f"variant == {quote}{text}{quote} and seeds >= 5")
        assert gate.fails(ROW | {"variant": text})
        assert not gate.fails(ROW | {"variant": text + "x"})


def test_folders_have_their_own_columns_and_words():
    assert parse_gate("status == 'missing' and present == 'old'", FOLDER_TABLE).fails(
        {"status": "missing", "present": "old"}
    )
    with pytest.raises(InputError, match="unknown"):
        parse_gate("suite == 'a'", FOLDER_TABLE)


def test_failed_rows_keep_their_order_and_name_every_gate_they_meet():
    frame = pd.DataFrame(
        {
            "variant": ["a", "b", "c"],
            "accuracy_verdict": ["worse", "same", "worse"],
            "step_time_ratio": [1.5, 1.0, math.nan],
        }
    )
    gates = [parse_gate("accuracy_verdict == 'worse'"), parse_gate("step_time_ratio > 1.2")]
    failed = failed_rows(frame, gates)
    assert [(failure.row["variant"], failure.gates) for failure in failed] == [("a", tuple(gates)), ("c", (gates[0],))]


def test_without_gates_or_rows_nothing_fails():
    frame = pd.DataFrame({"variant": ["a"], "seeds": [3]})
    assert failed_rows(frame, []) == []
    assert failed_rows(frame.iloc[:0], [parse_gate("seeds > 1")]) == []
