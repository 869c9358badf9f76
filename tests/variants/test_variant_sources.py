import hashlib
import sys

import pytest

from harness.errors import InputError
from harness.variants import BASELINE, Variant, builder_fingerprint, source_fingerprint
from harness.variants.sources import builder_files


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "watched").mkdir()
    (tmp_path / "watched" / "__init__.py").write_text('"""Nothing but words."""\n')
    (tmp_path / "watched" / "nets.py").write_text("def build(variant, input_shape, classes): ...\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "watched"


def test_a_builders_fingerprint_is_that_of_its_source_and_imports_nothing(package):
    source = (package / "nets.py").read_bytes()
    assert builder_fingerprint("watched.nets:build") == hashlib.sha256(source).hexdigest()
    assert "watched" not in sys.modules


IMPORTS = {
    "import watched.blocks": "blocks.py",
    "from watched import blocks": "blocks.py",
    "from watched.blocks import WIDTH": "blocks.py",
    "from . import blocks": "blocks.py",
    "from .blocks import *": "blocks.py",
    "def late():\n    from .deep import more": "deep/more.py",
    "from watched.deep.more import x": "deep/more.py",
    "from .middle import x": "blocks.py",
    "import importlib\nimportlib.import_module('watched.blocks')": "blocks.py",
    "import beside": "../beside.py",
    "try:\n    import beside\nexcept ImportError:\n    beside = None": "../beside.py",
    "from space.inner import x": "../space/inner.py",
    "CONFIG = open('watched/config.yaml')": "config.yaml",
    "from pathlib import Path\nCONFIG = Path(__file__).parent / 'config.yaml'": "config.yaml",
}


@pytest.mark.parametrize("line", IMPORTS)
def test_editing_what_the_builder_imports_at_any_depth_changes_the_fingerprint(package, line):
    for name in ("blocks.py", "deep/more.py", "deep/__init__.py", "../beside.py", "../space/inner.py", "config.yaml"):
        file = package / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("raise RuntimeError('imported')\n")
    (package / "middle.py").write_text("from watched import blocks\nfrom watched import middle\n")
    (package / "nets.py").write_text(f"{line}\ndef build(variant, input_shape, classes): ...\n")
    before = builder_fingerprint("watched.nets:build")
    assert builder_fingerprint("watched.nets:build") == before
    (package / IMPORTS[line]).write_text("WIDTH = 64\n")
    assert builder_fingerprint("watched.nets:build") != before
    assert "watched" not in sys.modules


def test_code_in_the_packages_own_file_counts_and_installed_packages_do_not(package, monkeypatch):
    installed = package.parent / "lib" / "site-packages"
    installed.mkdir(parents=True)
    monkeypatch.syspath_prepend(installed)
    (installed / "third.py").write_text("x = 1\n")
    (package / "nets.py").write_text("import third, numpy, harness, json\n")
    before = builder_fingerprint("watched.nets:build")
    assert builder_files("watched.nets:build").keys() == {"watched.nets"}
    (installed / "third.py").write_text("x = 2\n")
    assert builder_fingerprint("watched.nets:build") == before
    (package / "__init__.py").write_text("import keras\nkeras.config.set_floatx('float16')\n")
    assert builder_fingerprint("watched.nets:build") != before


def test_the_files_that_options_and_weights_name_count(package):
    file = package / "own.weights.h5"
    file.write_bytes(b"1")
    variants = [
        Variant(model="watched.nets:build", options={"start": "watched/own.weights.h5"}),
        Variant(model="watched.nets:build", weights="watched/own.weights.h5"),
    ]
    before = [source_fingerprint(variant) for variant in variants]
    file.write_bytes(b"2")
    assert all(source_fingerprint(variant) != old for variant, old in zip(variants, before, strict=True))


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
