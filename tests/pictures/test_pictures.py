"""Explorations of data and of predictions: what the pictures show, and that each becomes a page and two pictures."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from harness import BASELINE, BUDGETS, InputError
from harness.charts import confusion_chart
from harness.cli import run
from harness.datasets import Dataset
from harness.pictures import (
    ImageTile,
    changed_images,
    changes_chart,
    chart_html,
    class_counts,
    counts_chart,
    draw_samples,
    pictures_chart,
    samples_chart,
    save_exploration,
)
from harness.pictures.grid import data_uri
from harness.results.predictions import Predictions
from harness.results.records import Record
from harness.results.trials import Environment, Trial

LABELS = np.array([0, 1, 2, 0, 1], np.int64)


def record(seed: int, predicted: list[int]) -> Record:
    trial = Trial(BASELINE, "", "drawn", "f", seed, BUDGETS["quick"], Environment("cpu", "tensorflow", 1, ()))
    values = np.array(predicted, np.uint16)
    return Record(trial, "ok", predictions=Predictions(values, np.ones(5, np.uint8), values == LABELS))


def test_samples_are_twelve_in_rows_of_four_with_their_class_and_the_seeds_own(digits):
    samples = draw_samples(digits)
    assert len(samples) == 12
    for sample in samples:
        number = int(re.search(r"\d+", sample.hover)[0])
        assert sample.caption == digits.classes[digits.train_labels[number]]
        assert np.array_equal(sample.image, digits.train_images[number])
    assert [s.hover for s in draw_samples(digits)] == [s.hover for s in samples]
    assert [s.hover for s in draw_samples(digits, seed=2)] != [s.hover for s in samples]
    (values,) = samples_chart(digits).to_dict()["datasets"].values()
    assert len({value["x"] for value in values}) == 4
    assert len({value["y"] for value in values}) == 3


def test_a_picture_keeps_its_pixels():
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    uri = data_uri(image)
    found = np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))
    times = found.shape[0] // 8
    assert times > 1
    assert np.array_equal(found[::times, ::times], image)
    assert Image.open(io.BytesIO(base64.b64decode(data_uri(image[..., :1]).partition(",")[2]))).mode == "L"


@pytest.mark.parametrize("images", [0, -1, 401])
def test_too_few_or_many_samples_are_refused(digits, images):
    with pytest.raises(InputError, match=f"images is {images}: use a whole number from 1 to 400"):
        draw_samples(digits, images=images)


def test_a_dataset_smaller_than_the_sample_is_shown_whole(digits):
    few = Dataset.from_arrays(
        "few", digits.classes, (digits.train_images[:3], digits.train_labels[:3]), (digits.test_images[:2], [0, 1])
    )
    assert len(draw_samples(few)) == 3


def test_counts_add_up_to_the_dataset(digits):
    counts = class_counts(digits)
    assert [count.name for count in counts] == list(digits.classes)
    assert sum(count.train + count.validation for count in counts) == 1000
    assert sum(count.validation for count in counts) == 100
    assert [count.test for count in counts] == np.bincount(digits.test_labels).tolist()


def test_images_won_and_lost_are_those_right_in_more_or_fewer_seeds():
    baseline = [record(1, [0, 1, 0, 2, 1]), record(2, [0, 1, 0, 0, 1])]
    variant = [record(2, [0, 2, 2, 0, 1]), record(1, [0, 2, 2, 0, 1]), record(3, [1, 1, 1, 1, 1])]
    won, lost = changed_images(baseline, variant, LABELS)
    assert [(change.image, change.gain, change.taken_for) for change in won] == [(2, 2, 0), (3, 1, 2)]
    assert [(change.image, change.gain, change.taken_for) for change in lost] == [(1, -2, 2)]
    assert {change.seeds for change in won + lost} == {2}
    assert changed_images(baseline, baseline, LABELS) == ([], [])


def test_images_that_changed_alike_are_shown_one_of_each_class_in_turn():
    won, _ = changed_images([record(1, [2, 2, 0, 2, 2])], [record(1, [0, 1, 2, 0, 1])], LABELS)
    assert [change.label for change in won] == [0, 1, 2, 0, 1]


def test_without_a_common_seed_there_is_nothing_to_compare():
    with pytest.raises(InputError, match="no seed in common"):
        changed_images([record(1, [0] * 5)], [record(2, [0] * 5)], LABELS)


def test_changes_are_drawn_with_their_pictures(tmp_path, digits):
    won, lost = changed_images([record(1, [0, 0, 2, 0, 1])], [record(1, [0, 1, 0, 0, 1])], LABELS)
    chart = changes_chart(won, lost, digits.test_images[:5], ["a", "b", "c"], variant="v", baseline="baseline")
    text = str(chart.to_dict())
    assert "won: 1 images" in text
    assert "lost: 1 images" in text
    assert "'caption': 'b', 'note': 'not a', 'detail': '0→1 of 1 seeds'" in text
    assert "'caption': 'c', 'note': 'not a', 'detail': '1→0 of 1 seeds'" in text
    assert data_uri(digits.test_images[1]) in text


def test_each_exploration_is_a_page_without_links_and_two_pictures(tmp_path, digits):
    for number, chart in enumerate([samples_chart(digits), counts_chart(digits)]):
        page, svg, png = save_exploration(chart, tmp_path / "new", f"chart-{number}")
        assert Image.open(png).width > 300
        assert "<svg" in svg.read_text()
        assert not re.search(r"<(script|link)[^>]*(src|href)=", page.read_text())


def test_hostile_names_stay_text(tmp_path):
    name = '</script><script>alert("x")</script>&\x00'
    image = np.zeros((4, 4, 3), np.uint8)
    charts = [
        pictures_chart([ImageTile(image, name, name, name)], title=name),
        confusion_chart(np.eye(2), [name, "b"], difference=False),
    ]
    for chart in charts:
        html = chart_html(chart)
        assert html.count("</script>") == chart_html(charts[1]).count("</script>")
        assert "<script>alert" not in html
    paths = save_exploration(charts[0], tmp_path / "in", "../" + name)
    assert {path.parent for path in paths} == {tmp_path / "in"}


def test_the_command_draws_a_dataset(tmp_path, capsys):
    assert run(["explore", "--output", str(tmp_path), "--images", "6", "--per-row", "3"]) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        f"{name}.{ending}" for name in ("samples-digits", "counts-digits") for ending in ("html", "svg", "png")
    }
    assert "class" in capsys.readouterr().out


def test_the_command_refuses_what_it_does_not_know(tmp_path, capsys):
    assert run(["explore", "model", "--variant", "dropout:0.44", "--output", str(tmp_path)]) == 4
    assert 'did you mean "dropout:0.4"?' in capsys.readouterr().err
    assert run(["explore", "results", "--results", str(tmp_path)]) == 4
    assert run(["explore", "--images", "0", "--output", str(tmp_path)]) == 4
    assert list(tmp_path.iterdir()) == []
