"""Which variant a name means: by full names and labels, within one suite, and what is asked where it means several."""

import pytest
from made_results import DROPOUT, WIDE
from test_groups import held, records

from harness import BASELINE, InputError, Suite
from harness.comparison.named import meant

ONE = Suite("one", {"half": DROPOUT, "wide": WIDE})
TWO = Suite("two", {"half": WIDE, "third": BASELINE.replace(l2=0.1)}, baseline=DROPOUT)
TRAINED = [*records(BASELINE, 1), *records(DROPOUT, 1), *records(WIDE, 1)]


def results(*suites, found=TRAINED):
    return held(found, suites=suites)


def refused(of, names, suite=None):
    with pytest.raises(InputError) as caught:
        meant(of, names, suite)
    return str(caught.value)


def test_labels_and_full_names_mean_what_was_trained():
    one = results(ONE)
    assert meant(one, ["half", "wide", "baseline"]) == (DROPOUT, WIDE, BASELINE)
    assert meant(one, [DROPOUT.name, WIDE.name]) == (DROPOUT, WIDE)
    assert meant(results(), [DROPOUT.name]) == (DROPOUT,)  # of no suite at all


def test_where_several_suites_have_a_name_it_is_that_of_one_that_has_all():
    both = results(ONE, TWO)
    assert meant(both, ["half", "wide"]) == (DROPOUT, WIDE)
    assert meant(both, ["half", WIDE.name], "two") == (WIDE, WIDE)
    assert meant(both, ["half"], "one") == (DROPOUT,)
    said = refused(both, ["half"])
    assert said == (
        f'variant "half" means 2 variants in nowhere: {DROPOUT.name} (suite one); {WIDE.name} (suite two); '
        "give the full name, or --suite"
    )
    three = results(ONE, TWO, Suite("three", {"half": BASELINE.replace(filters=(64, 128))}))
    assert f"{WIDE.name} (suite two, three)" in refused(three, ["half"])


def test_a_name_that_means_several_is_the_one_that_is_told():
    third = BASELINE.replace(l2=0.1)
    suites = Suite("one", {"half": third, "a": DROPOUT}), Suite("two", {"half": third, "a": WIDE})
    of = results(*suites, found=[*TRAINED, *records(third, 1)])
    assert refused(of, ["half", "a"]).startswith('variant "a" means 2 variants in nowhere: ')
    assert refused(of, ["a", "half"]).startswith('variant "a" means 2 variants in nowhere: ')


def test_a_full_name_that_is_a_label_elsewhere_means_both():
    of = results(Suite("one", {DROPOUT.name: WIDE}))
    assert refused(of, [DROPOUT.name]) == (
        f'variant "{DROPOUT.name}" means 2 variants in nowhere: {WIDE.name} (suite one); {DROPOUT.name} (in no suite); '
        "give the full name, or --suite"
    )
    assert meant(of, [DROPOUT.name, "baseline"]) == (WIDE, BASELINE)


def test_what_there_is_not_is_refused_with_the_nearest_or_all_names():
    one = results(ONE)
    assert refused(one, ["haf"]) == 'variant "haf" is not in nowhere; did you mean "half"?'
    assert refused(one, ["quite else"]) == 'variant "quite else" is not in nowhere: use baseline, half, wide'
    assert refused(results(TWO), ["quite else"]) == 'variant "quite else" is not in nowhere: use baseline, half'
    assert refused(results(TWO), ["third"]).startswith('variant "third" is not in nowhere')  # never trained
    assert refused(one, ["half"], "on") == 'suite "on" is not in nowhere: use one; did you mean "one"?'
    assert refused(results(ONE, TWO), ["half"], "zzz") == 'suite "zzz" is not in nowhere: use one, two'
