"""What pytest collects from a suite file: a node a suite, an item a variant."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import InputError
from harness.pytest_plugin.replay import ReplayTimer
from harness.search import Search
from harness.suite_files import SuiteModule, declared_in, describe_failure, says_nothing
from harness.suites import Declaration, Suite
from harness.variants import Variant

# Problems of suite files, told together as one usage error when collection has ended.
PROBLEMS = pytest.StashKey[list[str]]()

# What else a person should know of suite files, and what was declared so far: one that several files hold counts once.
NOTES = pytest.StashKey[list[str]]()
SEEN = pytest.StashKey[list[Declaration]]()


class SuiteFile(SuiteModule):
    """A `suite_*.py` file, imported as pytest imports any test module."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Return a node for each suite; a refused variant is noted with its line, not raised."""
        stash = self.config.stash
        try:
            module = self.load()
        except InputError as error:
            stash[PROBLEMS].append(describe_failure(error, self.path))
            return []
        found = declared_in(module, Declaration)
        if not found:
            stash[NOTES].append(says_nothing(self.path))
        new = [one for one in found if one not in stash[SEEN]]
        stash[SEEN] += new
        suites = [SuiteNode.from_parent(self, name=_plain(x.name), suite=x) for x in new if isinstance(x, Suite)]
        return [*suites, *(make_search_item(self, search) for search in new if isinstance(search, Search))]


class SuiteNode(pytest.Collector):
    """One suite; its items are its variants, the baseline first."""

    def __init__(self, *, suite: Suite, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.suite = suite

    def collect(self) -> Iterable[pytest.Item]:
        """Return an item for each member; what is wrong with a suite is told after collection."""
        members = self.suite.members if isinstance(self.suite.variants, list | tuple) else ()
        benchmark = self.config.getoption("harness_benchmark")
        for number, variant in enumerate(members):
            if isinstance(variant, Variant):
                yield make_item(self, variant, is_baseline=number == 0, benchmark=benchmark)


class VariantItem(pytest.Function):
    """One variant of one suite: checked, or with `--benchmark` trained and timed."""

    suite: Suite
    variant: Variant

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Point at the suite file; the name tells the variant."""
        return self.path, 0, self.name


def make_item(node: SuiteNode, variant: Variant, *, is_baseline: bool, benchmark: bool) -> VariantItem:
    """Return the item of a variant; the baseline answers to `-k baseline` whatever its name."""
    timer = ReplayTimer()

    def check() -> None:
        from harness.pytest_plugin.checks import check_item

        __tracebackhide__ = True
        check_item(item.config, item.variant, item.suite.baseline)

    def measure(request: pytest.FixtureRequest) -> None:
        from harness.pytest_plugin.measure import benchmark_variant_item

        __tracebackhide__ = True
        # The fixture only where there are times for it: it complains of not being used.
        benchmark_variant_item(item, lambda: request.getfixturevalue("benchmark"), timer)

    item: VariantItem = VariantItem.from_parent(node, name=variant.name, callobj=measure if benchmark else check)
    item.suite, item.variant = node.suite, variant
    if is_baseline:
        item.extra_keyword_matches.add("baseline")
    if benchmark:
        item.add_marker(pytest.mark.benchmark(group=node.suite.name, timer=timer))
    return item


class SearchItem(pytest.Function):
    """One search: its baseline is checked, or with `--benchmark` it is run and its winner timed."""

    search: Search

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Point at the suite file; the name tells the search."""
        return self.path, 0, self.name


def make_search_item(file: SuiteFile, search: Search) -> SearchItem:
    """Return the item of a search."""
    timer = ReplayTimer()

    def check() -> None:
        from harness.pytest_plugin.checks import check_item

        __tracebackhide__ = True
        check_item(item.config, search.baseline)

    def measure(request: pytest.FixtureRequest) -> None:
        from harness.pytest_plugin.searches import benchmark_search_item

        __tracebackhide__ = True
        benchmark_search_item(item, lambda: request.getfixturevalue("benchmark"), timer)

    benchmark = file.config.getoption("harness_benchmark")
    name = _plain(f"search:{search.name}")
    item: SearchItem = SearchItem.from_parent(file, name=name, callobj=measure if benchmark else check)
    item.search = search
    if benchmark:
        item.add_marker(pytest.mark.benchmark(group=name, timer=timer))
    return item


def _plain(name: object) -> str:
    """Return a suite's name without what would break a node id: control characters, `::` and brackets."""
    text = name if isinstance(name, str) else repr(name)
    return "".join(c if c.isprintable() and c not in "[]" else "_" for c in text).replace("::", "_")[:120] or "_"
