"""A model's layers: shapes, parameters and work, equal to the model's own."""

import pytest

from harness import BASELINE, build_model
from harness.cli import run
from harness.pictures.layers import count_text, model_summary, summary_chart
from harness.timing.flops import forward_flops


@pytest.fixture(scope="module")
def model():
    return build_model(BASELINE, seed=1)


def test_every_layer_has_its_shape_parameters_and_work(model):
    layers = model_summary(model)
    assert [layer.name for layer in layers] == ["conv_1", "pool_1", "conv_2", "pool_2", "flatten", "dense_1", "output"]
    assert [layer.output_shape for layer in layers][:2] == [(30, 30, 32), (15, 15, 32)]
    assert sum(layer.params for layer in layers) == model.count_params() == 315_722
    # Two operations a multiply-add, one for each bias, and relu's comparisons, which the profiler leaves out.
    assert layers[0].flops == 30 * 30 * 32 * (2 * 27 + 1)
    assert layers[5].flops == 2 * 2304 * 128 + 128


def test_the_layers_work_adds_up_to_the_models(model):
    assert sum(layer.flops for layer in model_summary(model)) == pytest.approx(
        forward_flops(model, (32, 32, 3)), rel=0.01
    )


def test_the_chart_has_a_row_a_layer_and_the_totals(model):
    text = str(summary_chart(model_summary(model), "baseline").to_dict())
    assert "parameters: 316 k" in text
    assert "30 x 30 x 32" in text
    assert "FLOPs: 8.46 M" in text


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (999, "999"), (1000, "1.00 k"), (25_600_000, "25.6 M")])
def test_numbers_have_three_digits(value, text):
    assert count_text(value) == text


def test_the_command_draws_and_prints_a_models_layers(tmp_path, capsys):
    assert run(["explore", "model", "--output", str(tmp_path)]) == 0
    assert "295,040" in capsys.readouterr().out
    assert {path.suffix for path in tmp_path.glob("model-baseline-digits.*")} == {".html", ".svg", ".png"}
