"""Runs tensor-level functions (nn, quant, fusion.group, fusion.call) on NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Block, Operation, SSAValue

from .. import fusion, nn
from ..dtypes import numpy_dtype
from ..errors import InvalidModelError
from ..host.control import Ranges, check_value
from ..nn.base import as_tensor, bind_symbols, symbol_ranges
from ..provenance import describe
from .registry import Env, evaluate, result_shape

OnResult: TypeAlias = Callable[[Operation, int, np.ndarray], None]
Perturb: TypeAlias = Callable[[np.ndarray], np.ndarray]
"""Returns the array to use in place of a result, of the same shape and type."""
Calls: TypeAlias = Callable[[FuncOp, Sequence[np.ndarray], Env], "list[np.ndarray] | None"]
"""Computes a `fusion.call` of a function for these operands and symbols by other means than its ops; None where its ops should run."""

STRUCTURAL: tuple[type[Operation], ...] = (nn.WeightOp, nn.ExportOp, nn.ReadOp, nn.IfOp, nn.LoopOp)
"""`nn` ops without an entry in the table: they have a meaning only inside a running function."""


def run_function(
    func: FuncOp,
    inputs: Sequence[np.ndarray],
    *,
    weights: Mapping[str, np.ndarray] | None = None,
    on_result: OnResult | None = None,
    env: Env | None = None,
    perturb: Perturb | None = None,
) -> list[np.ndarray]:
    """Execute a function and return its results.

    `weights` answers `nn.weight` (see `run_weights`); `on_result(op, index, array)` sees every value as it is computed,
    including those inside groups and called functions; `perturb` may change each before it is used. Dim symbols are bound from
    the inputs' shapes, on top of `env`.
    Raises InvalidModelError where inputs, shapes or element types do not fit, naming the op.
    """
    return _Run(_functions(func), dict(weights or {}), on_result, perturb).call(func, inputs, env or {})


def run_weights(
    module: ModuleOp, on_result: OnResult | None = None, perturb: Perturb | None = None
) -> dict[str, np.ndarray]:
    """Execute `@weights` and return its exports by name; none if the module has no such function."""
    for op in module.body.block.ops:
        if isinstance(op, FuncOp) and op.sym_name.data == "weights":
            run = _Run(_functions(op), {}, on_result, perturb)
            run.call(op, [], {})
            return run.exports
    return {}


def run_module(
    module: ModuleOp,
    inputs: Sequence[np.ndarray],
    *,
    on_result: OnResult | None = None,
    perturb: Perturb | None = None,
    calls: Calls | None = None,
) -> list[np.ndarray]:
    """Execute `@weights`, if there is one, and then `@main`; `calls` may compute groups by other means than their ops."""
    for op in module.body.block.ops:
        if isinstance(op, FuncOp) and op.sym_name.data == "main":
            weights = run_weights(module, perturb=perturb)
            run = _Run(_functions(op), weights, on_result, perturb, calls, ranges=symbol_ranges(module))
            return run.call(op, inputs, {})
    raise InvalidModelError("module: expected a function @main, got none")


def _functions(func: FuncOp) -> dict[str, FuncOp]:
    """The functions beside this one, by name: looked up once, since a symbol look-up is linear."""
    parent = func.parent_block()
    ops = () if parent is None else parent.ops
    return {op.sym_name.data: op for op in ops if isinstance(op, FuncOp)}


@dataclass
class _Run:
    functions: dict[str, FuncOp]
    weights: dict[str, np.ndarray]
    on_result: OnResult | None
    perturb: Perturb | None = None
    calls: Calls | None = None
    exports: dict[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    ranges: Ranges = field(default_factory=dict[str, tuple[int, int, int]])
    """The ranges of the module's symbols, which bound what is read and counted."""

    def call(self, func: FuncOp, inputs: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
        name = func.sym_name.data
        if func.is_declaration:
            raise InvalidModelError(f"@{name}: expected a function with a body, got a declaration")
        types = func.function_type.inputs.data
        if len(types) != len(inputs):
            raise InvalidModelError(f"@{name}: expected {len(types)} inputs, got {len(inputs)}")
        for index, (ty, array) in enumerate(zip(types, inputs, strict=True)):
            dtype = numpy_dtype(as_tensor(ty).element_type)
            if array.dtype != dtype:
                raise InvalidModelError(f"@{name} input {index}: expected dtype {dtype} for {ty}, got {array.dtype}")
        bound = bind_symbols(types, [a.shape for a in inputs])
        return self.block(func.body.block, inputs, {**env, **bound})

    def block(self, block: Block, inputs: Sequence[np.ndarray], env: Env) -> list[np.ndarray]:
        """Execute a block; arrays are dropped after their last use, so that memory stays bounded."""
        values: dict[SSAValue, np.ndarray] = dict(zip(block.args, inputs, strict=True))
        env = dict(env)  # what the block reads, and its loops count, is known in it from there on
        ops = list(block.ops)
        dying = _last_uses(ops)
        for op in ops:
            operands = [values[v] for v in op.operands]
            if isinstance(op, ReturnOp | fusion.YieldOp):
                return operands
            results = self.op(op, operands, env)
            if self.perturb is not None:
                results = [self.perturb(array) for array in results]
            for index, (value, array) in enumerate(zip(op.results, results, strict=True)):
                if self.on_result is not None:
                    self.on_result(op, index, array)
                values[value] = array
            for value in dying.get(op, ()):
                values.pop(value, None)
        raise InvalidModelError("block: expected func.return or fusion.yield at the end, got none")

    def op(self, op: Operation, operands: list[np.ndarray], env: dict[str, int]) -> list[np.ndarray]:
        match op:
            case nn.ReadOp():
                env[op.symbol.data] = check_value(
                    op.symbol.data, int(operands[0].item()), self.ranges, "value read for"
                )
                return []
            case nn.IfOp():
                chosen = op.callees[0 if operands[0].item() else 1]
                results = self.call(self._callee(chosen, op), operands[1:], env)
            case nn.LoopOp():
                results = self._loop(op, operands, env)
            case fusion.GroupOp():
                return self.block(op.block, operands, env)
            case fusion.CallOp():
                callee = self._callee(op.callee.string_value(), op)
                computed = None if self.calls is None else self.calls(callee, operands, env)
                return self.call(callee, operands, env) if computed is None else computed
            case nn.WeightOp():
                array = self.weights.get(op.label.data)
                if array is None:
                    raise InvalidModelError(f"{describe(op)}: expected a weight named {op.label.data!r}, got none")
                results = [array]
            case nn.ExportOp():
                self.exports[op.label.data] = operands[0]
                return []
            case _:
                try:
                    results = evaluate(op, operands, env)
                except KeyError as error:
                    raise InvalidModelError(
                        f"{describe(op)}: expected a value for the dim symbol {error}, got {dict(env)}; a symbol must stand alone as "
                        "a dim of some input"
                    ) from error
        _check(op, results, env)
        return results

    def _callee(self, name: str, op: Operation) -> FuncOp:
        callee = self.functions.get(name)
        if callee is None:
            raise InvalidModelError(f"{describe(op)}: expected a function @{name}, got none in the module")
        return callee

    def _loop(self, op: nn.LoopOp, operands: list[np.ndarray], env: dict[str, int]) -> list[np.ndarray]:
        """The results of a loop; its total becomes known in `env`."""
        body = self._callee(op.callees[0], op)
        waits = op.condition is not None
        goes = waits and bool(operands[0].item())
        carried = operands[int(waits) : int(waits) + len(op.carried)]
        captures = operands[int(waits) + len(op.carried) :]
        count = None if op.count is None else op.count.exprs[0].evaluate(env)
        slices: list[list[np.ndarray]] = [[] for _ in range(op.slices)]
        done = 0
        while goes if count is None else done < count:
            if op.total is not None:
                check_value(op.total.data, done + 1, self.ranges, "iterations of a loop")
            check_value(op.index.data, done, self.ranges, "number of an iteration")
            made = self.call(body, [*carried, *captures], {**env, op.index.data: done})
            goes = waits and bool(made[0].item())
            carried = made[int(waits) : int(waits) + len(carried)]
            for joined, part in zip(slices, made[int(waits) + len(carried) :], strict=True):
                joined.append(part)
            done += 1
        if op.total is not None:
            env[op.total.data] = done
        empty = [result_shape(op, env, len(carried) + k) for k in range(len(slices))]
        types = [numpy_dtype(as_tensor(value).element_type) for value in op.results[len(carried) :]]
        joined = [
            np.stack(parts) if parts else np.zeros(shape, dtype)
            for parts, shape, dtype in zip(slices, empty, types, strict=True)
        ]
        return [*carried, *joined]


def _check(op: Operation, results: Sequence[np.ndarray], env: Env) -> None:
    for index, (value, array) in enumerate(zip(op.results, results, strict=True)):
        shape, dtype = result_shape(op, env, index), numpy_dtype(as_tensor(value).element_type)
        if array.shape != shape or array.dtype != dtype:
            raise InvalidModelError(
                f"{describe(op)} result {index}: expected {dtype} of shape {list(shape)} ({value.type}), "
                f"got {array.dtype} of shape {list(array.shape)}"
            )


def _last_uses(ops: Iterable[Operation]) -> dict[Operation, list[SSAValue]]:
    last: dict[SSAValue, Operation] = {}
    for op in ops:
        for value in (*op.operands, *op.results):
            last[value] = op
    dying: dict[Operation, list[SSAValue]] = {}
    for value, op in last.items():
        dying.setdefault(op, []).append(value)
    return dying
