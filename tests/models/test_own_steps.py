"""A user's model with steps, metrics or a compilation of its own: trained and measured as any other, or refused."""

import numpy as np
import pytest
from nets_of_a_line import DEF, build

from harness import BUDGETS, Variant, run_trial
from harness.errors import HarnessError
from harness.training.check import check_trains
from harness.training.fit_epoch import FitEpoch
from harness.training.prepared import build_for

# Keras is called here by the tests themselves; where the harness calls it, this warning is hidden.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")


LATE = """
class Late(L.Layer):
    def call(self, x, training=False):
        if training:
            {body}
        return x

def build(variant, shape, classes):
    return net(shape, classes, x=Late())
"""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise ValueError('odd\\n\\nshape')", "ValueError: odd shape: .*line 22: raise"),
        ("raise KeyError('width')", "KeyError: 'width': .*line 22: raise"),
        ("raise SystemExit(0)", "SystemExit: the code ended the program with 0: .*line 22: raise"),
        (
            "__import__('tensorflow').debugging.assert_less(keras.ops.max(x), 0.5, 'too bright')",
            "InvalidArgumentError: assertion failed: .*too bright.*line 22",
        ),
        ("__import__('os')._exit(3)", "SystemExit: os._exit.*line 22"),
    ],
)
def test_an_error_in_training_is_told_with_the_users_own_text_and_line(write, digits, body, words):
    variant = Variant(model=write(LATE.format(body=body)))
    for trains in (lambda: check_trains(variant, digits), lambda: run_trial(variant, digits, seed=1, budget=SMOKE)):
        with pytest.raises(HarnessError, match=f'model "{variant.model}" failed: {words}') as caught:
            trains()
        assert "in user code" not in str(caught.value)
        assert "Exception encountered" not in str(caught.value)


SMOKE = BUDGETS["smoke"]


OWN_STEPS = """
class Own(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.dense = L.Dense(classes, "softmax")

    def call(self, x):
        return self.dense(keras.ops.reshape(x, (-1, 3072)))

{step}

def build(variant, shape, classes):
    return Own(classes)
"""


TRAINS = """
    def train_step(self, data):
        import tensorflow
        x, y = data
        with tensorflow.GradientTape() as tape:
            predictions = self(x, training=True)
            loss = keras.ops.mean(losses.categorical_crossentropy(y, predictions))
        self.optimizer.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
"""


MEASURES = "        self._loss_tracker.update_state(loss)\n        return self.compute_metrics(x, y, predictions)\n"


MINE = "    @property\n    def metrics(self):\n        return [self._loss_tracker]\n"


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (
            TRAINS + "        return {'loss': loss}\n",
            "has a train_step or .* measure no loss, accuracy, precision, recall: let train_step end in",
        ),
        (
            TRAINS + "        self._loss_tracker.update_state(loss)\n        return {'loss': loss}\n",
            "a train_step .* no accuracy, precision, recall: let",
        ),
        ("    def test_step(self, data):\n        return {'loss': 0.0}\n", "a test_step or .* no loss, accuracy"),
        (MINE, "a `metrics` of its own return super"),
    ],
)
def test_steps_of_its_own_that_measure_nothing_are_no_figures_of_0(write, digits, step, words):
    variant = Variant(model=write(OWN_STEPS.format(step=step)))
    for trains in (lambda: check_trains(variant, digits), lambda: run_trial(variant, digits, seed=1, budget=SMOKE)):
        with pytest.raises(HarnessError, match=words):
            trains()


RETURNS = MEASURES.replace("return ", "") + "        return {'total': loss}\n"


EVALUATES = "    def test_step(self, data):\n        return {'total': super().test_step(data)['loss']}\n"


def test_a_training_step_of_its_own_that_measures_as_kerass_does_trains_as_any_other(write, digits):
    steps = (TRAINS + MEASURES, TRAINS + RETURNS + EVALUATES, "")
    *own, kerass = [Variant(model=write(OWN_STEPS.format(step=step))) for step in steps]
    for variant in own:
        check_trains(variant, digits)
    histories = []
    for variant in (*own, kerass):
        record = run_trial(variant, digits, seed=1, budget=SMOKE)
        histories.append([(epoch.accuracy, epoch.val_accuracy) for epoch in record.history])
    assert histories[0] == histories[1] == histories[2]


def test_what_a_step_of_its_own_returns_changes_no_figure_of_an_epoch_through_fit(write, digits):
    figures = []
    for step in (TRAINS + RETURNS + EVALUATES, ""):
        model = build_for(Variant(model=write(OWN_STEPS.format(step=step))), digits, seed=1)
        epoch = FitEpoch(model, digits.train_images[:64], digits.train_labels[:64], classes=10, batch_size=32)
        figures.append((epoch.train(np.arange(64)), epoch.evaluate(np.arange(64))))
    own, kerass = figures
    assert {"loss", "accuracy", "precision", "recall"} <= own[0].keys() == own[1].keys()
    for mine, theirs in zip(own, kerass, strict=True):
        assert mine == pytest.approx(theirs, rel=1e-5)


def test_what_a_compilation_of_its_own_has_set_stays(write):
    own = (
        "class Own(keras.Sequential):\n    def compile(self, optimizer, weight=1.0):\n"
        "        super().compile(optimizer, 'mse', loss_weights=[weight])\n        self.weight = weight\n"
        "def build(variant, shape, classes):\n    model = Own([L.Flatten(), L.Dense(classes, 'softmax')])\n"
        "    model.compile('sgd', weight=0.25)\n    return model\n"
    )
    model = build(write(own))
    x, y = np.ones((2, 6, 6, 3), np.float32), np.eye(4, dtype=np.float32)[:2]
    squares = np.mean((y - np.asarray(model(x))) ** 2)
    told = model.test_on_batch(x, y, return_dict=True)
    assert model.weight == 0.25
    assert told["loss"] == pytest.approx(squares / 4, rel=1e-4)
    assert {"accuracy", "precision", "recall"} <= told.keys()


def test_a_model_that_cuts_its_pixels_to_integers_inside_fails_the_check(write, digits):
    cut = "lambda i: keras.ops.cast(keras.ops.cast(i * 0.99, 'int32'), 'float32')"
    with pytest.raises(HarnessError, match="every picture has the same output"):
        check_trains(Variant(model=write(f"{DEF}net(shape, classes, x={cut})")), digits)
