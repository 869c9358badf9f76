"""A trial: one variant trained once, on one dataset, with one seed."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from harness.budgets import MAX_SEEDS, Budget
from harness.variants import Variant

DeviceKind = Literal["cpu", "gpu"]

# Seeds from here on belong to the tries of searches. A comparison's are 1 to MAX_SEEDS: fresh to a search's winner.
FIRST_SEARCH_SEED = MAX_SEEDS + 1

HIGHEST_SEED = 2**32 - 1
"""What NumPy's and Keras's generators take."""

# Raise it when a change to the training code changes what a seed gives: older records then count as
# another trial's and are trained anew instead of being mixed with new ones.
RECIPE = 1


@dataclass(frozen=True)
class Environment:
    """What besides the trial itself decides the bits of its weights.

    Attributes:
        device: Kind of device that trains.
        backend: Keras backend.
        threads: Intra-op threads on a CPU (their number changes the bits); 0 on a GPU, where it does not count.
        versions: Library names and versions, sorted; of a GPU also its compute capability and whether it uses TF32;
            and whatever variable of the environment changes what is computed.
    """

    device: DeviceKind
    backend: str
    threads: int
    versions: tuple[tuple[str, str], ...]

    @property
    def software(self) -> Environment:
        """The environment whatever its number of threads."""
        return dataclasses.replace(self, threads=0)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain JSON types."""
        return dict(vars(self))

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Environment:
        """Read what `to_dict` gave, also after a trip through JSON."""
        return cls(**dict(fields) | {"versions": tuple((name, version) for name, version in fields["versions"])})


@dataclass(frozen=True)
class Trial:
    """One variant, one dataset, one seed, one budget, one environment; equal trials have equal keys.

    Attributes:
        variant: What is trained.
        source: Fingerprint of the file the variant depends on (its `model=` module, its weights), empty for none.
        dataset: Name of the dataset.
        fingerprint: Content of the dataset.
        seed: 1..N; decides the split, the order of images and the first weights.
        budget: How long it trains.
        environment: Device, backend, threads and versions.
        recipe: Version of the training code.
        against: Baselines that it is compared with, no part of it: a difference from them must reach its builder.
        keep_model: Whether its record brings the trained model along; no part of it either.
    """

    variant: Variant
    source: str
    dataset: str
    fingerprint: str
    seed: int
    budget: Budget
    environment: Environment
    recipe: int = RECIPE
    against: tuple[Variant, ...] = field(default=(), compare=False)
    keep_model: bool = field(default=False, compare=False)

    @cached_property
    def key(self) -> str:
        """64 hexadecimal digits that identify the trial, the same on every machine."""
        environment = self.environment
        content = {
            "recipe": self.recipe,
            "variant": self.variant.to_json(),
            "source": self.source,
            "dataset": self.fingerprint,
            "seed": self.seed,
            "budget": self.budget.training,
            "device": environment.device,
            "backend": environment.backend,
            "threads": environment.threads,
            "versions": environment.versions,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def label(self) -> str:
        """How people see it: the variant and the seed."""
        return self.called(self.variant.name)

    def called(self, variant: str) -> str:
        """Return the label with another name of the variant, as a suite's."""
        return f"{variant} seed {self.seed}"
