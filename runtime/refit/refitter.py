"""Computes which weights change with given initializers, and their new values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ...dialects.blob import digest_of
from ...dialects.errors import EngineFormatError, InvalidModelError, OptionError, got
from ...dialects.meaning.weights import WeightsFunction
from ...dialects.provenance import join_names
from ..container import Section
from ..program.memory import InputError
from .function import read_function
from .given import as_weight
from .table import Initializer, initializers, model_digest

if TYPE_CHECKING:
    from ..variant import Variant


@dataclass(frozen=True)
class Update:
    """What a refit changes: sections, and the digests of initializers and model in the manifest."""

    sections: dict[str, Section]
    digests: dict[str, str]
    model: str


@dataclass
class Refitter:
    """The refittable part of an engine, read on first use. `manifest` and `sections` are the engine's own."""

    manifest: Mapping[str, Any]
    sections: Mapping[str, Section]
    variants: Mapping[str, Variant]
    functions: dict[str, WeightsFunction] = field(default_factory=dict[str, WeightsFunction])

    @property
    def table(self) -> dict[str, Initializer]:
        """The initializers by name, as they are now."""
        return initializers(self.manifest, self.sections)

    @cached_property
    def variant_functions(self) -> dict[str, WeightsFunction]:
        """`@weights` of each architecture. Raises EngineFormatError where one is not valid."""
        blobs = self.manifest["refit"]["blobs"]
        return {arch: read_function(variant, self.table, blobs) for arch, variant in self.variants.items()}

    def verify(self) -> None:
        """Raises EngineFormatError unless all parts that a refit reads fit together, and the digests are those of the bytes."""
        for each in self.table.values():
            if each.section and digest_of(np.frombuffer(self.sections[each.section].data, np.uint8)) != each.sha256:
                raise EngineFormatError(
                    f"engine: initializer '{each.name:.100}' has another SHA-256; rebuild the engine."
                )
        if self.manifest["model"]["sha256"] != self._digest({}):
            raise EngineFormatError(
                "engine: the digest of its model is not that of its initializers; rebuild the engine."
            )
        _ = self.variant_functions

    def missing(self, names: Iterable[str]) -> tuple[str, ...]:
        """The initializers beside `names` that enter a weight together with any of `names`, sorted."""
        given = self._known(names)
        found: set[str] = set()
        for function in self.variant_functions.values():
            for export in function.exports:
                reads = function.reads(export)
                found |= reads if reads & given else frozenset()
        return tuple(sorted(found - given))

    def update(self, given: Mapping[str, Any]) -> Update:
        """The changes of a refit with these arrays; nothing is changed yet.

        Raises InputError for unknown names, arrays that do not fit, other values of pinned initializers, and values for which a rewrite of
        the build does not hold.
        """
        table = self.table
        self._known(given)
        arrays = {name: as_weight(table[name], array) for name, array in given.items()}
        digests = {name: digest_of(array) for name, array in arrays.items()}
        changed = {name for name, digest in digests.items() if digest != table[name].sha256}
        if pinned := sorted(name for name in changed if table[name].pin):
            raise InputError(
                f"weights: '{pinned[0]}' cannot change: its numbers decided {table[pinned[0]].pin}; build the model anew with the others."
            )
        sections: dict[str, Section] = {}
        for name in sorted(changed):
            if section := table[name].section:
                sections[section] = Section(arrays[name].tobytes(), self.sections[section].align)
        for arch, function in self.variant_functions.items():
            self._evaluate(self.variants[arch], function, arrays, changed, sections)
        kept = {name: digests[name] for name in sorted(changed)}
        return Update(sections, kept, self._digest(kept))

    def _evaluate(
        self,
        variant: Variant,
        function: WeightsFunction,
        arrays: Mapping[str, np.ndarray],
        changed: set[str],
        sections: dict[str, Section],
    ) -> None:
        """Adds the weights of a variant that read a changed initializer, except those that another variant has added."""
        wanted = {
            name: section
            for name, section in variant.manifest["weights"].items()
            if section not in sections and function.reads(name) & changed
        }
        reads = frozenset[str]().union(*(function.reads(name) for name in wanted))
        table = self.table
        numbers = {name: arrays[name] if name in arrays else table[name].array(self.sections) for name in reads}
        try:
            made = function.evaluate(wanted, numbers)
        except InvalidModelError as error:
            raise InputError(str(error)) from error
        for name, section in wanted.items():
            sections[section] = Section(np.ascontiguousarray(made[name]).tobytes(), self.sections[section].align)

    def _digest(self, changed: Mapping[str, str]) -> str:
        known = {name: stored["sha256"] for name, stored in self.manifest["refit"]["initializers"].items()}
        return model_digest(self.manifest["refit"]["structure"], {**known, **changed})

    def _known(self, names: Any) -> set[str]:
        if isinstance(names, str) or not isinstance(names, Iterable):
            raise OptionError(f"weights: expected names of initializers, such as ['conv1.weight'], got {got(names)}.")
        given = set[Any](names)
        table = self.manifest["refit"]["initializers"]
        if unknown := sorted(str(name) for name in given if name not in table):
            shown = join_names(sorted(table)[:8]) or "none"
            raise InputError(
                f"weights: the engine has no refittable tensor '{unknown[0]:.100}'; its {len(table)} are {shown}"
                f"{', ...' if len(table) > 8 else ''}."
            )
        return given
