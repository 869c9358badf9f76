"""Charts: what they draw from, and that they are files."""

from __future__ import annotations

import json
import math
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from harness.budgets import Budget
from harness.charts import (
    ClassAccuracy,
    Point,
    are_crossed,
    chart_svg,
    class_accuracies,
    classes_chart,
    confusion_chart,
    confusion_matrix,
    curve_rows,
    curves_chart,
    effects_chart,
    meeting_epoch,
    pareto_chart,
    save_chart,
)
from harness.charts.labels import place_names
from harness.charts.pareto import front_rows, pareto_rows
from harness.charts.save import save_svg
from harness.charts.text import clean, label, unique_labels
from harness.charts.theme import WIDTH
from harness.results.predictions import Predictions
from harness.results.records import EpochMetrics, Record
from harness.results.trials import Environment, Trial
from harness.variants import BASELINE

NAN = float("nan")


def record(seed: int, training: list[float], validation: list[float], predicted: list[int] | None = None) -> Record:
    """Return a record with these accuracies by epoch and these predictions."""
    environment = Environment("cpu", "tensorflow", 1, ())
    trial = Trial(BASELINE, "", "digits", "f", seed, Budget("quick", max(len(training), 1), 3), environment)
    history = tuple(
        EpochMetrics(own, own, own, 1 - own, held, held, held, 1 - held, 1.0)
        for own, held in zip(training, validation, strict=True)
    )
    predictions = None
    if predicted is not None:
        size = len(predicted)
        predictions = Predictions(np.array(predicted, np.uint16), np.ones(size, np.uint8), np.ones(size, bool))
    return Record(trial, "ok", history=history, predictions=predictions)


def row(variant: str, gain: float, ratio: float, standing: str = "yes", **more: object) -> dict[str, object]:
    """Return a row of the comparison table, as far as the Pareto chart reads it."""
    return {
        "variant": variant,
        "baseline": "baseline",
        "status": "ok",
        "pareto": standing,
        "accuracy_delta": gain,
        "accuracy_ci_low": gain - 0.01,
        "accuracy_ci_high": gain + 0.01,
        "step_time_ratio": ratio,
        "step_time_ci_low": ratio - 0.1,
        "step_time_ci_high": ratio + 0.1,
    } | more


def texts_of(svg: str) -> list[str]:
    return ["".join(one.itertext()) for one in ElementTree.fromstring(svg).iter() if one.tag.endswith("}text")]


def test_intervals_are_drawn_as_far_as_the_tables_tell_them() -> None:
    def ends(**more: object) -> tuple[dict[str, object], list[float]]:
        (point,) = pareto_rows([row("a", 0.01, 1.0, **more)])
        (axes,) = {
            str(layer["encoding"]["x"]["scale"]["domain"])
            for layer in pareto_chart([row("a", 0.01, 1.0, **more)]).to_dict()["layer"]
            if "scale" in layer.get("encoding", {}).get("x", {})
        }
        return point, json.loads(axes)

    # The baseline is right for 97 %: three points are left to gain, 97 to lose.
    point, _ = ends(accuracy=0.98, accuracy_ci_low=-0.99, accuracy_ci_high=0.05)
    assert (point["low"], point["high"]) == (pytest.approx(-97), pytest.approx(3))
    loose, (left, _) = ends(step_time_ci_low=1e-9, step_time_ci_high=1e9)
    assert (loose["fast"], loose["slow"], loose["times"]) == (0.01, 100, "1.0 [<0.01, >100]")
    assert left >= 0


def test_a_class_gains_and_loses_no_more_than_the_baseline_leaves() -> None:
    labels = [0] * 6 + [1] * 6
    right = [0] * 6 + [1] * 6
    bases = [record(seed, [], [], [*right[:-2], seed % 2, 1 - seed % 2]) for seed in (1, 2, 3)]
    own = [record(seed, [], [], [1] * seed + right[seed:]) for seed in (1, 2, 3)]
    for one in class_accuracies(own, labels, ["cat", "dog"], baseline=bases):
        assert one.delta_low < one.delta <= one.delta_high
        assert one.delta_low >= -one.baseline
        assert one.delta_high <= 1 - one.baseline + 1e-9


def test_a_curve_is_the_mean_of_the_seeds_and_its_band_spans_them() -> None:
    rows = curve_rows([record(1, [0.5], [0.4]), record(2, [0.7], [0.8])])
    training = next(one for one in rows if one["metric"] == "accuracy" and one["part"] == "training")
    assert (training["low"], training["high"], training["seeds"]) == (0.5, 0.7, 2)
    assert training["mean"] == pytest.approx(0.6)


def test_epochs_that_are_not_finite_are_left_out() -> None:
    rows = curve_rows([record(1, [0.5, NAN], [0.4, 0.5])])
    assert not any(math.isnan(one["mean"]) for one in rows)
    assert [one["epoch"] for one in rows if one["metric"] == "loss" and one["part"] == "training"] == [1]


def test_the_red_line_is_at_the_first_epoch_within_a_hundredth() -> None:
    rows = curve_rows([record(1, [0.5, 0.80, 0.95], [0.4, 0.79, 0.94])])
    assert meeting_epoch(rows) == 2
    svg = chart_svg(curves_chart([record(1, [0.5, 0.80, 0.95], [0.4, 0.79, 0.94])]))
    assert "epoch 2: 79.0%" in texts_of(svg)


def test_there_is_no_red_line_where_the_curves_never_meet() -> None:
    apart = [record(1, [0.5, 0.9], [0.4, 0.6])]
    assert meeting_epoch(curve_rows(apart)) is None
    assert not any("epoch 2" in text for text in texts_of(chart_svg(curves_chart(apart))))


def test_curves_of_no_record_and_of_one_epoch_are_drawn() -> None:
    assert "accuracy" in texts_of(chart_svg(curves_chart([])))
    assert "recall" in texts_of(chart_svg(curves_chart([record(1, [0.5], [0.4])])))


def test_a_confusion_matrix_holds_shares_of_the_true_class() -> None:
    matrix = confusion_matrix([record(1, [], [], [0, 1, 1, 1]), record(2, [], [], [0, 0, 1, 0])], [0, 0, 1, 1], 3)
    assert matrix[:2, :2].tolist() == [[0.75, 0.25], [0.25, 0.75]]
    assert np.isnan(matrix[2]).all()


def test_a_difference_is_told_with_its_sign_and_nothing_is_told_twice() -> None:
    svg = chart_svg(confusion_chart([[0.02, -0.02], [0.0, 0.0]], ["cat", "dog"], difference=True))
    assert {"+2.0", "−2.0", "cat", "dog", "better", "worse"} <= set(texts_of(svg))
    assert "0.0" not in texts_of(svg)


@pytest.mark.parametrize("classes", [0, 1, 40])
def test_confusion_charts_of_any_number_of_classes_are_drawn(classes: int) -> None:
    svg = chart_svg(confusion_chart(np.eye(classes), [f"class {i}" for i in range(classes)], difference=False))
    assert svg.startswith("<svg")


@pytest.mark.parametrize(("classes", "shown"), [(10, 10), (30, 30), (120, 30)])
def test_names_of_many_classes_do_not_lie_on_one_another(classes: int, shown: int) -> None:
    svg = chart_svg(confusion_chart(np.eye(classes), [f"class {i}" for i in range(classes)], difference=False))
    assert svg.count(">class ") == 2 * shown
    assert svg.count(">class 0<") == 2


def test_class_accuracies_are_paired_by_seed() -> None:
    labels = [0, 0, 1, 1]
    own = [record(seed, [], [], [0, 0, 1, 0]) for seed in (1, 2, 3)]
    base = [record(seed, [], [], [0, 1, 1, 0]) for seed in (1, 2, 3)]
    first, second = class_accuracies(own, labels, ["cat", "dog"], baseline=base)
    assert (first.name, first.images, first.accuracy, first.baseline, first.delta) == ("cat", 2, 1.0, 0.5, 0.5)
    assert second.delta == 0
    assert class_accuracies([], labels, ["cat", "dog"]) == []


def test_a_class_chart_shows_classes_without_an_interval_too() -> None:
    svg = chart_svg(classes_chart([ClassAccuracy("cat", 5, 0.5, NAN, NAN)]))
    assert "cat" in texts_of(svg)


def test_the_front_joins_what_no_other_estimate_beats_in_both() -> None:
    rows = [row("baseline", 0.0, 1.0), row("a", 0.02, 1.5), row("b", 0.01, 2.0), row("c", -0.01, 0.5)]
    assert [point["variant"] for point in front_rows(pareto_rows(rows))] == ["c", "baseline", "a"]


def test_failed_diverged_and_untimed_variants_have_no_point() -> None:
    rows = [row("a", 0.1, 1.0, status="diverged"), row("b", NAN, 1.0), row("c", 0.1, NAN), row("d", 0.1, 1.0)]
    assert [point["variant"] for point in pareto_rows(rows)] == ["d"]


def test_a_pareto_chart_names_its_points_without_intervals_as_well() -> None:
    unknown = {f"{name}_ci_{end}": NAN for name in ("accuracy", "step_time") for end in ("low", "high")}
    svg = chart_svg(pareto_chart([row("baseline", 0.0, 1.0), row("dropout:0.5", 0.02, 1.5, **unknown)]))
    assert "dropout:0.5" in texts_of(svg)
    assert chart_svg(pareto_chart([])).startswith("<svg")


def test_fields_are_drawn_in_their_natural_order() -> None:
    points = [Point(f"v{value}", {"batch_size": value}, 0.9) for value in ("128", "8", "32")]
    texts = [text for text in texts_of(chart_svg(effects_chart(points))) if text in ("8", "32", "128")]
    assert list(dict.fromkeys(texts)) == ["8", "32", "128"]


def test_main_effects_survive_unknown_figures() -> None:
    points = [Point("a", {"l2": "0.0"}, NAN), Point("b", {"l2": "0.1"}, 0.5)]
    assert chart_svg(effects_chart(points)).startswith("<svg")


def test_only_all_combinations_of_two_fields_are_crossed() -> None:
    grid = [
        Point(f"{l2} {dropout}", {"l2": l2, "dropout": dropout, "dense": "128"}, 0.9)
        for l2 in ("0.0", "0.1", "0.2")
        for dropout in ("0.0", "0.5")
    ]
    assert are_crossed(grid)
    assert not are_crossed(grid[1:])  # a combination is missing
    assert not are_crossed([*grid, grid[0]])
    assert not are_crossed(grid[::2])  # one field alone
    assert not are_crossed([*grid[1:], Point("diverged", grid[0].fields, NAN)])
    assert not are_crossed([])


def boxes_of(svg: str) -> list[tuple[str, float, float]]:
    """Text and place of each name in a plot, in its pixels."""
    found = re.findall(
        r'<text text-anchor="(\w+)" transform="translate\(([-\d.]+),([-\d.]+)\)"[^>]*>([^<]*:[^<]*)<', svg
    )
    return [(text, float(x), float(y)) for _, x, y, text in found]


@pytest.mark.parametrize("spread", [0.0, 0.002, 0.05])
def test_names_in_a_pareto_chart_lie_neither_on_one_another_nor_on_points(spread: float) -> None:
    rng = np.random.default_rng(1)
    points = [(WIDTH / 2 + spread * x, 120 + spread * y) for x, y in rng.normal(0, 2000, (14, 2))]
    points = [(min(max(x, 0.0), 320.0), min(max(y, 0.0), 250.0)) for x, y in points]
    names = [f"dropout:0.{number}" for number in range(14)]
    places = place_names(points, names, (WIDTH, 250))
    boxes = []
    for (x, y), name, place in zip(points, names, places, strict=True):
        if place is None:
            continue
        width = 6.0 * len(name)
        left = x + place.dx - {"left": 0, "center": width / 2, "right": width}[place.align]
        boxes.append((left, y + place.dy - 8, left + width, y + place.dy + 2))
    assert len(boxes) >= 2
    for number, one in enumerate(boxes):
        assert one[0] >= 0
        assert one[2] <= WIDTH
        for other in boxes[:number]:
            assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
        assert not any(one[0] < x < one[2] and one[1] < y < one[3] for x, y in points)


def test_an_interval_beyond_all_reason_leaves_the_other_points_apart() -> None:
    rows = [row("baseline", 0.0, 1.0), row("a:1", 0.01, 0.6), row("b:2", -0.01, 1.4, step_time_ci_high=3e12)]
    drawn = {text: x for text, x, _ in boxes_of(chart_svg(pareto_chart(rows)))}
    assert drawn["b:2"] - drawn["a:1"] > 60


def test_a_pareto_chart_draws_each_name_where_it_was_placed() -> None:
    rows = [row("baseline", 0.0, 1.0), row("dropout:0.2", -0.005, 1.08), row("dropout:0.4", -0.008, 1.079)]
    svg = chart_svg(pareto_chart(rows))
    drawn = {text: (x, y) for text, x, y in boxes_of(svg)}
    assert drawn.keys() == {"dropout:0.2", "dropout:0.4"}
    (_, first), (_, second) = drawn.values()
    assert abs(first - second) >= 10


def test_a_chart_is_saved_as_svg_and_as_a_png_fit_for_print(tmp_path: Path) -> None:
    chart = curves_chart([record(1, [0.5, 0.6], [0.4, 0.5])])
    drawn, dots = save_chart(chart, tmp_path / "new", "dropout:0.5.curves")
    assert {drawn.suffix, dots.suffix} == {".svg", ".png"}
    width = float(ElementTree.parse(drawn).getroot().attrib["width"])
    assert width <= 420  # so that 11-pixel letters are at least 6.6 points in a column of 89 mm
    with Image.open(dots) as image:
        assert image.width == pytest.approx(3 * width, abs=3)
    before = dots.stat().st_mtime_ns
    save_chart(chart, tmp_path / "new", "dropout:0.5.curves")
    assert dots.stat().st_mtime_ns == before


def test_a_png_is_drawn_where_it_is_asked_for_and_never_left_beside_another_svg(tmp_path: Path) -> None:
    first, second = (chart_svg(curves_chart([record(1, [0.5, end], [0.4, 0.5])])) for end in (0.6, 0.9))
    (drawn,) = save_svg(first, tmp_path, "dropout")
    assert drawn.read_text(encoding="utf-8") == first
    _, dots = save_svg(first, tmp_path, "dropout", png=True)
    before = dots.read_bytes()
    assert save_svg(second, tmp_path, "dropout") == [drawn, dots]
    assert drawn.read_text(encoding="utf-8") == second
    save_svg(second, tmp_path / "alone", "dropout", png=True)
    assert before != dots.read_bytes() == (tmp_path / "alone" / "dropout.png").read_bytes()


def test_a_chart_stays_in_its_folder_whatever_it_is_called(tmp_path: Path) -> None:
    chart = classes_chart([ClassAccuracy("cat", 5, 0.5, 0.4, 0.6)])
    for name in ("../out", "/etc/x", "a\0b", "x" * 300, "", "..", "\N{PILE OF POO}"):
        for path in save_chart(chart, tmp_path, name):
            assert path.parent == tmp_path
            assert path.is_file()


def test_labels_lose_what_cannot_be_drawn_and_stay_apart() -> None:
    assert (
        clean("a\nb\u202ec\ud800") == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}"
    )
    assert len(label("x" * 300)) == 28
    assert len(set(unique_labels(("x" * 300, "x" * 301, "x" * 302)))) == 3
    assert label("constructor") != "constructor"  # Vega would take it for what every object has
