import pytest

from harness.variants import BASELINE, Variant


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "baseline"),
        ({"filters": (64, 128)}, "filters:64-128"),
        ({"l2": 0.001, "dropout": 0.5}, "dropout:0.5+l2:0.001"),
        ({"dense": ()}, "dense:none"),
        ({"batch_norm": True}, "batch_norm:true"),
        ({"augmentation": "shift+flip", "batch_size": 64}, "augmentation:flip+shift+batch_size:64"),
        ({"learning_rate": 1e-5}, "learning_rate:1e-05"),
        ({"pooling": "none", "augmentation": "flip"}, "pooling:none+augmentation:flip"),
        ({"backbone": "VGG16", "weights": "imagenet"}, "backbone:VGG16+weights:imagenet"),
        ({"model": "my.nets:resnet", "options": {"depth": 20}}, "model:my.nets:resnet+options.depth:20"),
        ({"model": "nets:resnet", "options": {"widths": [16, 32]}}, "model:nets:resnet+options.widths:16-32"),
    ],
)
def test_a_name_tells_the_differences(changes, name):
    assert BASELINE.replace(**changes).name == name


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"widths": [0, 1]}, "options.widths:0-1"),
        ({"rate": 1e16}, "options.rate:1e-16+id:"),
        ({"shift": [-1, 2]}, "options.shift:-1-2+id:"),
        ({"text": "a..b"}, "options.text:a.b+id:"),
        ({"text": "a b/c"}, "options.text:a-b-c+id:"),
        *(({"text": word}, f"options.text:{word}+id:") for word in ("none", "true", "False", "inf", "NaN", "unset")),
        ({"text": "nothing"}, "options.text:nothing"),
        ({"one": [16]}, "options.one:16+id:"),
        ({"flags": [True, 2]}, "options.flags:True-2+id:"),
    ],
)
def test_a_name_that_does_not_tell_all_ends_in_digits_of_the_fingerprint(options, name):
    variant = Variant(model="nets:build", options=options)
    told = f"model:nets:build+{name}"
    assert variant.name == (f"{told}{variant.fingerprint[:8]}" if told.endswith("id:") else told)


def test_a_name_of_120_letters_stands_and_a_longer_one_is_cut_at_a_word():
    room = 120 - len("model:nets:build+options.o:")
    assert Variant(model="nets:build", options={"o": "x" * room}).name.endswith("x" * room)
    longer = Variant(model="nets:build", options={"o": "X" * (room - 13) + "." * 5 + "x" * 20})
    assert longer.name == f"model:nets:build+options.o:{'X' * (room - 13)}+id:{longer.fingerprint[:8]}"


def test_a_long_name_is_cut_and_stays_unique():
    first = Variant(model="nets:build", options={f"option_{n}": n for n in range(30)})
    second = first.replace(options={**dict(first.options), "option_29": 0})
    assert len(first.name) <= 120
    assert first.name != second.name
    assert first.name[:60] == second.name[:60]


def test_beside_a_baseline_an_option_that_is_called_as_a_field_or_as_a_fingerprint_keeps_its_mark():
    net = Variant(model="nets:build", options={"id": 1, "dropout": 1, "width": 1})
    other = net.replace(options={"id": 2, "dropout": 2, "width": 2}, dropout=0.5)
    assert other.name_beside(net) == "dropout:0.5+options.dropout:2+options.id:2+width:2"


def test_two_paths_that_look_alike_once_made_safe_differ():
    one, other = (Variant(backbone="VGG16", weights=f"a{sign}b.weights.h5") for sign in "/ ")
    assert one.name != other.name
