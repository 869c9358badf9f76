"""A file is whole or not there: what fails half-way leaves the old one, and nothing beside it."""

import pytest

from harness.files import replace_text, replaced


def test_a_file_takes_the_old_ones_place_and_nothing_stays_beside_it(tmp_path):
    path = tmp_path / "table.md"
    path.write_text("old")
    with replaced(path) as scratch:
        scratch.write_text("new")
        assert path.read_text() == "old"
        assert (scratch.parent, scratch.suffix) == (path.parent, path.suffix)
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def fail_half_way(path, error):
    with replaced(path) as scratch:
        scratch.write_text("half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_what_fails_half_way_leaves_the_old_file_alone(tmp_path, error):
    path = tmp_path / "table.md"
    path.write_text("old")
    with pytest.raises(error):
        fail_half_way(path, error)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_not_replaced_and_nothing_stays_beside_it(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(OSError, match="folder"):
        replace_text(folder, "text")
    assert list(tmp_path.iterdir()) == [folder]
