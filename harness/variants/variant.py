"""A variant: everything about a model and its training that can be compared with the baseline."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

from harness.errors import InputError, nearest
from harness.variants.naming import variant_name
from harness.variants.rules import RULES, Options
from harness.wording import html_table

Pooling = Literal["max", "average", "sum", "none"]
PrecisionPolicy = Literal["float32", "mixed_bfloat16", "mixed_float16"]
Backbone = Literal["ResNet50", "MobileNetV2", "VGG16", "EfficientNetB0", "InceptionV3"]

CNN_ONLY = ("filters", "kernel_size", "pooling", "batch_norm")
"""Fields of the tutorial's convolutions: without effect where a backbone brings its own."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Variant:
    """A model and how it is trained; the defaults are the tutorial's CNN.

    Numbers may come as int, float or NumPy scalars, tuples as lists: what is kept is plain Python in one
    canonical form, so that equal content has one name, one JSON text and one fingerprint.

    Attributes:
        filters: Of each block: a convolution, its activation and pooling. 1 to 8 blocks of 1 to 4096.
        kernel_size: Side of the convolutions in pixels, 1 to 15. As in the tutorial they don't pad, except in a block
            whose picture is smaller than the kernel: there they keep the size, so that four blocks fit 32x32.
        dense: Units of the hidden dense layers; () for none. With a backbone: of its head.
        pooling: Over 2x2 after each convolution, "max", "average", "sum" (the average times the area) or "none".
        activation: Of the convolutions and hidden dense layers, by Keras's name.
        batch_norm: Batch normalisation between each convolution (then without bias) and its activation.
        dropout: Share of the inputs dropped in front of every hidden dense layer (without one: of the output layer),
            so with one hidden layer on the flattened features.
        l1: L1 penalty on every kernel of the network (with a backbone: of its head).
        l2: L2 penalty on every kernel of the network (with a backbone: of its head).
        augmentation: Random changes to the training pictures: "none", "mixed", or kinds joined with +, as "flip+shift".
        optimizer: By Keras's name in lower case; "momentum" is SGD with momentum 0.9.
        learning_rate: For whichever optimizer; above 0, at most 10.
        batch_size: Images per training step.
        precision_policy: Keras's dtype policy of every layer but the output, which stays float32.
        backbone: A network of keras.applications instead of the convolutions.
        weights: Of the backbone: "imagenet", the path of a .weights.h5 file, or None for random ones, which are of use
            only with fine_tune: it then trains from scratch.
        fine_tune: Whether the backbone is trained too; if not, only the head is.
        model: One's own builder, "package.module:function": build(variant, input_shape, classes) -> keras.Model.
        options: What that builder may read besides the fields: given as a mapping, kept as sorted pairs.

    Raises InputError (a ValueError) that names the field, the value and what is allowed.

    >>> BASELINE.replace(filters=[64, 128], dropout=0.5).name
    'filters:64-128+dropout:0.5'
    >>> Variant(fliters=(64,))
    Traceback (most recent call last):
        ...
    harness.errors.InputError: unknown field "fliters" of a variant; did you mean "filters"?
    """

    filters: tuple[int, ...] = (32, 64)
    kernel_size: int = 3
    dense: tuple[int, ...] = (128,)
    pooling: Pooling = "max"
    activation: str = "relu"
    batch_norm: bool = False
    dropout: float = 0.0
    l1: float = 0.0
    l2: float = 0.0
    augmentation: str = "none"
    optimizer: str = "adam"
    learning_rate: float = 0.001
    batch_size: int = 32
    precision_policy: PrecisionPolicy = "float32"
    backbone: Backbone | None = None
    weights: str | None = None
    fine_tune: bool = False
    model: str | None = None
    options: Options = ()

    def __new__(cls, /, *arguments: object, **fields: object) -> Variant:
        """Refuse what the generated constructor would refuse with a TypeError that helps nobody."""
        if arguments:
            raise InputError(f"a variant takes its fields by name, as filters=(64, 128); got {arguments[0]!r}")
        for field in fields:
            if field not in RULES:
                hint = nearest(field, RULES) or f"; allowed: {', '.join(RULES)}"
                raise InputError(f'unknown field "{field}" of a variant{hint}')
        return super().__new__(cls)

    def __post_init__(self) -> None:
        for field, rule in RULES.items():
            object.__setattr__(self, field, rule.check(field, getattr(self, field)))
        _check_together(self)

    def replace(self, **changes: Any) -> Variant:
        """Return a copy with these fields changed."""
        return Variant(**(self._fields() | changes))

    @property
    def reuses_features(self) -> bool:
        """Whether the backbone gives the same features in every epoch: compute them once, and keep them."""
        return bool(self.backbone) and not self.fine_tune and self.augmentation == "none"

    def option(self, name: str, default: Any = None) -> Any:
        """Return one of the options by name."""
        return dict(self.options).get(name, default)

    @cached_property
    def name(self) -> str:
        """How it differs from BASELINE, in letters, digits and ``_.-+:``, at most 120 of them."""
        return variant_name(self._fields(), DEFAULTS, self.fingerprint)

    def name_beside(self, baseline: Variant) -> str:
        """How it differs from another variant, spelt as `name`; beside BASELINE it is the name itself.

        >>> net = Variant(model="own.nets:build", options={"width": 16})
        >>> net.replace(options={"width": 32}, dropout=0.3).name_beside(net)
        'dropout:0.3+width:32'
        """
        if baseline == BASELINE:
            return self.name
        return variant_name(self._fields(), baseline._fields(), self.fingerprint, short_options=True)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON text."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """Return the canonical JSON text: every field, sorted by name, without spaces."""
        fields = self._fields() | {"options": dict(self.options)}
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Variant:
        """Return the variant that `to_json` wrote; fields unknown to an older version take defaults."""
        return _from_json(text)

    def _fields(self) -> dict[str, Any]:
        return {field: getattr(self, field) for field in RULES}

    def __repr__(self) -> str:
        """What makes it: the fields that differ from the tutorial's CNN."""
        changed = {field: value for field, value in self._fields().items() if value != DEFAULTS[field]}
        if self.options:
            changed["options"] = dict(self.options)
        return f"Variant({', '.join(f'{field}={value!r}' for field, value in changed.items())})"

    def _repr_html_(self) -> str:
        rows = [(field, DEFAULTS[field], getattr(self, field)) for field in RULES]
        changed = [row for row in rows if row[1] != row[2]]
        return html_table(f"variant {self.name}", ("field", "tutorial's CNN", "here"), changed or rows)

    # By the text, since Python holds 1, 1.0 and True for equal, and a builder's options may not.
    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return self.fingerprint == other.fingerprint if isinstance(other, Variant) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.fingerprint)


# A store names few variants in thousands of rows: each is made and checked once.
@lru_cache(maxsize=2**15)
def _from_json(text: str) -> Variant:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not the JSON text of a variant: {error}") from None
    if not isinstance(fields, Mapping):
        raise InputError(f"not the JSON text of a variant: an object is wanted, got {text[:40]!r}")
    return Variant(**fields)


def _check_together(variant: Variant) -> None:
    """Refuse fields that would be without effect: a comparison of them would compare nothing."""
    if variant.backbone and variant.model:
        raise InputError(
            f'backbone "{variant.backbone}" and model "{variant.model}": allowed is one of the two, '
            "a backbone or a builder of your own"
        )
    if variant.backbone:
        changed = [field for field in CNN_ONLY if getattr(variant, field) != DEFAULTS[field]]
        if changed:
            raise InputError(
                f"{changed[0]}: {getattr(variant, changed[0])!r} has no effect with backbone "
                f'"{variant.backbone}", which brings its own convolutions; leave the field out'
            )
        if not variant.dense and variant.activation != DEFAULTS["activation"]:
            raise InputError(
                f'activation: {variant.activation!r} has no effect with backbone "{variant.backbone}" and dense=(), '
                "which leaves no hidden layer; leave the field out"
            )
    for field in ("weights", "fine_tune"):
        if getattr(variant, field) and not (variant.backbone or variant.model):
            raise InputError(
                f"{field}: {getattr(variant, field)!r} has no effect without a backbone; "
                f"name one of {RULES['backbone'].allowed}, or leave the field out"
            )
    if variant.options and not variant.model:
        raise InputError(
            f"options: {dict(variant.options)!r} has no effect without model="
            '"package.module:function"; leave it out, or name the builder'
        )


DEFAULTS: Mapping[str, Any] = {field.name: field.default for field in dataclasses.fields(Variant)}
"""The value of every field in the tutorial's CNN."""

BASELINE = Variant()
"""The tutorial's CNN: 315,722 parameters on 32x32x3 pictures of ten classes."""
