import hashlib
import sys

import pytest

from harness.errors import InputError
from harness.variants import BASELINE, Variant, builder_fingerprint, source_fingerprint


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "watched").mkdir()
    (tmp_path / "watched" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (tmp_path / "watched" / "nets.py").write_text("def build(variant, input_shape, classes): ...\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "watched"


def test_a_builders_fingerprint_is_that_of_its_source_and_imports_nothing(package):
    source = (package / "nets.py").read_bytes()
    assert builder_fingerprint("watched.nets:build") == hashlib.sha256(source).hexdigest()
    assert "watched" not in sys.modules


def test_editing_the_builder_changes_the_fingerprint(package):
    variant = Variant(model="watched.nets:build")
    before = source_fingerprint(variant)
    (package / "nets.py").write_text("def build(variant, input_shape, classes): pass\n")
    assert source_fingerprint(variant) != before


def test_other_weights_under_the_same_path_change_the_fingerprint(tmp_path):
    file = tmp_path / "own.weights.h5"
    variant = Variant(backbone="VGG16", weights=file)
    file.write_bytes(b"1")
    before = source_fingerprint(variant)
    file.write_bytes(b"2")
    assert source_fingerprint(variant) != before


def test_what_needs_no_file_has_no_fingerprint():
    assert source_fingerprint(BASELINE) is None
    assert source_fingerprint(Variant(backbone="VGG16", weights="imagenet")) is None


@pytest.mark.parametrize("target", ["nowhere:build", "watched.nowhere:build", "watched.nets.deeper:build", "math:sin"])
def test_a_module_without_source_is_refused(package, target):
    with pytest.raises(InputError, match=target):
        builder_fingerprint(target)
