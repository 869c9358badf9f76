"""What a user's builder must be: refused before training, in one line that names it and says what to do."""

import re
import sys

import keras
import numpy as np
import pytest
from nets_of_a_line import DEF, build, refusal

from harness import BUDGETS, Variant, run_trial
from harness.errors import HarnessError

# Keras is called here by the tests themselves; where the harness calls it, this warning is hidden.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")

ASKS = """
class Asks(keras.Model):
    def __init__(self, classes, scale=1.0):
        super().__init__()
        self.scale, self.head = scale, L.Dense(classes, "softmax")

    def call(self, x, training):  # required: each caller says it
        return self.head(keras.ops.reshape(x * self.scale, (-1, 108)))
"""

BY_KEYWORD = """
class ByKeyword(keras.Model):
    def __init__(self, classes):
        super().__init__()
        self.head = L.Dense(classes, "softmax")

    def call(self, x):
        return self.head(inputs=keras.ops.reshape(x / 255, (-1, 108)))
"""
FROZEN = """
def frozen(layer):
    layer.trainable = False
    return layer
"""


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
        ("net(shape, classes, x=L.Rescaling(1 / 255))", r'number of its pixels.*"dense".*from .* to 0.0039.*Rescaling'),
        ("net(shape, classes, x=L.Rescaling([1 / 127.5] * 3, -1))", '"dense".* from -1 to -0.99'),
        ("net(shape, classes, x=keras.Sequential([L.Rescaling(1 / 255), L.Conv2D(2, 3)]))", '"conv2d".* to 0.0039'),
        ("net(shape, classes, x=lambda i: L.Conv2D(2, 3)(i / 255))", '"conv2d".* to 0.0039'),
        ("net(shape, classes, x=L.Lambda(lambda i: i / 255))", '"dense".* to 0.0039'),
        ("net(shape, classes, x=keras.applications.vgg16.preprocess_input)", '"dense".* from -12.* to -10.*,'),
        ("Asks(classes, 1 / 255)" + ASKS, '"dense".* to 0.0039'),
        (
            "net(shape, classes, x=L.RandomBrightness(0.2))",
            r'for values from 0 to 255, "random_brightness", .* is given .*: make it with value_range=\(0, 1\)',
        ),
        ("net(shape, classes, x=L.RandomErasing())", r"and spoils them in training: make it with value_range=\(0, 1\)"),
        (
            "net(shape, classes, x=lambda i: L.RandomBrightness(0.2)(L.Normalization(mean=0.3, variance=0.1)(i)))",
            r'"random_brightness".* from -0.9\d+ to .*: make it with value_range=\(-1, 3\)',
        ),
        ("ByKeyword(classes)" + BY_KEYWORD, '"dense".* to 0.0039'),
        (
            "net(shape, classes, x=lambda i: frozen(L.Conv2D(2, 3))(i / 255))" + FROZEN,
            "the first layer with weights, is",
        ),
        (
            "net(shape, classes, x=L.Conv2D(2, 3, kernel_initializer=keras.initializers.HeNormal(seed=3)))",
            r'kernel of "conv2d" from a seed of its own, HeNormal\(seed=3\): all seeds .* leave seed out',
        ),
        ("compiled(net(shape, classes), None)", "compiled without a loss: name one"),
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
        "Asks(classes)" + ASKS,
        "net(shape, classes, x=L.Rescaling(2.0, -1.0))",
        "net(shape, classes, x=lambda i: keras.applications.vgg16.preprocess_input(L.Rescaling(255)(i)))",
        "net(shape, classes, x=L.GlobalAveragePooling2D(keepdims=True))",
        "net(shape, classes, x=L.RandomBrightness(0.2, value_range=(0, 1)))",
        "net(shape, classes, x=L.RandomContrast(0.2))",
        "net(shape, classes, x=L.RandomGaussianBlur(factor=0.5))",
        "net(shape, classes, x=L.RandomSharpness(factor=0.5))",
        "net(shape, classes, x=L.RandomErasing(fill_value=0.5))",
        "net(shape, classes, x=L.AutoContrast())",
        "net(shape, classes, x=lambda i: L.UnitNormalization()(L.Flatten()(L.Resizing(40, 40)(i))))",
        "net(shape, classes, x=lambda i: L.Softmax()(L.Flatten()(i)))",
        "net(shape, classes, x=lambda i: i / keras.ops.sum(i, axis=(1, 2, 3), keepdims=True))",
        "net(shape, classes, x=lambda i: L.Rescaling(1 / 255)(L.RandomBrightness(0.2)(L.Rescaling(255)(i))))",
        "net(shape, classes, x=L.Conv2D(2, 3, kernel_initializer=keras.initializers.HeNormal()))",
        "net(shape, classes, x=L.Conv2D(2, 3, kernel_initializer=keras.initializers.HeNormal("
        "seed=__import__('random').randrange(9999))))",
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


SMOKE = BUDGETS["smoke"]


def test_a_source_edited_while_a_run_is_under_way_is_refused(write, digits, tmp_path):
    target = write(DEF + "net(shape, classes)")
    record = run_trial(Variant(model=target), digits, seed=1, budget=SMOKE)
    file = tmp_path / f"{target.partition(':')[0]}.py"
    file.write_text(file.read_text() + "# edited\n")
    from harness.training.trial import Trainer

    with pytest.raises(HarnessError, match="was edited after this run began"):
        Trainer().run(record.trial, digits)
    assert np.isfinite(record.loss)


@pytest.mark.parametrize("scaled", [True, False])
def test_whether_a_loss_is_scaled_is_as_the_model_was_compiled(write, scaled):
    source = (
        "def build(variant, shape, classes):\n    keras.config.set_dtype_policy('mixed_float16')\n"
        "    model = net(shape, classes)\n"
        f"    model.compile('sgd', 'categorical_crossentropy', auto_scale_loss={scaled})\n    return model\n"
    )
    assert isinstance(build(write(source)).optimizer, keras.optimizers.LossScaleOptimizer) == scaled
