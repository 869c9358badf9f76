"""Bad variants: refused before any work, each with one message that says what is allowed."""

import sys

import pytest

from harness.errors import InputError
from harness.variants import BASELINE, BuildError, Variant, check_variant


@pytest.fixture
def builder(tmp_path, monkeypatch, request):
    """Write a user's module with this body, under a name of its own, and return its builder's target."""

    def write(source: str) -> str:
        name = f"users_{abs(hash(request.node.name))}"
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.setattr(sys, "path", list(sys.path))
        monkeypatch.chdir(tmp_path)
        return f"{name}:build"

    return write


def build(target: str):
    from harness.models import build_model

    return build_model(Variant(model=target), (12, 12, 3), 4, seed=1)


@pytest.mark.parametrize(
    ("field", "nearest"),
    [("fliters", "filters"), ("drop_out", "dropout"), ("batchsize", "batch_size"), ("learning_rat", "learning_rate")],
)
def test_28_an_unknown_field_is_refused_with_the_nearest_name(field, nearest):
    for make in (Variant, BASELINE.replace):
        with pytest.raises(InputError) as refusal:
            make(**{field: 1})
        assert str(refusal.value) == f'unknown field "{field}" of a variant; did you mean "{nearest}"?'


def test_28_a_field_like_no_other_is_refused_with_all_names():
    with pytest.raises(InputError, match=r'unknown field "xyzzy".*filters, kernel_size'):
        Variant(xyzzy=1)


def test_28_fields_by_position_are_refused():
    with pytest.raises(InputError, match="by name"):
        Variant((64, 128))


@pytest.mark.parametrize(
    ("field", "value", "nearest"),
    [
        ("backbone", "resnet50", "ResNet50"),
        ("backbone", "MobilNetV2", "MobileNetV2"),
        ("optimizer", "Adam", "adam"),
        ("activation", "rely", "relu"),
        ("augmentation", "flip+shfit", "shift"),
        ("pooling", "avarage", "average"),
    ],
)
def test_28_an_unknown_word_is_refused_with_the_nearest(field, value, nearest):
    with pytest.raises(InputError, match=f'{field}: .*did you mean "{nearest}"'):
        BASELINE.replace(**{field: value})


@pytest.mark.parametrize(
    ("field", "value", "allowed"),
    [
        *(("filters", value, "from 1 to 4096") for value in (0, -1, 1e9, (), (32, 0), (32.5,), "32", True, None)),
        ("filters", (8,) * 9, "1 to 8 whole numbers"),
        ("filters", 10**400, "from 1 to 4096"),
        *(("kernel_size", value, "from 1 to 15") for value in (0, 16, 2.5, False, "3")),
        *(("dense", value, "from 1 to 65536") for value in (0, -1, (128, 0), 1e9)),
        *(("dropout", value, "from 0 to below 1") for value in (1.5, 1, -0.1, float("nan"), "0.5", True, None)),
        *(("l2", value, "from 0 to 10") for value in (float("nan"), float("inf"), -1e-9, 11)),
        *(("l1", value, "from 0 to 10") for value in (float("nan"), float("-inf"))),
        *(("learning_rate", value, "above 0 to 10") for value in (0, -1, float("inf"), float("nan"), 10**400)),
        *(("batch_size", value, "from 1 to 65536") for value in (0, -1, 1e9, 1.5)),
        *(("batch_norm", value, "True or False") for value in (1, "yes", None)),
        *(("augmentation", value, "joined with") for value in ("", "none+flip", "flip+flip", "mixed+flip", 3)),
        ("precision_policy", "float16", "mixed_bfloat16"),
        ("model", "no_function", "package.module:function"),
        ("model", "../x:y", "package.module:function"),
        ("options", 3, "a mapping"),
        ("options", {"": 1}, "a mapping"),
        ("options", {"x": float("nan")}, "finite"),
        ("options", {"x": {"y": 1}}, "lists"),
        ("options", {"x": 2**63}, "64 bits"),
        ("options", {"x": object()}, "lists"),
    ],
)
def test_29_a_value_out_of_range_is_refused_with_the_range(field, value, allowed):
    with pytest.raises(ValueError, match=allowed) as refusal:
        BASELINE.replace(**{field: value})
    assert str(refusal.value).startswith(field)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 400


def test_29_a_number_too_long_to_print_is_refused_all_the_same():
    with pytest.raises(InputError, match="from 1 to 4096"):
        BASELINE.replace(filters=10**5000)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"backbone": "VGG16", "filters": (64,)}, r"filters: \(64,\) has no effect with backbone"),
        ({"backbone": "VGG16", "kernel_size": 5}, "kernel_size: 5 has no effect with backbone"),
        ({"backbone": "VGG16", "pooling": "none"}, "pooling: 'none' has no effect with backbone"),
        ({"backbone": "VGG16", "batch_norm": True}, "batch_norm: True has no effect with backbone"),
        ({"backbone": "VGG16", "dense": (), "activation": "gelu"}, "activation: 'gelu' has no effect with backbone"),
        ({"backbone": "VGG16", "model": "nets:build"}, "one of the two"),
        ({"weights": "imagenet"}, "weights.*no effect without a backbone"),
        ({"fine_tune": True}, "fine_tune.*no effect without a backbone"),
        ({"options": {"depth": 20}}, "options.*no effect"),
    ],
)
def test_29_fields_without_effect_are_refused(fields, wrong):
    with pytest.raises(InputError, match=wrong):
        Variant(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"backbone": "VGG16", "dense": ()},
        {"backbone": "VGG16", "activation": "gelu"},
        {"backbone": "VGG16", "weights": None, "fine_tune": True},
        {"model": "nets:build", "weights": "own.weights.h5", "fine_tune": True},
    ],
)
def test_29_fields_with_an_effect_are_taken(fields):
    found = Variant(**fields)
    assert {field: getattr(found, field) for field in fields} == fields


def test_30_a_model_pooled_below_one_pixel_is_refused_with_the_layer():
    with pytest.raises(InputError, match="layer pool_5 would pool 1x1 below 1x1; allowed are at most 4 blocks"):
        check_variant(BASELINE.replace(filters=(8,) * 5))


def test_30_a_model_too_large_for_memory_is_refused_with_its_size():
    with pytest.raises(InputError, match=r"too large for this machine: [\d,]+ parameters .* need about [\d,.]+ GiB"):
        check_variant(BASELINE.replace(filters=(4096,), dense=(65_536, 65_536), pooling="none"))


def test_30_a_batch_too_large_for_memory_is_refused_with_its_size():
    with pytest.raises(InputError, match="batches of 65536"):
        check_variant(BASELINE.replace(filters=(4096, 4096), batch_size=65_536))


def test_30_build_model_refuses_too():
    from harness.models import build_model

    with pytest.raises(InputError, match="pool_5"):
        build_model(BASELINE.replace(filters=(8,) * 5))


@pytest.mark.parametrize("picture", [(28, 28, 3), (31, 64, 3)])
def test_30_a_picture_too_small_for_a_backbone_is_refused(picture):
    with pytest.raises(InputError, match=f"ResNet50 takes pictures of at least 32x32.*{picture[0]}x{picture[1]}"):
        check_variant(Variant(backbone="ResNet50"), picture)


def test_30_grey_pictures_for_a_backbone_are_refused():
    with pytest.raises(InputError, match="3 channels; these have 1"):
        check_variant(Variant(backbone="ResNet50"), (32, 32, 1))


def test_33_a_builder_that_raises_ends_in_the_users_own_line(builder):
    target = builder(
        "import keras\n\ndef build(variant, input_shape, classes):\n    return keras.layers.Conv2D(-1, 3)\n"
    )
    with pytest.raises(BuildError) as failure:
        build(target)
    module = target.partition(":")[0]
    assert str(failure.value).endswith(f"{module}.py, line 4: return keras.layers.Conv2D(-1, 3)")
    assert "ValueError" in str(failure.value)
    assert failure.value.exit_code == 1


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return None", "must return a keras.Model, and returned None"),
        ("return keras.layers.Dense(4)", "must return a keras.Model, and returned a Dense"),
        ("return model(input_shape, classes + 1)", r"shape \(batch, 4\).*its output has shape \(None, 5\)"),
        ("return model((9, 9, 3), classes)", "model"),
    ],
)
def test_33_a_builder_that_returns_something_else_fails(builder, body, message):
    target = builder(
        "import keras\n\n"
        "def model(input_shape, classes):\n"
        "    layers = [keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(classes)]\n"
        "    return keras.Sequential(layers)\n\n"
        f"def build(variant, input_shape, classes):\n    {body}\n"
    )
    with pytest.raises(BuildError, match=message):
        build(target)


@pytest.mark.parametrize(
    ("source", "end"),
    [
        ("import keras\n\nraise OSError('no disk')\n", "line 3: raise OSError('no disk')"),
        ("def build(:\n", "line 1: def build(:"),
    ],
)
def test_33_a_module_that_fails_to_import_ends_in_the_users_own_line(builder, source, end):
    with pytest.raises(BuildError) as failure:
        build(builder(source))
    assert str(failure.value).endswith(end)


def test_33_a_missing_function_is_refused_with_the_nearest(builder):
    with pytest.raises(InputError, match='has no function "build"; did you mean "built"'):
        build(builder("def built(variant, input_shape, classes): ...\n"))


def test_33_a_missing_module_is_refused_before_any_work():
    with pytest.raises(InputError, match='there is no module "nowhere_at_all"'):
        check_variant(Variant(model="nowhere_at_all:build"))


@pytest.mark.parametrize(
    "text", ["../../etc/passwd", "a\nb", "<script>alert(1)</script>", "x" * 300, "🐈", "a\0b", "=1+1"]
)
def test_35_a_hostile_option_ends_in_a_safe_name(text):
    variant = Variant(model="nets:build", options={text: text})
    assert variant.name.isascii()
    assert len(variant.name) <= 120
    assert not set(variant.name) & set("/\\\0\n<>()='\" ")
    assert ".." not in variant.name
    assert Variant.from_json(variant.to_json()) == variant


@pytest.mark.parametrize("path", ["model.keras", "model.h5", "model.pkl", "model", "weights.h5.zip", "a\0.weights.h5"])
def test_39_only_weights_files_are_taken(path):
    with pytest.raises(InputError, match=r'weights: .*"imagenet", or the path of a .weights.h5 file'):
        Variant(backbone="VGG16", weights=path)


def test_39_a_missing_weights_file_is_refused_before_any_work():
    with pytest.raises(InputError, match="is not a file"):
        check_variant(Variant(backbone="VGG16", weights="nowhere.weights.h5"))
