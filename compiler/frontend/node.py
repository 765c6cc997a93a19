"""The input of a row of an operator table: one ONNX node, with checked attributes and its operands as `Value`s.

A `Value` is what the importer knows about one ONNX tensor: a constant array, an integer tensor whose elements are dim
expressions (the shape arithmetic of the model), an SSA value of `nn`, or several of these. Constants and expressions
become ops only when something uses them as data. The numbers of a refittable initializer, and what a few nodes compute from it, are held
back: `Value.value_of` is the only way to them, and pins the initializer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeAlias

import numpy as np
from xdsl.dialects.builtin import bf16, f16, f32, i8
from xdsl.ir import SSAValue

from ...dialects import dims, nn
from ...dialects.dtypes import element_type_of, is_float, is_integer, numpy_dtype
from ...dialects.errors import InvalidModelError
from ...dialects.limits import MAX_FOLDED, MAX_FOLDED_FLOATS, MAX_READS
from .bounds import Bounds
from .element_types import why_refused
from .folding import as_int, elements
from .intervals import intervals
from .model import GraphNode, tensor_to_array

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xdsl.ir import Attribute

    from ...dialects.dims import Expr
    from ..network import Network
    from .external_data import ExternalData
    from .model import Declared

Array = np.ndarray[Any, Any]
Sizes: TypeAlias = "Mapping[Expr, int]"
"""Dims that are one number in a branch, by what its condition says."""


class UnsupportedNode(Exception):
    """Raised by a table row: the node is valid ONNX that trtc cannot import. `fix` says what the user can do."""

    def __init__(self, why: str, fix: str = ""):
        super().__init__(why)
        self.why, self.fix = why, fix


class BranchesDiffer(UnsupportedNode):
    """Raised by the row of If: its branches make results of different ranks, or sequences, so that no one value could be either."""


class InvalidNode(Exception):
    """Raised by a table row: the node breaks the rules of ONNX."""

    def __init__(self, why: str, fix: str = ""):
        super().__init__(why)
        self.why, self.fix = why, fix


@dataclass(frozen=True)
class Quantized:
    """What DequantizeLinear read: 8-bit numbers, their scale and zero point (None for 0), and the axis of these where they are vectors."""

    values: Value
    scale: Value
    zero: Value | None
    axis: int | None

    def of(self, originals: Mapping[int, Value]) -> Quantized:
        """The same, each value replaced by that of its id."""
        zero = None if self.zero is None else originals[id(self.zero)]
        return Quantized(originals[id(self.values)], originals[id(self.scale)], zero, self.axis)


@dataclass
class Value:
    """One ONNX tensor. Only what is known is set; `poisoned` marks the result of a node that failed."""

    name: str
    array: Array | None = None
    """The elements of a constant."""
    exprs: Array | None = None
    """The elements (`int | Expr`, an object array) of an integer tensor computed from shapes."""
    dtype: np.dtype[Any] | None = None
    """Element type of `exprs`."""
    ssa: SSAValue | None = None
    poisoned: bool = False
    held: Array | None = None
    """The elements where they come from refittable initializers, which `sources` lists: for `value_of` alone."""
    sources: tuple[Value, ...] = ()
    items: list[Value] | None = None
    """The tensors of a sequence, which has nothing else than these and a stack."""
    stack: Value | None = None
    """The tensors that iterations of a loop appended to a sequence, joined along a new first dim."""
    quantized: Quantized | None = None
    """Where DequantizeLinear made it: a product may then compute with the integers."""

    def value_of(self, net: Network, why: str) -> Array | None:
        """The elements where all are known numbers, or None. The initializers that they come from are pinned, with the reason `why`."""
        for source in self.sources:
            source.pin(net, why)
        self._show()
        return self.constant()

    def hold_back(self) -> None:
        """Make a constant of the model refittable, where it is a weight. A single number of a Constant node is not: exporters write the
        constants of their own formulas so."""
        if self.array is not None and is_refittable(self.array) and (self.name or self.array.size > 1):
            self.array, self.held, self.sources = None, self.array, (self,)

    def pin(self, net: Network, why: str) -> None:
        """Make an initializer's numbers structural from here on, whatever has been computed from them so far."""
        net.pin(self.name, why)
        if self.held is not None:
            net.add_initializer(self.name, self.held)  # so that the module has its name, type and digest, used or not
            self._show()

    def _show(self) -> None:
        if self.held is not None:
            self.array, self.held, self.sources = self.held, None, ()

    def constant(self) -> Array | None:
        """The elements where all are known numbers, or None."""
        if self.array is not None or self.exprs is None:
            return self.array
        ints = [as_int(element) for element in self.exprs.reshape(-1)]
        return None if None in ints else np.array(ints, self.dtype).reshape(self.exprs.shape)

    def small_constant(self) -> Array | None:
        """`constant()`, where shape arithmetic may need it: a few thousand integers, or a scale in floats."""
        array = self.constant()
        if array is None or array.size > (MAX_FOLDED if array.dtype.kind in "iub" else MAX_FOLDED_FLOATS):
            return None
        return array

    def known(self) -> Array | None:
        """The elements as `int | Expr` in an object array, or None where they are data, not shape arithmetic."""
        if self.exprs is not None:
            return self.exprs
        array = self.small_constant()
        if array is None:
            return None
        if array.dtype.kind in "iub":
            return array.astype(object)
        # Shape arithmetic may pass through floats (a scale of 2.0); whole numbers in them stay exact.
        if array.dtype.kind == "f":
            wide = array.astype(np.float64)
            whole = (np.abs(wide) < 2**24) & (wide == np.rint(wide))
            return wide.astype(np.int64).astype(object) if whole.all() else None
        return None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is known: an initializer that has not been read yet."""
        known = (self.ssa, self.array, self.held, self.exprs, self.items)
        return not self.poisoned and all(each is None for each in known)

    @property
    def is_open(self) -> bool:
        """Whether an op makes the value, and its elements are not known."""
        return self.ssa is not None and self.array is None and self.held is None and self.exprs is None

    @property
    def shape(self) -> tuple[Expr, ...]:
        if self.ssa is not None:
            return nn.shape_of(self.ssa)
        self._check_tensor()
        held = next((known for known in (self.array, self.held, self.exprs) if known is not None), None)
        assert held is not None
        return tuple(map(dims.const, held.shape))

    @property
    def element_type(self) -> Attribute:
        if self.ssa is not None:
            return nn.element_of(self.ssa)
        self._check_tensor()
        known = self.array if self.array is not None else self.held
        dtype = known.dtype if known is not None else self.dtype
        assert dtype is not None
        return _element_type(dtype, str(dtype).upper())

    def materialise(self, net: Network) -> SSAValue:
        """The value as data: a constant or an `nn.shape_value` made on first use. Raises `UnsupportedNode` for a sequence."""
        self._check_tensor()
        if self.ssa is None:
            if self.array is not None:
                _element_type(self.array.dtype, str(self.array.dtype).upper())
                self.ssa = net.add_constant(self.array, self.name)
            elif self.held is not None:
                self.ssa = net.add_initializer(self.name, self.held)
            else:
                assert self.exprs is not None
                self.ssa = self._from_exprs(net, self.exprs)
            if self.name:  # what is made on the way to a result has none
                net.name(self.ssa, self.name)
        return self.ssa

    def _check_tensor(self) -> None:
        if self.items is not None:
            raise UnsupportedNode(*self.why_no_tensor)

    @property
    def why_no_tensor(self) -> tuple[str, str]:
        """Why a sequence cannot be data, and what to do."""
        if self.stack is not None:
            shape = ", ".join(map(str, self.stack.shape[1:]))
            return (
                f"{self.name!r} is a sequence of the tensors [{shape}] that the iterations of a loop appended",
                "join them by ConcatFromSequence, or take one by SequenceAt",
            )
        return (
            f"{self.name!r} is a sequence of {len(self.items or ())} tensors, which only exists at import",
            "use a tensor with one more dim, Split, or Concat",
        )

    def _from_exprs(self, net: Network, exprs: Array) -> SSAValue:
        constant = self.constant()
        if constant is not None:
            return net.add_constant(constant, self.name)
        value = net.add_shape_value(exprs.reshape(-1), None if exprs.ndim == 1 else exprs.shape)
        return net.add_cast(value, self.element_type)


class Body(Protocol):
    """A graph that becomes a function: first the arguments that it is begun with, then the outer values that it captures."""

    @property
    def net(self) -> Network:
        """Where its ops are built."""
        ...

    @property
    def arguments(self) -> Sequence[SSAValue]:
        """Those that it is begun with."""
        ...

    @property
    def captured(self) -> Sequence[Value]:
        """The outer values that it captures."""
        ...

    def import_nodes(self, operands: Sequence[Value]) -> list[Value]:
        """The results of the graph for these operands."""
        ...

    def capture(self, value: Value) -> Value:
        """An outer value inside the function: a number or shape again, anything else as an argument."""
        ...

    def finish(self, results: Sequence[SSAValue], captures: Sequence[Value] | None = None) -> str:
        """Makes the function, and returns its name. With `captures`, its last arguments are these, captured or not."""
        ...


class Graphs(Protocol):
    """The graphs in the attributes of a node."""

    def inlined(
        self, attribute: str, operands: Sequence[Value], part: str = "", sizes: Sizes | None = None
    ) -> list[Value]:
        """The results of a graph for these operands; its ops are built where the node stands. `part` tells repeated uses apart. Outer
        tensors have the dims that `sizes` says."""
        ...

    def body(self, attribute: str, types: Sequence[Attribute], sizes: Sizes | None = None) -> Body:
        """The graph as a function that is begun with arguments of these types. Outer tensors have the dims that `sizes` says."""
        ...

    def is_appended(self, number: int) -> bool:
        """Whether the body of a Loop does nothing with a carried value but insert one tensor at its end."""
        ...

    def size(self, attribute: str) -> int:
        """The number of nodes of a graph, without those of graphs in it."""
        ...

    def problem_count(self) -> int:
        """The number of problems that were found so far."""
        ...

    def are_invalid(self, count: int) -> bool:
        """Whether all that was found since there were `count` problems breaks the rules of ONNX."""
        ...

    def forget_problems(self, count: int) -> None:
        """Forgets those found since there were `count`, of a body that is not used."""
        ...


@dataclass
class Node:
    """One node that is being imported; table rows read operands and attributes from it and build with `net`."""

    graph_node: GraphNode
    inputs: list[Value | None]
    opset: int
    net: Network
    external: ExternalData
    used: frozenset[str] = frozenset()
    """The values that some node or graph output reads."""
    result_dtype: np.dtype[Any] | None = None
    """Element type of a folded result, where it is not that of the first operand (set by the folds of Cast)."""
    narrow: Attribute | None = None
    """The element type that `in_f32` widened, to which the results are rounded."""
    graphs: Graphs | None = None
    """Imports the graphs in its attributes; None for a node without any."""
    bounds: Bounds = field(default_factory=Bounds)
    """How much data may decide."""
    declared: Mapping[str, Declared] = field(default_factory=dict[str, "Declared"])
    """The shapes that the model declares for values by name, which may be stale."""
    _attributes: dict[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        self._attributes = {attribute.name: attribute for attribute in self.graph_node.proto.attribute}

    @property
    def op_type(self) -> str:
        return self.graph_node.proto.op_type

    @property
    def output_count(self) -> int:
        return len(self.graph_node.proto.output)

    def wants(self, index: int) -> bool:
        """Whether something reads the node's result `index`."""
        outputs = self.graph_node.proto.output
        return index < len(outputs) and outputs[index] in self.used

    def most(self, output: int, axis: int, derived: int | None = None, likely: int | None = None) -> int:
        """The most elements that data may give dim `axis` of result `output`, or iterations: what the user allows, else what the shapes
        allow (`derived`), else what the model declares, else what is likely, else a default."""
        names = self.graph_node.proto.output
        shape = self.declared.get(names[output]) if output < len(names) else None
        said = shape[axis] if shape is not None and axis < len(shape) else None
        said = likely if said is None else said
        return self.bounds.most(self.graph_node.label, self.op_type, derived, said)

    def most_of_each(self, rank: int, derived: Sequence[int | None] | None = None) -> list[int]:
        """`most` of each dim of the first result."""
        return [self.most(0, axis, None if derived is None else derived[axis]) for axis in range(rank)]

    def most_along(self, axes: Sequence[int]) -> list[int]:
        """`most` of these dims of the first result."""
        return [self.most(0, axis) for axis in axes]

    def read_sizes(self, sizes: SSAValue, most: Sequence[int], what: str) -> list[Expr]:
        """The elements of an integer vector as symbols, which the host reads, each from 0 to its entry of `most`.
        Those that other sizes give lie where these allow."""
        found: list[Expr] = []
        ends = intervals(sizes, self.net.ranges) or [None] * len(most)
        for number, (bound, known) in enumerate(zip(most, ends, strict=True)):
            one = self.net.add_slice(sizes, [number], [1])
            name = f"{self.graph_node.label}_{what}_{number}"
            low = 0
            if known is not None and known[1] >= 0:
                bound = self.bounds.tightened(self.graph_node.label, self.op_type, bound, known[1])
                low = min(max(known[0], 0), bound)
            typical = max(bound // 2, min(bound, 1), low)
            found.append(self.net.read(one, name, (low, typical, bound)))
        return found

    def unsupported(self, why: str, fix: str = "") -> NoReturn:
        raise UnsupportedNode(why, fix)

    def invalid(self, why: str, fix: str = "") -> NoReturn:
        raise InvalidNode(why, fix)

    # Attributes.

    def has(self, name: str) -> bool:
        return name in self._attributes

    def _attribute(self, name: str, kind: str) -> Any:
        import onnx

        attribute = self._attributes.get(name)
        if attribute is None:
            return None
        expected = onnx.AttributeProto.AttributeType.Value(kind)
        if attribute.type != expected:
            got = onnx.AttributeProto.AttributeType.Name(attribute.type)
            self.invalid(f"attribute {name!r} should be of type {kind}, got {got}", "export the model again")
        return attribute

    def int(self, name: str, default: int | None = None) -> int:
        attribute = self._attribute(name, "INT")
        return self._default(name, default) if attribute is None else int(attribute.i)

    def float(self, name: str, default: float | None = None) -> float:
        """Attributes are float32, and so are the defaults of the schema: 1e-5 is not the double."""
        attribute = self._attribute(name, "FLOAT")
        return float(np.float32(self._default(name, default) if attribute is None else attribute.f))

    def string(self, name: str, default: str | None = None) -> str:
        attribute = self._attribute(name, "STRING")
        return self._default(name, default) if attribute is None else attribute.s.decode(errors="replace")

    def ints(self, name: str, default: list[int] | None = None) -> list[int]:
        attribute = self._attribute(name, "INTS")
        return self._default(name, default) if attribute is None else [int(i) for i in attribute.ints]

    def floats(self, name: str) -> list[float]:
        attribute = self._attribute(name, "FLOATS")
        return self._default(name, None) if attribute is None else [float(f) for f in attribute.floats]

    def tensor(self, name: str) -> Array:
        attribute = self._attribute(name, "TENSOR")
        if attribute is None:
            return self._default(name, None)
        return tensor_to_array(attribute.t, self.external, f"attribute {name!r}")

    def given(self, names: Sequence[str]) -> dict[str, Any]:
        """The values of those of the named attributes that the node has."""
        import onnx.helper

        return {
            name: onnx.helper.get_attribute_value(self._attributes[name]) for name in names if name in self._attributes
        }

    def _default(self, name: str, default: Any) -> Any:
        if default is None:
            self.invalid(f"attribute {name!r} is missing", "export the model again")
        return default

    # Operands.

    def in_f32(self) -> None:
        """From here on operands of f16 and bf16 are read as f32, and the node's results are rounded once.

        A row that makes several rounding ops calls this first. Folding rounds after each op, a fused kernel only where it
        stores: without this call the two would differ, and a sum of squares in f16 would overflow.
        """
        if self.element_type(0) in (f16, bf16):
            self.narrow = self.element_type(0)

    def widened(self, value: SSAValue) -> SSAValue:
        """A value in the type that the node computes in."""
        return self.net.add_cast(value, f32) if self.narrow and nn.element_of(value) in (f16, bf16) else value

    def has_input(self, index: int) -> bool:
        return index < len(self.inputs) and self.inputs[index] is not None

    def value(self, index: int) -> Value:
        if not self.has_input(index):
            self.invalid(f"operand {index} is missing", "export the model again")
        value = self.inputs[index]
        assert value is not None
        return value

    def data(self, index: int) -> SSAValue:
        """Operand `index` as an SSA value; constants and shape arithmetic become ops here."""
        return self.widened(self.value(index).materialise(self.net))

    def results(self, made: SSAValue | Value | Sequence[SSAValue | Value]) -> list[Value]:
        """What the node's row made, as values."""
        values = [made] if isinstance(made, SSAValue | Value) else list(made)
        return [Value("", ssa=self._rounded(value)) if isinstance(value, SSAValue) else value for value in values]

    def _rounded(self, value: SSAValue) -> SSAValue:
        return self.net.add_cast(value, self.narrow) if self.narrow and nn.element_of(value) == f32 else value

    def called(self, index: int) -> str:
        name = self.value(index).name
        return f" ({name!r})" if name else ""

    def _why(self, what: str) -> str:
        """The reason for reading the numbers of an operand, as `value_of` takes it."""
        return f"the {what} of {self.op_type} {self.graph_node.label}"

    def known(self, index: int, what: str, most: Sequence[int] | None = None, *, clip: bool = False) -> Array:
        """Operand `index` as `int | Expr` elements. The host reads sizes that are computed from data, each from 0 to its entry of `most`,
        by default what the model declares for that dim of the result; with `clip`, others mean the nearest of these."""
        value = self.value(index)
        value.value_of(self.net, self._why(what))
        known = value.known()
        if known is None and value.is_open:
            known = self._read(index, what, most, clip)
        if known is None:
            self.unsupported(
                f"its {what}{self.called(index)} is computed from data",
                f"make the {what} a constant or a function of input shapes",
            )
        return known

    def _read(self, index: int, what: str, most: Sequence[int] | None, clip: bool) -> Array | None:
        """The elements of an operand as symbols that the host reads; None where it has none that it could read."""
        value = self.value(index)
        length = dims.product(value.shape).as_int()
        if length is None or length > MAX_READS or not is_integer(value.element_type):
            return None
        bounds = self.most_of_each(length) if most is None else most
        sizes = self.net.add_reshape(self.data(index), [length])
        if clip:
            ends = self.net.add_cast(self.net.add_constant(np.array(bounds)), self.net.element(sizes))
            sizes = self.net.add_binary("min", self.net.add_binary("max", sizes, 0), ends)
        sizes = self.read_sizes(sizes, bounds, what)
        shape = [extent.as_int() or 0 for extent in value.shape]
        known = elements(sizes, tuple(shape))
        if not clip:  # else it is not what the value is for others
            value.exprs, value.dtype = known, numpy_dtype(value.element_type)
        return known

    def known_ints(self, index: int, what: str) -> list[int]:
        """Operand `index`, a constant list of integers."""
        if self.value(index).is_open and dims.product(self.shape(index)).as_int() != 0:
            self.unsupported(
                f"its {what}{self.called(index)} is computed from data",
                f"make the {what} a constant of the model, or bind the input that it comes from to one (option constants)",
            )
        values = [as_int(element) for element in self.known(index, what).reshape(-1)]
        if any(value is None for value in values):
            self.unsupported(
                f"its {what}{self.called(index)} depends on dynamic dims",
                "fix those dims in the profile (min = opt = max)",
            )
        return [value for value in values if value is not None]

    def constant(self, index: int, what: str) -> Array:
        """Operand `index`, which must be a constant."""
        constant = self.value(index).value_of(self.net, self._why(what))
        if constant is not None:
            return constant
        self.unsupported(
            f"its {what}{self.called(index)} is not a constant", f"make the {what} a constant of the model"
        )

    def shape(self, index: int) -> tuple[Expr, ...]:
        """The shape of operand `index`, without making it an op."""
        return self.value(index).shape

    def rank(self, index: int) -> int:
        return len(self.shape(index))

    def element_type(self, index: int) -> Attribute:
        """The element type of operand `index`, without making it an op."""
        return self.value(index).element_type

    def onnx_type(self, code: int) -> Attribute:
        """The element type of an ONNX data type code. Raises `UnsupportedNode` for those that no tensor of `nn` has."""
        return onnx_element_type(code)

    def numpy_dtype(self, element_type: Attribute) -> np.dtype[Any]:
        return numpy_dtype(element_type)

    def axis(self, axis: int, rank: int) -> int:
        """`axis` counted from the front; the node is invalid where it is out of range."""
        if not -rank <= axis < rank:
            self.invalid(f"axis {axis} is out of range for rank {rank}")
        return axis % rank


def is_refittable(array: Array) -> bool:
    """Whether a tensor of a model is a weight: floats of a type that `nn` has, or i8 matrices, which are quantized weights. Shapes, axes,
    indices and zero points are none."""
    try:
        element = element_type_of(array.dtype)
    except InvalidModelError:
        return False
    return is_float(element) or (element == i8 and array.ndim > 1)


def onnx_element_type(code: int) -> Attribute:
    """The element type of an ONNX data type code. Raises `UnsupportedNode` for those that no tensor of `nn` has."""
    import onnx

    known = code in onnx.TensorProto.DataType.values()
    name = onnx.TensorProto.DataType.Name(code) if known else str(code)
    if name in ("STRING", "UNDEFINED") or not known:
        raise UnsupportedNode(*why_refused(name))
    return _element_type(np.dtype(onnx.helper.tensor_dtype_to_np_dtype(code)), name)


def _element_type(dtype: np.dtype[Any], name: str) -> Attribute:
    try:
        return element_type_of(dtype)
    except InvalidModelError:
        raise UnsupportedNode(*why_refused(name)) from None
