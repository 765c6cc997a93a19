"""`nn` ops that move, make or name data: nothing here computes new numbers from its operands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import numpy as np
from xdsl.dialects.builtin import (
    AnyTensorType,
    DenseIntOrFPElementsAttr,
    IntegerAttr,
    TensorType,
    i1,
    i64,
)
from xdsl.ir import Attribute
from xdsl.irdl import (
    AnyAttr,
    ParamAttrConstraint,
    VarConstraint,
    irdl_op_definition,
    operand_def,
    prop_def,
    result_def,
    traits_def,
    var_operand_def,
)
from xdsl.traits import ConstantLike, Pure

from ..blob import BlobAttr
from ..dims import Expr, ExprLike, as_expr, const, product
from ..dtypes import element_type_of, is_integer, numpy_dtype
from ..errors import InvalidModelError
from .base import (
    DimsAttr,
    Ints,
    NnOp,
    Qualified,
    Tensor,
    Value,
    broadcast_dims,
    element_of,
    integer,
    ints,
    normalize_axis,
    rank_of,
    require,
    require_axis,
    same_dim,
    shape_of,
    tensor_type,
    ty,
    values_of,
)
from .elements import Elements

DENSE_LIMIT = 16
"""Constants up to this many elements print as `dense<...>`; larger ones are blobs."""


@irdl_op_definition
class GatherOp(NnOp):
    """
    Takes slices of x along `axis` at integer indices: result dims are x[:axis], indices, x[axis+1:]. Negative indices count from the end.
    An index outside [-size, size) breaks ONNX's rules: the importer refuses constant ones; any other gives 0 and reads nothing.
    """

    name = "nn.gather"

    x = operand_def(Tensor)
    indices = operand_def(Tensor)
    axis = prop_def(IntegerAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x `,` $indices attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, indices: Value, axis: int = 0):
        axis = normalize_axis(self.name, axis, rank_of(ty(x)))
        super().__init__(
            operands=[x, indices],
            properties={"axis": integer(axis)},
            result_types=[self.infer(ty(x), ty(indices), axis)],
        )

    @classmethod
    def infer(cls, x: Attribute, indices: Attribute, axis: int = 0) -> AnyTensorType:
        dims = shape_of(x)
        require_axis(cls.name, axis, len(dims))
        require(is_integer(element_of(indices)), lambda: f"{cls.name}: expected integer indices, got {indices}")
        return tensor_type([*dims[:axis], *shape_of(indices), *dims[axis + 1 :]], element_of(x))

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.x.type, self.indices.type, self.axis.value.data)]


@irdl_op_definition
class GatherNdOp(NnOp):
    """
    Takes slices of x at index tuples, the last dim of `indices`; the first `batch_dims` dims of both correspond. As in `nn.gather`, a tuple
    with an index out of range gives 0.
    """

    name = "nn.gather_nd"

    x = operand_def(Tensor)
    indices = operand_def(Tensor)
    batch_dims = prop_def(IntegerAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x `,` $indices attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, indices: Value, batch_dims: int = 0):
        super().__init__(
            operands=[x, indices],
            properties={"batch_dims": integer(batch_dims)},
            result_types=[self.infer(ty(x), ty(indices), batch_dims)],
        )

    @classmethod
    def infer(cls, x: Attribute, indices: Attribute, batch_dims: int = 0) -> AnyTensorType:
        dims, places = shape_of(x), shape_of(indices)
        require(
            is_integer(element_of(indices)) and 0 <= batch_dims < rank_of(indices),
            lambda: f"{cls.name}: expected integer indices of rank above batch_dims = {batch_dims}, got {indices}",
        )
        depth = places[-1].as_int()
        require(
            depth is not None and batch_dims + depth <= len(dims) and all(map(same_dim, dims[:batch_dims], places)),
            lambda: (
                f"{cls.name}: expected index tuples of static length that fit x {x} with equal batch dims, got {indices}"
            ),
        )
        return tensor_type([*places[:-1], *dims[batch_dims + (depth or 0) :]], element_of(x))

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.x.type, self.indices.type, self.batch_dims.value.data)]


@irdl_op_definition
class ConcatOp(NnOp):
    """Joins tensors along `axis`; all other dims are equal."""

    name = "nn.concat"

    inputs = var_operand_def(Tensor)
    axis = prop_def(IntegerAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$inputs attr-dict `:` functional-type(operands, results)"

    def __init__(self, inputs: Sequence[Value], axis: int):
        axis = normalize_axis(self.name, axis, rank_of(ty(inputs[0])))
        super().__init__(
            operands=[list(inputs)],
            properties={"axis": integer(axis)},
            result_types=[self.infer([ty(v) for v in inputs], axis)],
        )

    @classmethod
    def infer(cls, inputs: Sequence[Attribute], axis: int) -> AnyTensorType:
        require(len(inputs) > 0, lambda: f"{cls.name}: expected at least one operand, got none")
        shapes, first = [shape_of(t) for t in inputs], shape_of(inputs[0])
        require_axis(cls.name, axis, len(first))
        for other, shape in zip(inputs, shapes, strict=True):
            fits = len(shape) == len(first) and element_of(other) == element_of(inputs[0])
            fits = fits and all(same_dim(a, b) for i, (a, b) in enumerate(zip(first, shape, strict=True)) if i != axis)
            if not fits:
                raise InvalidModelError(
                    f"{cls.name}: expected operands that agree except in dim {axis}, got {inputs[0]} and {other}"
                )
        joined = sum((s[axis] for s in shapes), const(0))
        return tensor_type([*first[:axis], joined, *first[axis + 1 :]], element_of(inputs[0]))

    def inferred(self) -> list[Attribute]:
        return [self.infer([v.type for v in self.inputs], self.axis.value.data)]


@irdl_op_definition
class SliceOp(NnOp):
    """Takes `sizes` elements per dim (the result's dims) from `starts` on in `steps`: x[start + i * step]; steps may be negative."""

    name = "nn.slice"

    x = operand_def(Tensor)
    starts = prop_def(DimsAttr)
    steps = prop_def(Ints)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x attr-dict `:` functional-type(operands, results)"

    def __init__(
        self, x: Value, starts: Iterable[ExprLike], sizes: Iterable[ExprLike], steps: Sequence[int] | None = None
    ):
        steps = [1] * rank_of(ty(x)) if steps is None else steps
        super().__init__(
            operands=[x],
            properties={"starts": DimsAttr.get(starts), "steps": ints(steps)},
            result_types=[self.infer(ty(x), sizes)],
        )

    @classmethod
    def infer(cls, x: Attribute, sizes: Iterable[ExprLike]) -> AnyTensorType:
        return tensor_type(sizes, element_of(x))

    def check(self) -> None:
        dims, sizes, starts, steps = shape_of(self.x), shape_of(self.result), self.starts.exprs, values_of(self.steps)
        require(
            len(dims) == len(sizes) == len(starts) == len(steps) and 0 not in steps,
            lambda: (
                f"{self.name}: expected a start, a size and a nonzero step per dim of {self.x.type}, got {len(starts)} starts, "
                f"result {self.result.type} and steps {list(steps)}"
            ),
        )
        same_element = element_of(self.x) == element_of(self.result)
        require(same_element, lambda: f"{self.name}: expected a result of {element_of(self.x)}, got {self.result.type}")
        for axis, (dim, size, start, step) in enumerate(zip(dims, sizes, starts, steps, strict=True)):
            if size.as_int() == 0 or (dim.as_int() == 0 and size.as_int() is None):
                continue  # no element, or none where the number of them turns out to be 0
            for place in (start, start + (size - 1) * step):
                first, past = place.as_int(), (place - dim).as_int()
                inside = (first is None or first >= 0) and (past is None or past < 0)
                if not inside:
                    raise InvalidModelError(
                        f"{self.name}: expected indices within [0, {dim}) in dim {axis}, got index {place}"
                    )


@irdl_op_definition
class TransposeOp(NnOp):
    """Permutes dims: result dim i is dim `permutation[i]` of x."""

    name = "nn.transpose"

    x = operand_def(Tensor)
    permutation = prop_def(Ints)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, permutation: Sequence[int]):
        super().__init__(
            operands=[x],
            properties={"permutation": ints(permutation)},
            result_types=[self.infer(ty(x), permutation)],
        )

    @classmethod
    def infer(cls, x: Attribute, permutation: Sequence[int]) -> AnyTensorType:
        dims = shape_of(x)
        ordered = sorted(permutation) == list(range(len(dims)))
        require(ordered, lambda: f"{cls.name}: expected a permutation of 0..{len(dims) - 1}, got {list(permutation)}")
        return tensor_type([dims[p] for p in permutation], element_of(x))

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.x.type, values_of(self.permutation))]


@irdl_op_definition
class ReshapeOp(NnOp):
    """The same elements in row-major order with the result type's dims."""

    name = "nn.reshape"

    x = operand_def(Tensor)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, dims: Iterable[ExprLike]):
        super().__init__(operands=[x], result_types=[self.infer(ty(x), dims)])

    @classmethod
    def infer(cls, x: Attribute, dims: Iterable[ExprLike]) -> AnyTensorType:
        return tensor_type(dims, element_of(x))

    def check(self) -> None:
        equal = same_dim(product(shape_of(self.x)), product(shape_of(self.result)))
        require(
            equal and element_of(self.x) == element_of(self.result),
            lambda: f"{self.name}: expected as many elements of the same type as {self.x.type}, got {self.result.type}",
        )


@irdl_op_definition
class BroadcastToOp(NnOp):
    """Repeats x along dims of size 1 and new leading dims to the result type's dims, as NumPy broadcasts."""

    name = "nn.broadcast_to"

    x = operand_def(Tensor)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$x attr-dict `:` functional-type(operands, results)"

    def __init__(self, x: Value, dims: Iterable[ExprLike]):
        super().__init__(operands=[x], result_types=[self.infer(ty(x), dims)])

    @classmethod
    def infer(cls, x: Attribute, dims: Iterable[ExprLike]) -> AnyTensorType:
        return tensor_type(dims, element_of(x))

    def check(self) -> None:
        dims = shape_of(self.result)
        wide = broadcast_dims(self.name, shape_of(self.x), dims)
        fits = (
            len(wide) == len(dims) and all(map(same_dim, wide, dims)) and element_of(self.x) == element_of(self.result)
        )
        require(
            fits, lambda: f"{self.name}: expected a result that {self.x.type} broadcasts to, got {self.result.type}"
        )


@irdl_op_definition
class IotaOp(NnOp):
    """Counts 0, 1, 2, ... along `axis`, constant along all other dims."""

    name = "nn.iota"

    axis = prop_def(IntegerAttr)
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "attr-dict `:` type($result)"

    def __init__(self, dims: Iterable[ExprLike], element_type: Attribute, axis: int = 0):
        result = tensor_type(dims, element_type)
        axis = normalize_axis(self.name, axis, rank_of(result))
        super().__init__(properties={"axis": integer(axis)}, result_types=[result])

    def check(self) -> None:
        require_axis(self.name, self.axis.value.data, rank_of(self.result))


@irdl_op_definition
class ShapeValueOp(NnOp):
    """A 1-D i64 tensor whose elements are dim expressions: shape arithmetic that is known once the inputs' shapes are."""

    name = "nn.shape_value"

    dims = prop_def(Qualified(DimsAttr))
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$dims attr-dict `:` type($result)"

    def __init__(self, dims: Iterable[ExprLike]):
        dims = [as_expr(d) for d in dims]
        super().__init__(properties={"dims": DimsAttr(tuple(dims))}, result_types=[self.infer(dims)])

    @classmethod
    def infer(cls, dims: Sequence[ExprLike]) -> AnyTensorType:
        return TensorType(i64, [len(dims)])

    def inferred(self) -> list[Attribute]:
        return [self.infer(self.dims.exprs)]


@irdl_op_definition
class SizeOp(NnOp):
    """One dim expression as a number, which the ops that read it compute with as with a constant: no memory holds it."""

    name = "nn.size"

    size = prop_def(Qualified(DimsAttr))
    result = result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = "$size attr-dict `:` type($result)"

    def __init__(self, size: ExprLike, element_type: Attribute):
        super().__init__(properties={"size": DimsAttr.get([size])}, result_types=[TensorType(element_type, [])])

    @property
    def expr(self) -> Expr:
        return self.size.exprs[0]

    def check(self) -> None:
        require(
            len(self.size.exprs) == 1 and rank_of(self.result) == 0 and element_of(self.result) != i1,
            lambda: f"{self.name}: expected one expression and a scalar number, got {self.size} as {self.result.type}",
        )


@irdl_op_definition
class ConstantOp(NnOp):
    """A constant tensor: `dense<...>` up to 16 elements, else a `#nn.blob`."""

    name = "nn.constant"

    T: ClassVar = VarConstraint("T", Tensor)

    value = prop_def(
        ParamAttrConstraint(DenseIntOrFPElementsAttr, (T, AnyAttr()))
        | ParamAttrConstraint(BlobAttr, (AnyAttr(), AnyAttr(), T))
    )
    result = result_def(T)

    traits = traits_def(Pure(), ConstantLike())
    assembly_format = "attr-dict custom<Elements>($value)"
    custom_directives = (Elements,)

    def __init__(self, value: np.ndarray | BlobAttr | DenseIntOrFPElementsAttr, label: str = ""):
        """From an array (its name goes into the blob) or an attribute."""
        attribute = constant_attribute(value, label) if isinstance(value, np.ndarray) else value
        super().__init__(properties={"value": attribute}, result_types=[attribute.type])

    def array(self) -> np.ndarray:
        """The value, read-only."""
        return array_of(self.value)

    def drop_all_references(self) -> None:
        """As for any op that is erased; its bytes go at once, not with the next run of the garbage collector."""
        super().drop_all_references()
        self.properties.clear()


def constant_attribute(array: np.ndarray, label: str = "") -> BlobAttr | DenseIntOrFPElementsAttr:
    """`dense<...>` for up to `DENSE_LIMIT` elements, else a blob."""
    if array.size > DENSE_LIMIT:
        return BlobAttr.from_array(label, array)
    element = element_type_of(array.dtype)
    return DenseIntOrFPElementsAttr.from_list(TensorType(element, array.shape), array.reshape(-1).tolist())  # pyright: ignore


def array_of(value: Attribute) -> np.ndarray:
    """The array of a `dense<...>` or `#nn.blob` attribute, read-only."""
    if isinstance(value, BlobAttr):
        return value.array()
    assert isinstance(value, DenseIntOrFPElementsAttr)
    dtype = numpy_dtype(value.get_element_type())
    # Left to itself, NumPy takes 2 ** 63 and more for floats.
    held = np.float64 if dtype.kind in "fV" else dtype if dtype == np.uint64 else None
    flat = np.array(list(value.get_values()), dtype=held)
    shape = value.get_shape()
    array = np.full(shape, flat.astype(dtype)[0]) if flat.size == 1 else flat.astype(dtype).reshape(shape)
    array.flags.writeable = False
    return array


DATA: tuple[type[NnOp], ...] = (
    GatherOp, GatherNdOp, ConcatOp, SliceOp, TransposeOp, ReshapeOp, BroadcastToOp, IotaOp, ShapeValueOp, SizeOp, ConstantOp,
)  # fmt: skip
