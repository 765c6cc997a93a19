"""The layer API: build a network by hand, TensorRT's way. The ONNX importer uses the same builder.

    net = Network()
    x = net.add_input("x", "f32", ("N", 3, 48, 192))
    y = net.add_unary("relu", net.add_convolution(x, weights, bias, strides=(2, 2), pads=(1, 1, 1, 1)))
    net.mark_output(y, "y")
    net.symbols(N=(1, 4, 8))
    module = net.module()

Every `add_...` appends one layer and returns its result, an SSA value of the `nn` dialect. Operands are such values; parameters may be
arrays, and one operand of a binary layer may be a number: arrays and numbers become constants. Windows and batch norm take channels-first
tensors (`layout="NCHW"`, as ONNX and TensorRT do) and add transposes to `nn`'s channels-last layout and back; graph passes cancel them.
With `layout="NHWC"` there are none. Shapes may name dynamic dims: `"N"`, `"H + 1"`, a `dims.Expr`. Wrong shapes and types raise
`InvalidModelError` at the call. A network can be built any number of times; layers can be added only before the first build.
"""

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

from ...dialects import dims, nn, quant
from ...dialects.blob import digest_of
from ...dialects.dims import Expr, ExprLike
from ...dialects.dims.solving import sources
from ...dialects.dtypes import element_type_of, f8e4m3, f8e5m2, i16, numpy_dtype, ui8
from ...dialects.errors import InvalidModelError, OptionError, got
from ...dialects.provenance import describe, join_names, onnx_location, set_names
from ..budget import Budget, check_rank
from .arguments import check_kind, check_name, checked, extents_of, integers

Array: TypeAlias = np.ndarray[Any, Any]
Operand: TypeAlias = "SSAValue | Array | float | int"
Layout: TypeAlias = Literal["NCHW", "NHWC"]
Range: TypeAlias = tuple[int, int, int]

_NAMED_TYPES: dict[str, Attribute] = {
    "f64": f64, "f32": f32, "f16": f16, "bf16": bf16, "f8E4M3FN": f8e4m3, "f8E5M2": f8e5m2,
    "i64": i64, "i32": i32, "i16": i16, "i8": i8, "ui8": ui8, "i1": i1,
}  # fmt: skip

_UNARY: dict[str, type[nn.NnOp]] = {op.name.removeprefix("nn."): op for op in (*nn.UNARY, nn.IsNanOp)}
_BINARY: dict[str, type[nn.NnOp]] = {op.name.removeprefix("nn."): op for op in nn.BINARY}


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


class Network:
    """A network under construction. See the module's docstring for the conventions."""

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
        self.budget = Budget()

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
            if not 1 <= low <= opt <= high:
                raise InvalidModelError(f"dim {name!r}: expected 1 <= min <= opt <= max, got {tuple(entries)}")
            self.ranges[name] = (low, opt, high)
            self.budget.sizes[name] = high

    def module(self, ranges: Mapping[str, Range] | None = None) -> ModuleOp:
        """The finished module, verified, a new one at each call; no layer can be added afterwards.

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
        module = self._module.clone()
        nn.set_symbol_ranges(module, {name: known[name] for name in known if name in used})
        if used:
            _check_sizes(module)
        return module

    def _finish(self) -> ModuleOp:
        """Closes the network: its layers become the body of `@main`."""
        results = list(self._outputs.values())
        self._block.add_op(ReturnOp(*results))
        function_type = FunctionType.from_lists([a.type for a in self._block.args], [r.type for r in results])
        function = FuncOp("main", function_type, Region(self._block))
        function.attributes["nn.inputs"] = ArrayAttr([StringAttr(name) for name in self._input_names])
        function.attributes["nn.outputs"] = ArrayAttr([StringAttr(name) for name in self._outputs])
        module = ModuleOp([function])
        if self._pins:
            nn.set_pins(module, self._pins)
        try:
            module.verify()
        except VerifyException as error:
            raise InvalidModelError(f"the network does not verify: {str(error).splitlines()[-1]}") from None
        return module

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
        self._check_open()
        for operand in op.operands:
            self.check_own(op.name, operand)
        op.location = self._location or self._layer_location(op)
        if isinstance(op, nn.NnOp):
            op.check()
        self.budget.add(op)
        self._block.add_op(op)
        return op.results[0]

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

    @checked
    def add_full(
        self, number: float, shape: Iterable[ExprLike], dtype: str | Attribute | np.dtype[Any] | type
    ) -> SSAValue:
        """A tensor whose elements are all `number`."""
        scalar = self.add_constant(np.array(number, numpy_dtype(element_type(dtype))))
        extents = extents_of("full", shape)
        return self.add_broadcast_to(scalar, extents) if extents else scalar

    @checked
    def add_iota(self, shape: Iterable[ExprLike], axis: int, dtype: str | Attribute | np.dtype[Any] | type) -> SSAValue:
        """0, 1, 2, ... along `axis`."""
        return self.insert(nn.IotaOp(list(shape), element_type(dtype), axis))

    @checked
    def add_shape_value(self, exprs: Iterable[ExprLike], shape: Sequence[int] | None = None) -> SSAValue:
        """Dim expressions as an i64 tensor: a vector, or of the given shape."""
        value = self.insert(nn.ShapeValueOp([dims.as_expr(expr) for expr in exprs]))
        return value if shape is None else self.add_reshape(value, shape)

    # Pointwise layers.

    @checked
    def add_unary(self, kind: str, x: SSAValue) -> SSAValue:
        """One of `neg abs exp log sqrt rsqrt reciprocal erf tanh sigmoid relu floor ceil round sign sin cos`, and
        `logical_not isnan`."""
        return self.insert(_kind("unary", kind, _UNARY)(x))

    @checked
    def add_binary(self, kind: str, a: Operand, b: Operand) -> SSAValue:
        """`add sub mul div pow min max mod logical_and logical_or logical_xor`, with NumPy broadcasting."""
        return self.insert(_kind("binary", kind, _BINARY)(*self._pair(a, b)))

    @checked
    def add_compare(self, predicate: str, a: Operand, b: Operand) -> SSAValue:
        """`eq ne lt le gt ge`; the result is i1."""
        check_kind("compare", predicate, tuple(nn.Predicate))
        return self.insert(nn.CompareOp(*self._pair(a, b), predicate))

    @checked
    def add_where(self, condition: SSAValue, on_true: Operand, on_false: Operand) -> SSAValue:
        """Elements of `on_true` where `condition` (i1) holds, else of `on_false`."""
        return self.insert(nn.WhereOp(condition, *self._pair(on_true, on_false)))

    def _pair(self, a: Operand, b: Operand) -> tuple[SSAValue, SSAValue]:
        left = self.operand(a, b if isinstance(b, SSAValue) else None)
        return left, self.operand(b, left)

    @checked
    def add_clip(self, x: SSAValue, low: float = -np.inf, high: float = np.inf) -> SSAValue:
        """`min(max(x, low), high)`."""
        return self.insert(nn.ClipOp(x, low, high))

    @checked
    def add_leaky_relu(self, x: SSAValue, alpha: float = 0.01) -> SSAValue:
        """`x` where `x >= 0`, else `alpha * x`."""
        return self.insert(nn.LeakyReluOp(x, alpha))

    @checked
    def add_cast(self, x: SSAValue, dtype: str | Attribute | np.dtype[Any] | type) -> SSAValue:
        """`x` with another element type; `x` itself where it has that type."""
        wanted = element_type(dtype)
        return x if nn.element_of(x) == wanted else self.insert(nn.CastOp(x, wanted))

    # Windows.

    @checked
    def add_convolution(
        self,
        x: SSAValue,
        weights: SSAValue | Array,
        bias: SSAValue | Array | None = None,
        *,
        strides: Sequence[int] = (1, 1),
        pads: Sequence[int] = (0, 0, 0, 0),
        dilations: Sequence[int] = (1, 1),
        groups: int = 1,
        layout: Layout = "NCHW",
        weights_name: str = "",
    ) -> SSAValue:
        """A 2-D convolution. `x` is N,C,H,W with weights O,C/groups,R,S (`layout="NHWC"`: N,H,W,C and O,R,S,C/groups);
        `pads` is top, left, bottom, right; `bias` has shape [O]."""
        if layout == "NHWC":
            filters = self.operand(weights)
        elif isinstance(weights, SSAValue):
            filters = self.add_transpose(weights, (0, 2, 3, 1))
        else:
            if weights.ndim != 4:
                raise InvalidModelError(f"convolution: expected weights of rank 4, got shape {weights.shape}")
            filters = self._weights_channels_last(weights, weights_name)
        image = self._to_channels_last(x, layout)
        result = self.insert(
            nn.ConvOp(
                image,
                filters,
                strides,
                pads,
                dilations,
                groups,
            )
        )
        if bias is not None:
            result = self.add_binary("add", result, bias)
        return self._from_channels_last(result, layout)

    def _weights_channels_last(self, weights: Array, name: str) -> SSAValue:
        # One copy per weight tensor: convolutions that share weights share the constant.
        key = ("O,R,S,C", digest_of(weights), weights.dtype, weights.shape, name)
        if key not in self._constants:
            self._constants[key] = self.add_constant(np.ascontiguousarray(weights.transpose(0, 2, 3, 1)), name)
        return self._constants[key]

    @checked
    def add_max_pool(
        self,
        x: SSAValue,
        kernel: Sequence[int],
        *,
        strides: Sequence[int] = (1, 1),
        pads: Sequence[int] = (0, 0, 0, 0),
        dilations: Sequence[int] = (1, 1),
        layout: Layout = "NCHW",
    ) -> SSAValue:
        """The greatest element of each window; padding is never the greatest."""
        image = self._to_channels_last(x, layout)
        pooled = self.insert(nn.MaxPoolOp(image, kernel, strides, pads, dilations))
        return self._from_channels_last(pooled, layout)

    @checked
    def add_avg_pool(
        self,
        x: SSAValue,
        kernel: Sequence[int],
        *,
        strides: Sequence[int] = (1, 1),
        pads: Sequence[int] = (0, 0, 0, 0),
        dilations: Sequence[int] = (1, 1),
        count_include_pad: bool = False,
        layout: Layout = "NCHW",
    ) -> SSAValue:
        """The mean of each window, over its elements inside the image unless `count_include_pad`."""
        image = self._to_channels_last(x, layout)
        pool = nn.AvgPoolOp(image, kernel, strides, pads, dilations, count_include_pad)
        return self._from_channels_last(self.insert(pool), layout)

    def _to_channels_last(self, x: SSAValue, layout: Layout) -> SSAValue:
        check_kind("layout", layout, ("NCHW", "NHWC"))
        rank = nn.rank_of(x)
        if layout == "NHWC" or rank < 3:
            return x
        return self.add_transpose(x, (0, *range(2, rank), 1))

    def _from_channels_last(self, x: SSAValue, layout: Layout) -> SSAValue:
        check_kind("layout", layout, ("NCHW", "NHWC"))
        rank = nn.rank_of(x)
        if layout == "NHWC" or rank < 3:
            return x
        return self.add_transpose(x, (0, rank - 1, *range(1, rank - 1)))

    # Matrix products, reductions, normalisations.

    @checked
    def add_matmul(self, a: SSAValue, b: SSAValue | Array, *, transpose_b: bool = False) -> SSAValue:
        """NumPy's matmul of two tensors of rank 2 or more; with `transpose_b` the last two dims of `b` are swapped."""
        return self.insert(nn.MatmulOp(a, self.operand(b), transpose_b))

    @checked
    def add_reduce(self, kind: str, x: SSAValue, axes: Sequence[int], *, keepdims: bool = False) -> SSAValue:
        """`sum mean max min prod sumsq` over `axes`."""
        check_kind("reduce", kind, tuple(nn.ReduceKind))
        reduced = list(axes)
        if not reduced:  # each element is reduced alone, as that of a scalar is
            return self.add_binary("mul", x, x) if kind == "sumsq" else x
        return self.insert(nn.ReduceOp(x, kind, reduced, keepdims))

    @checked
    def add_softmax(self, x: SSAValue, axis: int = -1) -> SSAValue:
        """`exp(x - max) / sum(exp(x - max))` along `axis`."""
        return self.insert(nn.SoftmaxOp(x, axis))

    @checked
    def add_layer_norm(
        self, x: SSAValue, scale: SSAValue | Array, bias: SSAValue | Array, *, axis: int = -1, epsilon: float = 1e-5
    ) -> SSAValue:
        """Normalises over all axes from `axis` on, then scales and shifts; `scale` and `bias` broadcast to these axes."""
        return self.insert(nn.LayerNormOp(x, self.operand(scale), self.operand(bias), axis, epsilon))

    @checked
    def add_batch_norm(
        self,
        x: SSAValue,
        scale: SSAValue | Array,
        bias: SSAValue | Array,
        mean: SSAValue | Array,
        variance: SSAValue | Array,
        *,
        epsilon: float = 1e-5,
        layout: Layout = "NCHW",
    ) -> SSAValue:
        """`(x - mean) / sqrt(variance + epsilon) * scale + bias` per channel (dim 1, or the last for NHWC)."""
        image = self._to_channels_last(x, layout)
        gamma, beta, centre, spread = (self.operand(parameter) for parameter in (scale, bias, mean, variance))
        return self._from_channels_last(
            self.insert(nn.BatchNormOp(image, gamma, beta, centre, spread, epsilon)), layout
        )

    @checked
    def add_lrn(
        self,
        x: SSAValue,
        *,
        size: int,
        alpha: float = 1e-4,
        beta: float = 0.75,
        bias: float = 1.0,
        layout: Layout = "NCHW",
    ) -> SSAValue:
        """Local response normalisation over `size` channels (dim 1, or the last for NHWC)."""
        image = self._to_channels_last(x, layout)
        return self._from_channels_last(self.insert(nn.LrnOp(image, size, alpha, beta, bias)), layout)

    # Data movement.

    @checked
    def add_gather(self, x: SSAValue, indices: SSAValue | Array, axis: int = 0) -> SSAValue:
        """Slices of `x` at integer indices along `axis`: the result has dims x[:axis], indices, x[axis + 1:]."""
        return self.insert(nn.GatherOp(x, self.operand(indices), axis))

    @checked
    def add_gather_nd(self, x: SSAValue, indices: SSAValue | Array, batch_dims: int = 0) -> SSAValue:
        """Slices of `x` at index tuples, the last dim of `indices`; the first `batch_dims` dims of both correspond."""
        return self.insert(nn.GatherNdOp(x, self.operand(indices), batch_dims))

    @checked
    def add_concat(self, values: Sequence[SSAValue], axis: int) -> SSAValue:
        """Tensors joined along `axis`; all their other dims are equal."""
        if not values:
            raise InvalidModelError("concat: expected at least one tensor, got none")
        return self.insert(nn.ConcatOp(list(values), axis))

    @checked
    def add_slice(
        self, x: SSAValue, starts: Iterable[ExprLike], sizes: Iterable[ExprLike], steps: Sequence[int] | None = None
    ) -> SSAValue:
        """`sizes[i]` elements from `starts[i]` on in steps of `steps[i]` (default 1), for every dim."""
        return self.insert(nn.SliceOp(x, list(starts), list(sizes), steps))

    @checked
    def add_transpose(self, x: SSAValue, permutation: Sequence[int]) -> SSAValue:
        """Result dim i is dim `permutation[i]` of `x`."""
        return self.insert(nn.TransposeOp(x, permutation))

    @checked
    def add_reshape(self, x: SSAValue, shape: Iterable[ExprLike]) -> SSAValue:
        """The same elements in row-major order with another shape; `x` itself where it has that shape."""
        extents = extents_of("reshape", shape)
        return x if nn.shape_of(x) == extents else self.insert(nn.ReshapeOp(x, extents))

    @checked
    def add_broadcast_to(self, x: SSAValue, shape: Iterable[ExprLike]) -> SSAValue:
        """NumPy's broadcast_to; `x` itself where it has that shape."""
        extents = extents_of("broadcast_to", shape)
        return x if nn.shape_of(x) == extents else self.insert(nn.BroadcastToOp(x, extents))

    @checked
    def add_pad(self, x: SSAValue, low: Sequence[int], high: Sequence[int], value: float = 0.0) -> SSAValue:
        """`low[i]` elements before and `high[i]` after dim i, all of them `value`."""
        return self.insert(nn.PadOp(x, low, high, value))

    # Quantization.

    @checked
    def add_quantize(self, x: SSAValue, scale: Operand, axis: int | None = None) -> SSAValue:
        """`x` as i8 with a symmetric scale: a scalar, or one per index of `axis`."""
        return self.insert(quant.QuantizeOp(x, self.operand(scale, x), axis))

    @checked
    def add_dequantize(self, x: SSAValue, scale: SSAValue | Array, axis: int | None = None) -> SSAValue:
        """`x * scale` of an i8 or i32 tensor, in the element type of the scale."""
        factor = self.operand(scale)
        return self.insert(quant.DequantizeOp(x, factor, axis, nn.element_of(factor)))


def _check_sizes(module: ModuleOp) -> None:
    """Raises InvalidModelError for an op whose shapes do not fit at a size that the ranges of the module's dims allow."""
    for op in module.walk():
        if isinstance(op, nn.NnOp):
            try:
                op.verify_()
            except VerifyException as error:
                ranges = ", ".join(
                    f"{name} in {low}..{high}" for name, (low, _, high) in nn.symbol_ranges(module).items()
                )
                what = str(error).removeprefix(f"{op.name}: ")
                raise InvalidModelError(f"{describe(op)}: {what}; the profile allows {ranges}") from None


def _kind(what: str, kind: str, table: Mapping[str, type[nn.NnOp]]) -> Any:
    check_kind(f"{what} layer", kind, tuple(table))
    return table[kind]
