"""The input of a row of an operator table: one ONNX node, with checked attributes and its operands as `Value`s."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from xdsl.dialects.builtin import bf16, f16, f32
from xdsl.ir import SSAValue

from ...dialects import dims, nn
from ...dialects.dtypes import is_integer, numpy_dtype
from ...dialects.limits import MAX_READS
from .bounds import Bounds
from .element_types import onnx_element_type
from .folding import as_int, elements
from .intervals import intervals
from .model import GraphNode, tensor_to_array
from .problems import InvalidNode, UnsupportedNode
from .value import Array, Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from xdsl.ir import Attribute

    from ...dialects.dims import Expr
    from ..network import Network
    from .external_data import ExternalData
    from .graphs import Graphs
    from .model import Declared


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
