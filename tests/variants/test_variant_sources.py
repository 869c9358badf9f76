import hashlib
import os
import sys
from pathlib import Path

import pytest

import harness
from harness.errors import InputError
from harness.variants import BASELINE, Variant, builder_fingerprint, source_fingerprint
from harness.variants.sources import builder_files, search_here, weights_path


@pytest.fixture
def package(tmp_path, monkeypatch):
    (tmp_path / "watched").mkdir()
    (tmp_path / "watched" / "__init__.py").write_text('"""Nothing but words."""\n')
    (tmp_path / "watched" / "nets.py").write_text("def build(variant, input_shape, classes): ...\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "watched"


def test_a_builders_fingerprint_is_that_of_its_source_and_imports_nothing(package):
    found = builder_fingerprint("watched.nets:build")
    # What was stored before a moving average of weights was tested had the file's own: it counts as of an older source.
    assert found != hashlib.sha256((package / "nets.py").read_bytes()).hexdigest()
    assert found == builder_fingerprint("watched.nets:build")
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


@pytest.mark.parametrize("place", ["site-packages", "dist-packages"])
def test_code_in_the_packages_own_file_counts_and_installed_packages_do_not(package, monkeypatch, place):
    installed = package.parent / "lib" / place
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


def test_code_of_the_package_of_an_imported_module_counts(package):
    (package.parent / "deep").mkdir()
    (package.parent / "deep" / "__init__.py").write_text("")
    (package.parent / "deep" / "more.py").write_text("x = 1\n")
    (package / "nets.py").write_text("import deep.more\n")
    assert builder_files("watched.nets:build").keys() == {"watched.nets", "deep.more"}
    (package.parent / "deep" / "__init__.py").write_text('"""Words."""\nimport keras\n')
    assert builder_files("watched.nets:build").keys() == {"watched.nets", "deep.more", "deep"}


def test_a_relative_import_is_of_the_package_that_it_stands_in(package):
    lines = {
        "__init__.py": "from . import blocks\n",
        "blocks.py": "x = 1\n",
        "other.py": "x = 1\n",
        "deep/__init__.py": "from . import own\n",
        "deep/own.py": "from .inner import x\nfrom ..other import x\n",
        "deep/inner.py": "x = 1\n",
        "nets.py": "from .deep import x\n",
    }
    (package / "deep").mkdir()
    for name, text in lines.items():
        (package / name).write_text(text)
        (package.parent / Path(name).name).write_text("raise RuntimeError('another')\n")
    modules = {"watched", "watched.blocks", "watched.other", "watched.nets"}
    deep = {"watched.deep", "watched.deep.own", "watched.deep.inner"}
    assert builder_files("watched.nets:build").keys() == modules | deep


@pytest.mark.parametrize("broken", [b"def (", b"x = \0"])
def test_a_file_that_is_no_python_counts_by_its_content(package, broken):
    (package.parent / "deep").mkdir()
    (package / "nets.py").write_text("import deep, beside\n")
    files = package.parent / "deep" / "__init__.py", package.parent / "beside.py"
    found = []
    for edited in (0, 1, 2):
        for place, file in enumerate(files):
            file.write_bytes(broken + b"\n#" * (place < edited))
        assert builder_files("watched.nets:build").keys() == {"watched.nets", "deep", "beside"}
        found.append(builder_fingerprint("watched.nets:build"))
    assert len(set(found)) == 3


def test_files_that_a_text_of_the_code_names_count_where_it_is_a_files_name(package):
    suffixes = [".json", ".yaml", ".yml", ".toml", ".ini", ".npy", ".npz", ".h5", ".keras", ".pkl"]
    names = [f"read{suffix}" for suffix in suffixes]
    texts = [*names, "x" * 5000 + ".json", "a\0.json", "nowhere.json"]
    (package / "nets.py").write_text(f"NAMES = {texts!r}, 'read.py', 'read.txt'\n")
    for name in (*names, "read.py", "read.txt"):
        (package / name).write_bytes(b"1")
    before = builder_fingerprint("watched.nets:build")
    for name in names:
        (package / name).write_bytes(b"2")
        assert builder_fingerprint("watched.nets:build") != before, name
        (package / name).write_bytes(b"1")
    for name in ("read.py", "read.txt"):
        (package / name).write_bytes(b"2")
    assert builder_fingerprint("watched.nets:build") == before


def test_of_the_project_is_what_lies_in_the_current_folder_or_where_the_package_was_found(package, monkeypatch):
    """The package is found on Python's path, the current folder is another, and a third place is no project."""
    here, third = (package.parent.with_name(f"{package.parent.name}-{place}") for place in ("here", "third"))
    for place, name in ((here, "mine"), (third, "theirs"), (package.parent, "beside")):
        place.mkdir(exist_ok=True)
        (place / f"{name}.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(package.parent)
    monkeypatch.syspath_prepend(third)
    monkeypatch.chdir(here)
    monkeypatch.syspath_prepend(here)
    for file in (package / "nets.py", package / "__init__.py"):
        file.write_text("import mine, theirs, beside\n")
    assert builder_files("watched.nets:build").keys() == {"watched.nets", "watched", "mine", "beside"}
    assert builder_files("watched:build").keys() == {"watched", "mine", "beside"}


def test_neither_pythons_own_modules_nor_the_harness_count_wherever_one_stands(package, monkeypatch):
    (package / "nets.py").write_text("import json\nfrom harness.models import build\n")
    for place in (Path(os.__file__).parent, Path(harness.__file__).parents[1]):
        monkeypatch.syspath_prepend(package.parent)
        monkeypatch.chdir(place)
        assert builder_files("watched.nets:build").keys() == {"watched.nets"}


def test_the_current_folder_is_searched_last_and_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for before in (["a", ""], ["a", str(tmp_path)]):
        monkeypatch.setattr(sys, "path", list(before))
        search_here()
        assert sys.path == before
    monkeypatch.setattr(sys, "path", ["a"])
    search_here()
    assert sys.path == ["a", str(tmp_path)]


def test_which_file_holds_what_counts_and_not_the_order_in_which_they_are_named(package):
    for name, text in (("one", "x = 1\n"), ("two", "x = 2\n")):
        (package / f"{name}.py").write_text(text)
    (package / "nets.py").write_text("from watched import one, two\n")
    before = builder_fingerprint("watched.nets:build")
    for name, text in (("one", "x = 2\n"), ("two", "x = 1\n")):
        (package / f"{name}.py").write_text(text)
    assert builder_fingerprint("watched.nets:build") != before
    others = package / "one.py", package / "two.py"
    assert builder_fingerprint("watched.nets:build", *others) == builder_fingerprint(
        "watched.nets:build", *others[::-1]
    )


def test_only_options_that_name_a_file_with_a_suffix_count(package):
    (package.parent / "notes").write_text("a file")
    options = {"depth": 3, "name": "a.b", "word": "notes", "sizes": [1, 2], "share": 0.5}
    alone = source_fingerprint(Variant(model="watched.nets:build"))
    assert source_fingerprint(Variant(model="watched.nets:build", options=options)) == alone
    assert source_fingerprint(Variant(model="watched.nets:build", weights="imagenet")) == alone


def test_weights_that_are_no_file_are_refused_with_what_is_allowed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r'^weights: "own\.weights\.h5" is not a file; allowed: None, "imagenet", or'):
        weights_path("own.weights.h5")
    (tmp_path / "own.weights.h5").write_bytes(b"1")
    assert weights_path("own.weights.h5") == Path("own.weights.h5")


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
    (package.parent / "deeper.py").write_text("x = 1\n")  # another module, whose name ends alike
    with pytest.raises(InputError, match=target):
        builder_fingerprint(target)
