"""`pytest suites` without the flag: every variant is checked in seconds, nothing is written."""

import pytest
from drawn_images import draw, draw_folder

from harness import BASELINE
from harness.pytest_plugin.checks import check_item


@pytest.mark.slow
def test_sound_variants_pass_and_a_broken_builder_fails_with_the_users_line(pytester):
    folder = pytester.mkdir("suites")
    pytester.makepyfile(
        my_models="def build(variant, input_shape, classes):\n    raise KeyError('my own mistake')\n\n"
        "def other(input_shape, num_classes): ...\n"
    )
    (folder / "suite_mixed.py").write_text(
        "from harness import BASELINE, Suite\n"
        "SUITE = Suite('mixed', [BASELINE.replace(filters=(4, 8)), BASELINE.replace(model='my_models:build'),\n"
        "    BASELINE.replace(model='my_models:other')])\n"
    )
    photos = draw_folder(pytester.path / "photos")
    draw(photos / "train" / "cat" / "wide.png", 99, size=(300, 200))
    (photos / "train" / "cat" / "broken.png").write_bytes(b"no image")
    images = ["--dataset", str(photos), "--image-size", "32", "--skip-unreadable"]
    result = pytester.runpytest_subprocess("suites", "-p", "no:cacheprovider", "-W", "error", *images)
    result.assert_outcomes(passed=2, failed=2)
    result.stdout.fnmatch_lines(["*my own mistake*"])
    assert "harness/" not in result.stdout.str()
    failures = result.stdout.str().partition("short test summary")[0]
    assert failures.count("is called as other(variant, input_shape, classes)") == 1
    assert "During handling" not in failures
    assert not (pytester.path / "results").exists()


def test_a_dataset_that_does_not_open_fails_every_check_and_is_tried_once(pytester, monkeypatch):
    monkeypatch.chdir(pytester.path)
    pytester.makepyfile(
        own_data="def load():\n    print('called', file=open('calls', 'a'))\n    raise OSError('no disk')\n"
    )
    config = pytester.parseconfig("--dataset", "own_data:load")

    for _ in range(2):
        with pytest.raises(
            pytest.fail.Exception, match=r'dataset "own_data:load": OSError: no disk \(.*own_data.py, line 3'
        ):
            check_item(config, BASELINE)

    assert (pytester.path / "calls").read_text() == "called\n"
