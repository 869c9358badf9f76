"""Bad input of transfer learning and pretraining: refused before training, exit 4, one message, nothing written."""

import keras
import pytest

from harness import BASELINE, BUDGETS, Variant
from harness.cli import run
from harness.datasets import Dataset
from harness.errors import InputError
from harness.noise import quiet_libraries
from harness.running.job import prepare
from harness.running.job_settings import JobSettings
from harness.suites import Suite


def refusal(capsys, *arguments: str) -> str:
    assert run(list(arguments)) == 4
    text = capsys.readouterr().err
    assert "Traceback" not in text
    return text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--backbone", "MobilNetV2"], "backbone: 'MobilNetV2' is not allowed"),
        (["--classes", "0,eleven"], 'class "eleven" is not in digits'),
        (["--epochs", "0"], "epochs is 0"),
        (["--learning-rate", "0"], "learning_rate: 0.0 is not allowed"),
        (["--weights", "gone.weights.h5"], "is not a file"),
        (["--others", "others"], "--others needs --classes"),
        (["--dataset", "no-such-folder"], 'unknown dataset "no-such-folder"'),
    ],
)
def test_pretraining_refuses_bad_input(tmp_path, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert message in refusal(capsys, "pretrain", "--output", "w.weights.h5", *arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("weights.pkl", "use a file name that ends in .weights.h5"),
        ("there.weights.h5/w.weights.h5", "there.weights.h5 cannot be written"),
        ("there.weights.h5", "exists: name another file"),
    ],
)
def test_pretraining_refuses_an_output_it_cannot_write(tmp_path, capsys, name, message):
    (tmp_path / "there.weights.h5").write_text("mine")
    assert message in refusal(capsys, "pretrain", "--output", str(tmp_path / name))
    assert (tmp_path / "there.weights.h5").read_text() == "mine"


def test_an_unknown_backbone_is_refused_with_the_nearest():
    with pytest.raises(InputError, match='did you mean "ResNet50"'):
        Variant(backbone="ResNet5")


def test_weights_of_another_architecture_fail_that_variant_with_one_message(tmp_path, digits):
    path = tmp_path / "other.weights.h5"
    with quiet_libraries():
        keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save_weights(path)
    from harness import run_trial

    variant = Variant(backbone="MobileNetV2", weights=str(path))
    with pytest.raises(InputError, match="does not hold weights of backbone MobileNetV2"):
        run_trial(variant, digits, seed=1, budget=BUDGETS["smoke"])


def test_a_picture_too_small_for_the_backbone_is_refused_in_the_plan(tmp_path, digits):
    from harness.datasets.writing import write_folder

    small = Dataset.from_arrays(
        "small",
        digits.classes,
        (digits.train_images[:200, :16, :16], digits.train_labels[:200]),
        (digits.test_images[200:400, :16, :16], digits.test_labels[200:400]),
    )
    write_folder(small, tmp_path / "small")
    suite = Suite("transfer", [Variant(backbone="VGG16")], BASELINE)
    settings = JobSettings(str(tmp_path / "small"), BUDGETS["smoke"], results=tmp_path / "results")
    with pytest.raises(InputError, match="takes pictures of at least 32x32"):
        prepare(settings, [suite])
    assert not (tmp_path / "results").exists()
