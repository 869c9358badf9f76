"""Models of a user's own, built from a line or two, and what they are refused with."""

import keras
import pytest

from harness import Variant
from harness.errors import HarnessError
from harness.models import build_model

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

DEF = "def build(variant, shape, classes):\n    return "


def build(target: str, **options: object) -> keras.Model:
    return build_model(Variant(model=target, options=options), (6, 6, 3), 4, seed=1)


def refusal(target: str) -> str:
    with pytest.raises(HarnessError) as caught:
        build(target)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert f'model "{target}"' in str(caught.value)
    return str(caught.value)
