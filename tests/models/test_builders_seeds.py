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
