"""A model file that is edited and put back: the table is the first one's again, and nothing is trained for it."""

import pytest
from drawn_images import draw_folder

from harness.cli import run

BUILDER = """
import keras

def build(variant, input_shape, classes):
    inputs = keras.Input(input_shape)
    x = keras.layers.Flatten()(inputs)
    x = keras.layers.Dense({units}, activation="relu")(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x))
"""
SUITE = """
from harness import BASELINE, Suite, Variant

SMALL = BASELINE.replace(filters=(4,), dense=(8,))
SUITE = Suite("own", [Variant(model="edited_net:build")], baseline=SMALL)
"""


@pytest.mark.slow
def test_b1_edited_and_reverted_the_table_is_the_first_ones_digit_for_digit(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    draw_folder(tmp_path / "data", train=20, test=20)
    (tmp_path / "suites").mkdir()
    (tmp_path / "suites" / "suite_own.py").write_text(SUITE)
    net, table = tmp_path / "edited_net.py", tmp_path / "results" / "tables" / "comparison.csv"

    def sweep(units):
        net.write_text(BUILDER.format(units=units))
        arguments = ["sweep", "--dataset", "data", "--seeds", "3", "--epochs", "1", "--device", "cpu", "--workers", "1"]
        assert run(arguments) == 0
        return capsys.readouterr().out, table.read_text()

    first = sweep(4)
    edited = sweep(16)
    again = sweep(4)
    assert "6 trials to train, 0 done" in first[0]
    assert "3 trials to train, 3 done" in edited[0]
    assert "0 trials to train, 6 done" in again[0]
    assert edited[1] != first[1]
    assert again[1] == first[1]
