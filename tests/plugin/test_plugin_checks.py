"""`pytest suites` without the flag: every variant is checked in seconds, nothing is written."""

import pytest


@pytest.mark.slow
def test_sound_variants_pass_and_a_broken_builder_fails_with_the_users_line(pytester):
    folder = pytester.mkdir("suites")
    pytester.makepyfile(my_models="def build(variant, input_shape, classes):\n    raise KeyError('my own mistake')\n")
    (folder / "suite_mixed.py").write_text(
        "from harness import BASELINE, Suite\n"
        "SUITE = Suite('mixed', [BASELINE.replace(filters=(4, 8)), BASELINE.replace(model='my_models:build')])\n"
    )
    result = pytester.runpytest_subprocess("suites", "-p", "no:cacheprovider", "-W", "error")
    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(["*my own mistake*"])
    assert "harness/" not in result.stdout.str()
    assert not (pytester.path / "results").exists()
