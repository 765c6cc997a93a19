"""The graph that layers are added to: inputs and outputs, constants, names, and the module that comes of it."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias, cast

import numpy as np
from xdsl.dialects.builtin import (
    UNKNOWN_LOC,
    ArrayAttr,
    FunctionType,
    LocationAttr,
    ModuleOp,
    StringAttr,
    bf16,
    f16,
    f32,
    f64,
    i1,
    i8,
    i32,
    i64,
)
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Attribute, Block, Operation, Region, SSAValue
from xdsl.utils.exceptions import VerifyException

from ...dialects import nn
from ...dialects.blob import digest_of
from ...dialects.dims import Expr, ExprLike
from ...dialects.dims.solving import sources
from ...dialects.dtypes import element_type_of, f8e4m3, f8e5m2, i4, i16, numpy_dtype, ui4, ui8, ui16, ui32, ui64
from ...dialects.errors import InvalidModelError, OptionError, got
from ...dialects.provenance import describe, join_names, onnx_location, set_names
from ...dialects.verify import verify_ops
from ..budget import Budget, check_rank
from .arguments import check_name, checked, extents_of, integers

Array: TypeAlias = np.ndarray[Any, Any]
Operand: TypeAlias = "SSAValue | Array | float | int"
Layout: TypeAlias = Literal["NCHW", "NHWC"]
Range: TypeAlias = tuple[int, int, int]

_NAMED_TYPES: dict[str, Attribute] = {
    "f64": f64, "f32": f32, "f16": f16, "bf16": bf16, "f8E4M3FN": f8e4m3, "f8E5M2": f8e5m2,
    "i64": i64, "i32": i32, "i16": i16, "i8": i8, "ui8": ui8, "ui16": ui16, "ui32": ui32, "ui64": ui64, "i4": i4, "ui4": ui4, "i1": i1,
}  # fmt: skip


def element_type(of: str | Attribute | np.dtype[Any] | type) -> Attribute:
    """An element type from its name (`"f32"`), a NumPy dtype, or itself. Raises InvalidModelError for others."""
    if isinstance(of, Attribute):
        return of
    if isinstance(of, str) and of in _NAMED_TYPES:
        return _NAMED_TYPES[of]
    try:
        if cast(Any, of) is None:  # which NumPy would take for float64
            raise TypeError
        dtype = np.dtype(of)
    except Exception:  # of NumPy's parser of texts, or of a foreign object
        raise InvalidModelError(f"element type: expected one of {', '.join(_NAMED_TYPES)}, got {got(of)}") from None
    return element_type_of(dtype)


class Graph:
    """The tensors and ops of a network under construction, and its inputs, outputs, constants and dims."""

    def __init__(self) -> None:
        self._block = Block()
        self._input_names: list[str] = []
        self._outputs: dict[str, SSAValue] = {}
        self._location: LocationAttr | None = None
        self._constants: dict[tuple[Any, ...], SSAValue] = {}
        self._initializers: dict[str, tuple[SSAValue, str]] = {}
        """Initializers and the digests of their numbers, by name."""
        self._pins: dict[str, str] = {}
        self._layers = 0
        self._module: ModuleOp | None = None
        """What `module` made; nothing is added from then on."""
        self.ranges: dict[str, Range] = {}
        """(min, opt, max) of each dim symbol."""
        self.late: dict[str, Range] = {}
        """Those of the symbols that are no dims of inputs, but known while the network runs."""
        self.budget = Budget()
        self._functions: dict[str, FuncOp] = {}
        """The branches and bodies, by name."""

    # The graph's edges.

    def add_input(
        self, name: str, dtype: str | Attribute | np.dtype[Any] | type, shape: Iterable[ExprLike]
    ) -> SSAValue:
        """An input tensor; strings in `shape` are dim expressions, a bare name being a dynamic dim."""
        self._check_open()
        check_name("input", name)
        if name in self._input_names:
            raise InvalidModelError(f"input {name!r}: the network has an input of this name already; give it another")
        extents = extents_of(f"input {name!r}", shape)
        check_rank(f"input {name!r}", len(extents))
        self._input_names.append(name)
        return self._block.insert_arg(nn.tensor_type(extents, element_type(dtype)), len(self._block.args))

    def mark_output(self, value: SSAValue, name: str) -> None:
        """Make `value` an output called `name`."""
        self._check_open()
        check_name("output", name)
        self.check_own(f"output {name!r}", value)
        if name in self._outputs:
            raise InvalidModelError(f"output {name!r}: the network has an output of this name already; give it another")
        self._outputs[name] = value

    def symbols(self, **ranges: Range) -> None:
        """The (min, opt, max) of dynamic dims: `net.symbols(N=(1, 4, 8))`."""
        for name, entries in ranges.items():
            low, opt, high = integers(f"dim {name!r}", "(min, opt, max)", entries, 3)
            if not 0 <= low <= opt <= high:
                raise InvalidModelError(f"dim {name!r}: expected 0 <= min <= opt <= max, got {tuple(entries)}")
            self.ranges[name] = (low, opt, high)
            self.budget.sizes[name] = high

    def module(self, ranges: Mapping[str, Range] | None = None, *, last: bool = False) -> ModuleOp:
        """The finished module, verified, a new one at each call; no layer can be added afterwards.

        With `last` it is the network's own, which then holds its weights no longer than the caller does: nobody may ask again.
        `ranges` are (min, opt, max) of dynamic dims, which override or complete those of `symbols`. Raises InvalidModelError if there is no
        output, a dynamic dim has no range, or an op does not verify, even at only one size of a range, and OptionError for a range of an
        unknown dim.
        """
        if not self._outputs:
            raise InvalidModelError("the network has no output; call mark_output")
        known = {**self.ranges, **(ranges or {})}
        used = {name for argument in self._block.args for extent in nn.shape_of(argument) for name in extent.symbols()}
        if unknown := sorted((ranges or {}).keys() - used):
            raise OptionError(
                f"option profiles: there is no dynamic dim {unknown[0]!r}; dynamic dims: {join_names(sorted(used)) or 'none'}."
            )
        if missing := sorted(used - known.keys()):
            raise InvalidModelError(
                f"dynamic dims {join_names(missing)}: no range is known; call symbols({missing[0]}=(1, 4, 8))"
            )
        shapes = [extent for argument in self._block.args for extent in nn.shape_of(argument)]
        if open_ := sorted(used - sources(shapes).keys()):
            raise InvalidModelError(
                f"dynamic dim {open_[0]}: no input has a dim that tells it; give one the dim {open_[0]!r}, or one linear in it"
            )
        if self._module is None:
            self._module = self._finish()
        module = self._module if last else self._module.clone()
        nn.set_symbol_ranges(module, {name: known[name] for name in known if name in used or name in self.late})
        if used or self.late:
            nn.set_equal_dims(module, (pair for pair in _check_sizes(module) if _symbols(*pair) <= used))
        return module

    def _finish(self) -> ModuleOp:
        """Closes the network: its layers become the body of `@main`."""
        function = self.close("main", list(self._outputs.values()))
        function.attributes["nn.inputs"] = ArrayAttr([StringAttr(name) for name in self._input_names])
        function.attributes["nn.outputs"] = ArrayAttr([StringAttr(name) for name in self._outputs])
        module = ModuleOp([function, *self._functions.values()])
        if self._pins:
            nn.set_pins(module, self._pins)
        try:
            verify_ops(module)
        except VerifyException as error:
            raise InvalidModelError(f"the network does not verify: {str(error).splitlines()[-1]}") from None
        return module

    def close(self, name: str, results: Sequence[SSAValue]) -> FuncOp:
        """A function of the layers, which returns these values."""
        self._block.add_op(ReturnOp(*results))
        types = FunctionType.from_lists([a.type for a in self._block.args], [r.type for r in results])
        return FuncOp(name, types, Region(self._block))

    # Building.

    @contextmanager
    def at(self, location: LocationAttr) -> Generator[None]:
        """Give `location` to every op added inside, which are those of one node, and mark its helpers as such; by default a layer's
        location is its kind and number."""
        outer, self._location = self._location, location
        last = self._block.last_op
        try:
            yield
        finally:
            self._location = outer
        nn.mark_helpers(self._after(last))

    def insert(self, op: Operation) -> SSAValue:
        """Append an op of the `nn` or `quant` dialect and return its only result."""
        self.add(op)
        return op.results[0]

    def add(self, op: Operation) -> None:
        """Append an op of the `nn` or `quant` dialect."""
        self._check_open()
        for operand in op.operands:
            self.check_own(op.name, operand)
        op.location = self._location or self._layer_location(op)
        if isinstance(op, nn.NnOp):
            op.check()
        self.budget.add(op)
        self._block.add_op(op)

    def _after(self, last: Operation | None) -> Iterator[Operation]:
        """The ops that were added after `last`, in order."""
        op = self._block.first_op if last is None else last.next_op
        while op is not None:
            yield op
            op = op.next_op

    @property
    def operations(self) -> Iterable[Operation]:
        """The ops added so far, in order."""
        return self._block.ops

    def _check_open(self) -> None:
        if self._module is not None:
            raise InvalidModelError(
                "the network is finished, since it was built; add layers before that, or make a new one"
            )

    def check_own(self, what: str, value: Any) -> None:
        """Raises InvalidModelError unless `value` is a tensor of this network."""
        if not isinstance(value, SSAValue):
            raise InvalidModelError(f"{what}: expected a tensor that add_input or a layer returned, got {got(value)}")
        owner: Any = value.owner
        if (owner if isinstance(owner, Block) else owner.parent) is not self._block:
            raise InvalidModelError(f"{what}: expected a tensor of this network, got one of another")

    def _layer_location(self, op: Operation) -> LocationAttr:
        if op.location != UNKNOWN_LOC:
            return op.location
        self._layers += 1
        kind = op.name.partition(".")[2]
        return onnx_location(f"{kind}_{self._layers - 1}", kind, self._layers - 1)

    @checked
    def name(self, value: SSAValue, name: str) -> None:
        """Name a layer's result after the tensor `name`, by which check-numerics compares it; the first name counts."""
        check_name("tensor", name)
        if isinstance(op := value.owner, Operation) and len(op.results) == 1 and "nn.names" not in op.attributes:
            set_names(op, [name])

    @checked
    def shape(self, value: SSAValue) -> tuple[Expr, ...]:
        """The dims of a tensor."""
        return nn.shape_of(value)

    @checked
    def element(self, value: SSAValue) -> Attribute:
        """The element type of a tensor."""
        return nn.element_of(value)

    @checked
    def dtype(self, value: SSAValue) -> np.dtype[Any]:
        """The NumPy dtype of a tensor's elements (ml_dtypes for bf16 and f8)."""
        return numpy_dtype(nn.element_of(value))

    def operand(self, of: Operand, like: SSAValue | None = None) -> SSAValue:
        """A value as it is; an array as a constant; a number as a scalar constant of `like`'s element type."""
        if isinstance(of, SSAValue):
            return of
        if isinstance(of, np.ndarray):
            return self.add_constant(of)
        if not isinstance(of, int | float | np.generic):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidModelError(f"expected a tensor, a NumPy array or a number, got {got(of)}")
        if like is None:
            raise InvalidModelError(f"the number {of} has no element type here; pass an array")
        dtype = self.dtype(like)
        try:
            with np.errstate(all="ignore"):
                constant = np.array(of, dtype)
        except (OverflowError, ValueError, TypeError):  # an integer beyond the type's range, NaN as an integer
            constant = None
        if constant is None or (dtype.kind in "iu" and constant != of):
            raise InvalidModelError(f"the number {got(of)} does not fit the element type {nn.element_of(like)}")
        return self.add_constant(constant)

    # Constants.

    @checked
    def add_constant(self, array: Array, name: str = "") -> SSAValue:
        """A constant: the array's values at this call. Small equal ones are shared."""
        if name:
            check_name("constant", name)
        array = np.asarray(array)
        key = (name, array.dtype, array.shape, array.tobytes()) if array.size <= nn.DENSE_LIMIT else None
        if key is not None and key in self._constants:
            return self._constants[key]
        value = self.insert(nn.ConstantOp(array, name))
        if key is not None:
            self._constants[key] = value
        return value

    @checked
    def add_initializer(self, name: str, array: Array) -> SSAValue:
        """A tensor that a refit may replace: the array's values at this call, under a unique name in the network.

        In a build without `refit` it is a constant. Raises InvalidModelError where the name has other numbers already.
        """
        check_name("initializer", name)
        array = np.asarray(array)
        digest = f"{array.dtype}{array.shape}{digest_of(array)}"
        known, found = self._initializers.get(name, (None, ""))
        if known is None:
            known = self.insert(nn.InitializerOp(name, array))
            self._initializers[name] = (known, digest)
        elif found != digest:
            raise InvalidModelError(
                f"initializer {name!r}: the network has other numbers of this name; give it another"
            )
        return known

    def pin(self, name: str, why: str) -> None:
        """Note that the numbers of an initializer decided something, for a reason: a refit refuses other ones."""
        self._pins.setdefault(name, why)


def _check_sizes(module: ModuleOp) -> list[tuple[Expr, Expr]]:
    """Raises InvalidModelError for an op whose shapes do not fit at a size that the ranges of the module's dims allow. Returns the dims
    that must be equal in every run: what a branch or a body needs, it needs only where it is called."""
    found: list[tuple[Expr, Expr]] = []
    for function in module.body.block.ops:
        with nn.assumptions() as assumed:
            for op in function.walk():
                if isinstance(op, nn.NnOp):
                    _check_op(op, module)
        found += assumed if nn.BODY not in function.attributes else ()
    return found


def _check_op(op: nn.NnOp, module: ModuleOp) -> None:
    try:
        op.verify_()
    except VerifyException as error:
        ranges = ", ".join(f"{name} in {low}..{high}" for name, (low, _, high) in nn.symbol_ranges(module).items())
        what = str(error).removeprefix(f"{op.name}: ")
        raise InvalidModelError(f"{describe(op)}: {what}; the profile allows {ranges}") from None


def _symbols(*exprs: Expr) -> set[str]:
    return {name for expr in exprs for name in expr.symbols()}
