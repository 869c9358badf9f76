"""What a user's builder must be: refused before training, in one line that names it and says what to do."""

import itertools
import re
import sys

import keras
import numpy as np
import pytest

from harness import BUDGETS, Variant, run_trial
from harness.errors import HarnessError
from harness.models import build_model
from harness.training.check import check_trains
from harness.training.fit_epoch import FitEpoch
from harness.training.prepared import build_for

# Keras is called here by the tests themselves; where the harness calls it, this warning is hidden.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")

HEAD = """
import keras
from keras import layers as L, losses

def net(shape, classes, end="softmax", x=lambda i: i, dtype="float32"):
    i = keras.Input(shape, dtype=dtype)
    y = L.Dense(classes, activation=end)(L.Flatten()(x(i)))
    return keras.Model(i, y)

def still(model):
    model.trainable = False
    return model

def compiled(model, loss, optimizer="adam"):
    model.compile(optimizer, loss)
    return model

"""

_numbers = itertools.count()


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)

    def write_module(source: str) -> str:
        name = f"contract_nets_{next(_numbers)}"
        (tmp_path / f"{name}.py").write_text(HEAD + source)
        return f"{name}:build"

    return write_module


def build(target: str, **options: object) -> keras.Model:
    return build_model(Variant(model=target, options=options), (6, 6, 3), 4, seed=1)


def refusal(target: str) -> str:
    with pytest.raises(HarnessError) as caught:
        build(target)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert f'model "{target}"' in str(caught.value)
    return str(caught.value)


DEF = "def build(variant, shape, classes):\n    return "


@pytest.mark.parametrize(
    ("signature", "takes"),
    [
        ("def build(input_shape, num_classes): ...", "(input_shape, num_classes)"),
        ("def build(): ...", "()"),
        ("def build(input_shape, classes, variant): ...", "(input_shape, classes, variant)"),
        ("def build(variant, input_shape, classes, width): ...", "(variant, input_shape, classes, width)"),
        ("build = lambda classes, *, variant: 0", "(classes, variant)"),
    ],
)
def test_a_builder_of_another_signature_is_told_how_it_is_called(write, signature, takes):
    message = refusal(write(signature))
    assert f"is called as build(variant, input_shape, classes), and takes {takes}" in message
    assert ".py, line 18" in message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("net(shape, classes, None)", "a row sums to .*, not 1: end in softmax"),
        ("net(shape, classes, 'sigmoid')", "a row sums to .*, not 1: end in softmax"),
        ("net(shape, classes, 'log_softmax')", "its outputs are from -.* end in softmax"),
        ("compiled(net(shape, classes, None), losses.CategoricalCrossentropy(from_logits=True))", "end in softmax"),
        ("compiled(net(shape, classes), losses.CategoricalCrossentropy(from_logits=True))", "leave from_logits out"),
        ("compiled(net(shape, classes), 'sparse_categorical_crossentropy')", "labels are one-hot: compile with categ"),
        ("compiled(net(shape, classes), losses.SparseCategoricalCrossentropy(name='x'))", "labels are one-hot"),
        ("compiled(net(shape, classes), losses.sparse_categorical_crossentropy)", "labels are one-hot"),
        (
            "compiled(net(shape, classes), lambda y, p: losses.sparse_categorical_crossentropy(y, p))",
            "a loss that cannot take one-hot labels: ValueError",
        ),
        ("still(net(shape, classes))", "no weight that is trained"),
        ("net(shape, classes, dtype='uint8', x=L.Rescaling(1 / 255))", "takes uint8 pixels, and is given floats"),
        ("net(shape, classes, x=L.Rescaling(1 / 255))", "rescales its pixels by 0.00392"),
        ("net(shape, classes, x=L.Rescaling([1 / 127.5] * 3, -1))", "rescales its pixels by 0.00784"),
        ("net(shape, classes, x=lambda i: i / keras.ops.zeros_like(i))", "nan or inf before any training"),
        ("net(shape, classes + 1)", r"shape \(batch, 4\).*has shape \(None, 5\)"),
        (
            "keras.Model(i := [keras.Input(shape), keras.Input(shape)], L.Add()(i))",
            "takes 2 inputs, and is given one, the",
        ),
        ("keras.Model(i := keras.Input(shape), [i])", r"shape \(batch, 4\).*; its output is a list of 1"),
        (
            "type('Functional', (), {'__module__': 'tf_keras.src.engine.functional'})()",
            r"returned a Functional of Keras 2 \(tf_keras\): make it with Keras 3, `import keras`",
        ),
        (
            "keras.config.set_image_data_format('channels_first') or net(shape, classes, x=L.Conv2D(2, 3))",
            r'channels first in "conv2d", and is given \(6, 6, 3\).*Permute\(\(3, 1, 2\)\)',
        ),
        ("net(shape, classes, x=L.GlobalMaxPooling2D('channels_first'))", "channels first in"),
        *(
            (
                f"type('Own', (keras.Model,), {{'{name}': lambda self: 0}})()",
                f"has its own `{name}`, which is not used on every backend: do that in {instead}",
            )
            for name, instead in (
                ("fit", "train_step"),
                ("make_train_function", "train_step"),
                ("evaluate", "test_step"),
                ("make_test_function", "test_step"),
                ("predict", "call"),
                ("predict_step", "call"),
                ("make_predict_function", "call"),
            )
        ),
        ("compiled(net(shape, classes), 'mse', None)", "compiled without an optimizer: name one, or leave compile out"),
        ("exit()", "the code ended the program with None: .*line 19: return exit"),
        ("__import__('sys').exit(3)", "the code ended the program with 3: .*line 19"),
        ("__import__('os')._exit(3)", r"os._exit\(3\) would end the whole run: .*line 19"),
        ("__import__('os').execvp('true', ['true'])", "os.execv.*would end the whole run.*line 19"),
        ("__import__('os').abort()", "os.abort.*line 19"),
        (
            "keras.utils.set_random_seed(3)",
            r"utils.set_random_seed\(3\) in a builder would start all seeds.*line 19",
        ),
        ("__import__('random').seed(3) or net(shape, classes)", r"random.seed\(3\) in a builder.*line 19"),
        ("__import__('numpy').random.seed(3) or net(shape, classes)", r"numpy.random.seed\(3\) in a builder.*line 19"),
        ("__import__('tensorflow').random.set_seed(3) or net(shape, classes)", r"tensorflow.random.set_seed\(3\) in a"),
        ("__import__('os').fork()", "must not fork.*line 19"),
        ("(_ for _ in ()).throw(type('Odd', (BaseException,), {})('odd'))", "failed: Odd: odd: .*line 19"),
    ],
)
def test_a_model_that_cannot_be_trained_as_any_other_is_refused_with_what_to_do(write, body, words):
    message = refusal(write(DEF + body))
    assert re.search(words, message), message


@pytest.mark.parametrize(
    "body",
    [
        "net(shape, classes, x=L.Rescaling(2.0, -1.0))",
        "net(shape, classes, x=lambda i: L.Rescaling(1 / 255)(L.Rescaling(255.0)(i)))",
        "compiled(net(shape, classes), 'mse')",
        "compiled(net(shape, classes), losses.CategoricalCrossentropy(label_smoothing=0.1))",
        "net(shape, classes, lambda y: keras.ops.cast(keras.ops.softmax(y), 'bfloat16'))",
        "net(shape, classes, x=lambda i: L.Conv2D(2, 3, data_format='channels_first')(L.Permute((3, 1, 2))(i)))",
        "keras.Sequential([keras.Input(shape), L.Flatten(data_format='channels_first'), L.Dense(classes, 'softmax')])",
        "keras.Sequential([keras.Input(batch_shape=(32, *shape)), L.Flatten(), L.Dense(classes, 'softmax')])",
    ],
)
def test_sound_models_of_other_kinds_are_taken(write, body):
    assert build(write(DEF + body)).count_params() > 0


@pytest.mark.parametrize(
    "source",
    [
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--epochs')\nargs = p.parse_args()\n",
        "import sys\n\nsys.argv\nsys.exit(0)\n",
    ],
)
def test_a_module_that_ends_the_program_on_import_fails_with_its_line(write, source, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["harness"])
    assert "line 21: " in refusal(write(source))
    assert sys.argv == ["harness"]


@pytest.mark.parametrize(
    "made_once",
    [
        "import functools\n@functools.cache\ndef once(shape, classes):\n    return net(shape, classes)\n",
        "MODEL = []\ndef once(shape, classes):\n    MODEL.append(net(shape, classes))\n    return MODEL[0]\n",
    ],
)
def test_a_model_kept_by_its_module_is_new_at_each_build_all_the_same(write, made_once):
    target = write(f"{made_once}\n{DEF}once(shape, classes)")
    first, second = build(target), build(target)
    assert first is not second
    assert first.layers[-1] is not second.layers[-1]


def test_a_layer_put_in_the_place_of_kerass_own_is_gone_after_the_build(write):
    before = keras.layers.Dense
    target = write("def build(variant, shape, classes):\n    keras.layers.Dense = 3\n    return net(shape, classes)")
    with pytest.raises(HarnessError, match="not callable"):
        build(target)
    assert keras.layers.Dense is before


@pytest.mark.parametrize("kept", ["model", "layer", "optimizer"])
def test_a_part_of_an_earlier_model_is_refused(write, kept):
    # Kept where no fresh import of the user's modules reaches: on Keras itself.
    body = {
        "model": "    return keep('model', lambda: net(shape, classes))",
        "layer": "    return net(shape, classes, x=keep('layer', lambda: L.Conv2D(2, 3)))",
        "optimizer": "    return compiled(net(shape, classes), 'mse', keep('optimizer', keras.optimizers.Adam))",
    }[kept]
    target = write(
        "def keep(name, make):\n    kept = keras.__dict__.setdefault('kept_by_a_test', {})\n"
        f"    return kept.setdefault((__name__, name), make())\ndef build(variant, shape, classes):\n{body}\n"
    )
    build(target)
    assert "must return a new model at each call" in refusal(target)


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


def test_a_source_edited_while_a_run_is_under_way_is_refused(write, digits, tmp_path):
    target = write(DEF + "net(shape, classes)")
    record = run_trial(Variant(model=target), digits, seed=1, budget=SMOKE)
    file = tmp_path / f"{target.partition(':')[0]}.py"
    file.write_text(file.read_text() + "# edited\n")
    from harness.training.trial import Trainer

    with pytest.raises(HarnessError, match="was edited after this run began"):
        Trainer().run(record.trial, digits)
    assert np.isfinite(record.loss)


def test_a_seed_that_a_module_sets_on_import_is_set_over_and_one_it_took_by_name_is_refused(write):
    target = write(f"import random\nrandom.seed(3)\nfrom random import seed\n{DEF}net(shape, classes)")
    one, two = (build_model(Variant(model=target), (6, 6, 3), 4, seed=seed).get_weights()[0] for seed in (1, 2))
    assert not np.array_equal(one, two)
    message = refusal(write(f"from random import seed\n{DEF}seed(a=3) or net(shape, classes)"))
    assert "random.seed(a=3) in a builder would start all seeds of a variant from the same random numbers" in message


SEEDS_ON_IMPORT = (
    "import random, numpy, keras, tensorflow\nrandom.seed(3), numpy.random.seed(3), tensorflow.random.set_seed(3)\n"
    "keras.utils.set_random_seed(3)\nTABLE = numpy.random.random(3)\n"
)


def first_weights(target: str, seed: int) -> np.ndarray:
    return build_model(Variant(model=target), (6, 6, 3), 4, seed=seed).get_weights()[0]


@pytest.mark.parametrize(
    "before",
    [
        "import seeds_on_import",
        "importlib.import_module('seeds_on_import')",
        "state = np.random.get_state(); np.random.seed(0); np.random.rand(3); np.random.set_state(state)",
        "state = random.getstate(); random.seed(0); random.random(); random.setstate(state); random.random()",
        "state = random.getstate(); random.random(); random.setstate(state)",
    ],
)
def test_generators_that_are_put_back_leave_each_seed_its_own_weights(write, tmp_path, before, monkeypatch):
    (tmp_path / "seeds_on_import.py").write_text(SEEDS_ON_IMPORT)
    target = write(
        f"import importlib, random, numpy as np\ndef build(variant, shape, classes):\n    {before}\n"
        "    return net(shape, classes)\n"
    )
    weights = []
    for seed in (1, 1, 2):
        monkeypatch.delitem(sys.modules, "seeds_on_import", raising=False)
        weights.append(first_weights(target, seed))
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])
    assert np.array_equal(first_weights(target, 1), weights[0])  # now that the module is there


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "    state = random.getstate(); random.seed(7)\n    model = net(shape, classes)\n"
            "    random.setstate(state)\n    return model",
            r"random.seed\(7\) in a builder would start all seeds.*line 20",
        ),
        ("    random.setstate((3, tuple(range(625)), None))\n    return net(shape, classes)", r"random.setstate\(.*20"),
        ("    numpy.random.seed()\n    return net(shape, classes)", r"numpy.random.seed\(\) .* other random .*line 20"),
        (
            "    return Late(classes)\nclass Late(keras.Model):\n    def __init__(self, classes):\n"
            "        super().__init__()\n        self.classes = classes\n    def build(self, shape):\n"
            "        keras.utils.set_random_seed(5)\n        self.dense = L.Dense(self.classes, 'softmax')\n"
            "    def call(self, x):\n        return self.dense(L.Flatten()(x))",
            r"set_random_seed\(5\) in a builder would start all seeds.*line 26",
        ),
    ],
)
def test_a_generator_that_weights_are_drawn_from_or_that_stays_set_is_refused_with_what_it_does(write, body, words):
    message = refusal(write(f"import random, numpy\ndef build(variant, shape, classes):\n{body}\n"))
    assert re.search(words, message), message
