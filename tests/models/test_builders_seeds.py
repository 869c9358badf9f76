"""Global seeds that a user's builder sets: set over, put back, or refused with what they do."""

import re
import sys

import numpy as np
import pytest
from nets_of_a_line import DEF, refusal

from harness import Variant
from harness.models import build_model

# Keras is called here by the tests themselves; where the harness calls it, this warning is hidden.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")


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


SEEDED = "keras.initializers.HeNormal(seed=42)"


@pytest.mark.parametrize(
    ("layer", "weight"),
    [
        (f"L.SeparableConv2D(2, 3, depthwise_initializer={SEEDED})", 'depthwise_kernel of "separable_conv2d"'),
        (f"L.SeparableConv2D(2, 3, pointwise_initializer={SEEDED})", 'pointwise_kernel of "separable_conv2d"'),
        (f"L.DepthwiseConv2D(3, depthwise_initializer={SEEDED})", 'kernel of "depthwise_conv2d"'),
        (f"lambda i: L.GRU(3, recurrent_initializer={SEEDED})(L.Reshape((6, 18))(i))", "recurrent_kernel of"),
        (f"Own({SEEDED})", 'mixing of "own"'),
        (f"Bare({SEEDED})", ' of "bare"'),
    ],
)
def test_weights_drawn_from_an_initializers_own_seed_are_refused_whatever_their_name(write, layer, weight):
    own = """
class Own(L.Layer):
    def __init__(self, initializer):
        super().__init__()
        self.of = initializer

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], 2), initializer=self.of, name="mixing")

    def call(self, x):
        return x @ self.w

class Bare(Own):
    def build(self, shape):
        self.w = keras.Variable(self.of, shape=(shape[-1], 2))
"""
    message = refusal(write(f"{DEF}net(shape, classes, x={layer})\n{own}"))
    assert weight in message, message
    assert "from a seed of its own, HeNormal(seed=42): all seeds of a variant would start from the same" in message


def test_weights_that_are_loaded_over_a_seeded_draw_or_stay_fixed_are_taken(write):
    loaded = "    model.layers[1].set_weights([numpy.ones_like(one) for one in model.layers[1].get_weights()])\n"
    fixed = "    model.layers[1].trainable = False\n"
    for after in (loaded, fixed):
        body = f"    model = net(shape, classes, x=L.DepthwiseConv2D(3, depthwise_initializer={SEEDED}))\n"
        source = f"import numpy\ndef build(variant, shape, classes):\n{body}{after}    return model\n"
        assert build_model(Variant(model=write(source)), (6, 6, 3), 4, seed=1).count_params()
