"""A builder that never reads what its variant differs in: refused by name before training, wherever it is trained."""

import pytest

from harness import BUDGETS, Suite, Variant
from harness.cli import run
from harness.datasets import Dataset
from harness.datasets.facts import DatasetFacts
from harness.errors import HarnessError
from harness.results import load_results
from harness.results.trials import Environment, Trial
from harness.running.plan import make_plan
from harness.training.check import check_trains
from harness.training.trial import Trainer

SOURCE = """
import keras

class Net(keras.Model):
    def __init__(self, variant, classes):
        super().__init__()
        self.variant = variant
        self.flat = keras.layers.Flatten()
        self.out = keras.layers.Dense(classes, activation="softmax")

    def call(self, x, training=False):
        x = self.flat(x)
        if training:
            x = x * (1 - self.variant.l1)
        return self.out(x)

def late(variant, input_shape, classes):
    return Net(variant, classes)

def build(variant, input_shape, classes):
    width = variant.option("width", 4)
    return keras.Sequential([
        keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(width),
        keras.layers.Dense(classes, activation="softmax"),
    ])

def compiled(variant, input_shape, classes):
    model = build(variant, input_shape, classes)
    model.compile("sgd", "categorical_crossentropy")
    return model
"""


@pytest.fixture(autouse=True)
def _module(tmp_path, monkeypatch):
    (tmp_path / "unread_nets.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)


def net(function="build", **fields) -> Variant:
    return Variant(model=f"unread_nets:{function}", **fields)


@pytest.mark.parametrize(
    ("function", "fields", "unread"),
    [
        ("build", {"options": {"widht": 64}}, r'never read option "widht" \(it reads width\)'),
        ("build", {"dropout": 0.3}, 'never read field "dropout"'),
        ("build", {"precision_policy": "mixed_bfloat16"}, 'never read field "precision_policy"'),
        ("build", {"augmentation": "flip"}, 'never read field "augmentation"'),
        ("compiled", {"learning_rate": 0.1}, 'never read field "learning_rate"'),
        ("compiled", {"optimizer": "sgd"}, 'never read field "optimizer"'),
        ("late", {"l2": 0.1}, 'never read field "l2"'),
    ],
)
def test_a_difference_that_is_never_read_fails_the_check_by_name(function, fields, unread, digits):
    with pytest.raises(HarnessError, match=unread):
        check_trains(net(function, **fields), digits, baseline=net(function))


@pytest.mark.parametrize(
    ("function", "fields"),
    [
        ("build", {"options": {"width": 5}, "batch_size": 16, "optimizer": "sgd", "learning_rate": 0.01}),
        ("compiled", {"batch_size": 16}),
        ("late", {"l1": 0.1}),
    ],
)
def test_what_is_read_applied_or_read_late_passes(function, fields, digits):
    check_trains(net(function, **fields), digits, baseline=net(function))


def test_a_trial_is_refused_before_it_trains_and_the_plan_tells_it_its_baselines(digits):
    facts = DatasetFacts("digits", digits.fingerprint, digits.classes, digits.input_shape, len(digits.train_labels))
    suites = [Suite("a", [net(l2=0.1), net(batch_size=16)], net()), Suite("b", [net(l2=0.1)], net(l2=0.1, dropout=0.1))]
    plan = make_plan(suites, facts, BUDGETS["smoke"], Environment("cpu", "tensorflow", 1, ()), {}, workers=1)
    by_variant: dict[Variant, Trial] = {trial.variant: trial for trial in plan.trials}
    assert by_variant[net()].against == ()
    assert by_variant[net(l2=0.1)].against == (net(), net(l2=0.1, dropout=0.1))
    with pytest.raises(HarnessError, match='never read field "l2"'):
        Trainer().run(by_variant[net(l2=0.1)], digits)
    assert Trainer().run(by_variant[net(batch_size=16)], digits).status == "ok"


@pytest.mark.slow
def test_a_sweep_fails_that_variant_alone(tmp_path, monkeypatch, digits: Dataset, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "suite_unread.py").write_text(
        "from harness import Suite, Variant\n"
        "NET = Variant(model='unread_nets:build', options={'width': 8})\n"
        "VARIANTS = [NET.replace(options={'widht': 64, 'width': 8}), NET.replace(options={'width': 16})]\n"
        "SUITE = Suite('unread', VARIANTS, baseline=NET)\n"
    )
    assert run(["sweep", "suite_unread.py", "--budget", "smoke", "--workers", "1"]) == 1
    assert 'never read option "widht" (it reads width)' in capsys.readouterr().err
    records = load_results(tmp_path / "results").records.values()
    assert sorted((len(record.trial.variant.options), record.status) for record in records) == [
        (1, "ok"),
        (1, "ok"),
        (2, "failed"),
    ]
