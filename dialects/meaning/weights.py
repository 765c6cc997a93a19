"""`@weights` evaluated export by export, each on demand, and identified by what it computes.

The digest of an export is that of its expression: ops, properties and types, constants by their digests, initializers by their names. Two
exports of one digest, also of two functions, have the same values, and still do after a refit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from .. import nn
from ..dtypes import numpy_dtype
from ..errors import InvalidModelError
from ..nn.base import as_tensor
from ..provenance import NAMES, describe, join_names
from .registry import evaluate


@dataclass
class WeightsFunction:
    """The function `@weights` of a module, or one without ops where there is none."""

    ops: list[Operation]
    exports: dict[str, SSAValue] = field(default_factory=dict[str, SSAValue])
    _digests: dict[SSAValue, str] = field(default_factory=dict[SSAValue, str])
    _reads: dict[SSAValue, frozenset[str]] = field(default_factory=dict[SSAValue, frozenset[str]])

    @classmethod
    def of(cls, func: FuncOp | None) -> WeightsFunction:
        """The exports of a function, with their digests, in linear time."""
        found = cls([] if func is None else [op for op in func.body.block.ops if op.results])
        for op in () if func is None else func.body.block.ops:
            if isinstance(op, nn.ExportOp):
                found.exports[op.label.data] = op.x
        for op in found.ops:
            digest, reads = found._expression(op)
            for index, result in enumerate(op.results):
                found._digests[result] = f"{digest}.{index}" if index else digest
                found._reads[result] = reads
        return found

    def _expression(self, op: Operation) -> tuple[str, frozenset[str]]:
        if isinstance(op, nn.InitializerOp):
            said, reads = [op.label.data], frozenset((op.label.data,))
        else:
            attributes = {**op.properties, **{k: v for k, v in op.attributes.items() if k != NAMES}}
            said = [f"{key}={attributes[key]}" for key in sorted(attributes)]
            said += [self._digests[operand] for operand in op.operands]
            operands = dict.fromkeys(self._reads[operand] for operand in op.operands)
            # A chain of ops on one initializer shares one set.
            reads = next(iter(operands)) if len(operands) == 1 else frozenset[str]().union(*operands)
        text = "\0".join([op.name, *map(str, op.result_types), *said])
        return hashlib.sha256(text.encode()).hexdigest(), reads

    def digest(self, name: str) -> str:
        """The digest of an export's expression, in hex."""
        return self._digests[self.exports[name]]

    def reads(self, name: str) -> frozenset[str]:
        """The initializers that an export is computed from."""
        return self._reads[self.exports[name]]

    def initializer(self, name: str) -> str | None:
        """The initializer that an export is without any op; None for a computed one."""
        owner = self.exports[name].owner
        return owner.label.data if isinstance(owner, nn.InitializerOp) else None

    def evaluate(
        self, names: Iterable[str], initializers: Mapping[str, np.ndarray] | None = None
    ) -> dict[str, np.ndarray]:
        """The arrays of these exports; no other op is evaluated, and arrays are freed after their last reader.

        `initializers` are their values by name, by default those that the ops hold. Raises InvalidModelError where a rewrite that did not
        look at values made finite ones infinite.
        """
        wanted = {name: self.exports[name] for name in names}
        needed = set(wanted.values())
        for op in reversed(self.ops):
            if any(result in needed for result in op.results):
                needed.update(op.operands)
        ops = [op for op in self.ops if any(result in needed for result in op.results)]
        readers = {value: op for op in ops for value in (*op.operands, *op.results)}
        kept, dying = set(wanted.values()), dict[Operation, list[SSAValue]]()
        for value, op in readers.items():
            if value not in kept:
                dying.setdefault(op, []).append(value)
        arrays: dict[SSAValue, np.ndarray] = {}
        finite: dict[str, bool] = {}
        for op in ops:
            if isinstance(op, nn.InitializerOp) and initializers is not None:
                results = [initializers[op.label.data]]
            else:
                results = evaluate(op, [arrays[operand] for operand in op.operands], {})
            _check(op, results)
            if isinstance(op, nn.InitializerOp):
                finite[op.label.data] = _is_finite(results[0])
            elif nn.KEEPS_FINITE in op.attributes:
                self._check_finite(op, results[0], finite)
            arrays.update(zip(op.results, results, strict=True))
            for value in dying.get(op, ()):
                del arrays[value]
        return {name: arrays[value] for name, value in wanted.items()}

    def _check_finite(self, op: Operation, result: np.ndarray, finite: Mapping[str, bool]) -> None:
        names = sorted(self._reads[op.results[0]])
        if all(finite[name] for name in names) and not _is_finite(result):
            raise InvalidModelError(
                f"weights: what {getattr(op.attributes[nn.KEEPS_FINITE], 'data', 'a pass')} makes of {join_names(names)} is not finite: "
                f"a rewrite that does not look at numbers does not hold for these; build without refit"
            )


def _is_finite(array: np.ndarray) -> bool:
    return bool(np.isfinite(array).all())


def _check(op: Operation, results: Iterable[np.ndarray]) -> None:
    for value, array in zip(op.results, results, strict=True):
        shape, dtype = as_tensor(value).get_shape(), numpy_dtype(as_tensor(value).element_type)
        if array.shape != shape or array.dtype != dtype:
            raise InvalidModelError(
                f"{describe(op)}: expected {dtype} of shape {list(shape)}, got {array.dtype} of shape {list(array.shape)}"
            )
