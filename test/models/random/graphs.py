"""Small random ONNX graphs out of the supported operators, by seed, whose every value is known and well conditioned.

A graph grows node by node. Each candidate runs alone in ONNX Runtime, once for every set of input sizes and once more on operands
that are perturbed by the rounding errors of the precision under test; a node that ONNX Runtime refuses, whose values leave a
sane range, or whose result moves by more than the comparison allows, is dropped. What stays can be compared with a tight
tolerance: a difference is a defect, not an ill-conditioned graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import onnx.printer
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

Array = np.ndarray[Any, Any]
OPSETS = (11, 13, 17, 18, 21)
LARGEST = 1e3
"""Values beyond this are not sane for a comparison in half precision."""

# precision: (perturbation of each result, how much a value may move under the perturbations so far)
CONDITION = {"fp32": (1e-6, 2e-5), "fp16": (4e-4, 3e-3), "bf16": (4e-3, 3e-2)}
_MARGIN = 4
"""How many times as far as the rounding drawn for a value it may move without changing an integer that is made of it."""
STORED = {"fp16": np.float16, "bf16": ml_dtypes.bfloat16}
_EXACT = (
    "Abs Neg Relu Floor Ceil Round Sign Identity Cast CastLike Reshape Transpose Squeeze Unsqueeze Flatten Expand Tile Concat Split "
    "Pad DepthToSpace SpaceToDepth ReverseSequence ScatterElements ScatterND TopK OneHot ArgMax ArgMin Gather "
    "GatherElements GatherND Slice Max Min Clip Where ReduceMax ReduceMin MaxPool GlobalMaxPool Trilu "
    "Dropout "
    "ConstantOfShape Range Shape Size Resize Constant"
)
"""Operators that do not round."""


@dataclass(frozen=True)
class Case:
    """A model, its inputs for every set of sizes, and the profiles of its dynamic dims."""

    seed: int
    model: ModelProto
    inputs: list[dict[str, Array]]
    profiles: dict[str, tuple[int, int, int]]

    @property
    def holds_half(self) -> bool:
        """Whether a node casts to fp16, which limits the precision of all that follows."""
        casts = (a for node in nodes_of(self.model.graph) for a in node.attribute if a.name == "to")
        return any(a.i == TensorProto.FLOAT16 for a in casts)

    def __str__(self) -> str:
        return f"seed {self.seed}:\n{onnx.printer.to_text(self.model)}"


@dataclass
class Value:
    """One tensor for every set of sizes, as it is and under the rounding errors of the nodes before it."""

    arrays: list[Array]
    moved: list[Array]
    constant: bool = False

    def at(self, sample: int, times: int) -> Array:
        """The tensor of a set of sizes, moved so many times as far as `moved` is."""
        plain, moved = self.arrays[sample], self.moved[sample]
        if times in (0, 1) or self.dtype.kind != "f":
            return moved if times == 1 else plain
        with np.errstate(all="ignore"):
            return np.asarray(plain + times * (moved - plain)).astype(plain.dtype)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.arrays[0].shape

    @property
    def rank(self) -> int:
        return self.arrays[0].ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.arrays[0].dtype

    @property
    def static(self) -> bool:
        return all(array.shape == self.shape for array in self.arrays)


@dataclass
class Maker:
    """A graph that grows."""

    rng: np.random.Generator
    precision: str = "fp32"
    opset: int = 17
    sizes: list[int] = field(default_factory=lambda: [2])
    """The sizes of the dynamic dim N; one for a static graph."""
    nodes: list[NodeProto] = field(default_factory=list[NodeProto])
    weights: dict[str, Array] = field(default_factory=dict[str, Array])
    inputs: dict[str, tuple[int, list[int | str]]] = field(default_factory=dict[str, tuple[int, list[int | str]]])
    values: dict[str, Value] = field(default_factory=dict[str, Value])
    outer: Maker | None = None
    """The graph around this one, whose values it reads."""
    prefix: str = ""
    """What the names of this graph begin with: no graph in it or around it has the same."""
    graphs: int = 0
    """How many graphs of its nodes have been begun."""
    elements: int = 4000
    """The most that a value may have."""
    masked: set[str] = field(default_factory=set[str])
    """Scores with a mask and what masks are made of: values beyond all bounds, which no other operator may read, and no output may be."""

    # Choices.

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def choice(self, items: Sequence[Any]) -> Any:
        return items[int(self.rng.integers(len(items)))]

    def word(self, words: str) -> str:
        """One of the words."""
        return self.choice(words.split())

    def number(self, low: int, high: int) -> int:
        """A number in [low, high]."""
        return int(self.rng.integers(low, high + 1))

    def pick(self, test: Callable[[Value], bool]) -> str | None:
        """A value that passes the test, late ones more often."""
        fitting = [name for name, value in self.values.items() if name not in self.masked and test(value)]
        if not fitting:
            return None
        return fitting[-1 - min(int(self.rng.exponential(2.0)), len(fitting) - 1)]

    def float_value(self, rank: int | None = None, *, least: int = 0) -> str:
        """A float value of this rank (or of at least `least`); a new input where there is none."""
        found = self.pick(lambda v: v.dtype.kind == "f" and v.rank >= least and rank in (None, v.rank))
        if found is not None and self.chance(0.9):
            return found
        return self.input(rank if rank is not None else self.number(least, 4))

    # Growing.

    def fresh(self, stem: str = "v", ahead: int = 0) -> str:
        return f"{self.prefix}{stem}{len(self.values) + ahead}"

    def inside(self, arguments: Mapping[str, Value]) -> Maker:
        """A graph for an attribute of a node: it reads the values of this one and `arguments`, by their names after its prefix."""
        self.graphs += 1
        made = Maker(self.rng, self.precision, self.opset, self.sizes)
        made.outer, made.prefix = self, f"{self.prefix}g{self.graphs}_"
        made.values = dict(self.values) | {f"{made.prefix}{name}": value for name, value in arguments.items()}
        made.masked = set(self.masked)
        return made

    @property
    def depth(self) -> int:
        return 0 if self.outer is None else self.outer.depth + 1

    def is_made_here(self, name: str) -> bool:
        """Whether a node of this graph makes the value, and not of constants alone."""
        return not self.values[name].constant and any(name in node.output for node in self.nodes)

    def graph(self, arguments: Sequence[str], results: Sequence[str]) -> GraphProto:
        """The graph of a node. Its arguments and results may change their shapes, and so have none, but for single numbers."""
        infos = [
            [
                helper.make_tensor_value_info(
                    name,
                    helper.np_dtype_to_tensor_dtype(self.values[name].dtype),
                    None if self.values[name].rank else [],
                )
                for name in names
            ]
            for names in (arguments, results)
        ]
        weights = [numpy_helper.from_array(array, name) for name, array in self.weights.items()]
        return helper.make_graph(self.nodes, self.prefix.strip("_"), *infos, weights)

    def input(self, rank: int, dtype: type = np.float32, shape: Sequence[int] | None = None) -> str:
        """A new graph input; its first dim may be dynamic."""
        extents: list[int] = (
            list(shape) if shape is not None else [self.choice((1, 2, 3, 4, 5, 7)) for _ in range(rank)]
        )
        declared: list[int | str] = list(extents)
        dynamic = len(self.sizes) > 1 and rank > 0 and self.chance(0.7)
        if dynamic:
            declared[0] = "N"
        arrays = [self.data([n, *extents[1:]] if dynamic else extents, dtype) for n in self.sizes]
        if not dynamic:
            arrays = [arrays[0]] * len(arrays)
        return self.given(arrays, declared)

    def given(self, arrays: list[Array], declared: Sequence[int | str]) -> str:
        """A new input, of the outermost graph, that has these numbers for the sets of sizes."""
        if self.outer is not None:
            name = self.outer.given(arrays, declared)
            self.values[name] = self.outer.values[name]
            return name
        name = self.fresh("x")
        self.inputs[name] = (helper.np_dtype_to_tensor_dtype(arrays[0].dtype), list(declared))
        self.values[name] = Value(arrays, [self.rounded(array) for array in arrays])
        return name

    def rounded(self, array: Array) -> Array:
        """An input or a weight as the precision under test stores it, in its own type."""
        stored = STORED.get(self.precision)
        if stored is None or array.dtype.kind != "f":
            return array
        with np.errstate(over="ignore"):
            narrow = array.astype(stored).astype(array.dtype)
        return np.where(np.isfinite(narrow), narrow, array)  # what the type does not hold is kept wide

    def data(self, shape: Sequence[int], dtype: type) -> Array:
        if np.dtype(dtype).kind == "b":
            return np.asarray(self.rng.random(tuple(shape)) < 0.5)
        if np.dtype(dtype).kind in "iu":
            low = 0 if np.dtype(dtype).kind == "u" else -6
            return np.asarray(self.rng.integers(low, 7, tuple(shape))).astype(dtype)
        return np.asarray(self.rng.standard_normal(tuple(shape)) * 1.3).astype(dtype)

    def constant(self, array: Any, dtype: Any = None) -> str:
        """A constant: an initializer, or the result of a Constant node."""
        array = np.asarray(array, dtype)
        name = self.fresh("c")
        if self.chance(0.7):
            self.weights[name] = array
        else:
            self.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array)))
        arrays = [array] * len(self.sizes)
        self.values[name] = Value(arrays, [self.rounded(array)] * len(self.sizes), True)
        return name

    def weight(self, shape: Sequence[int], scale: float = 0.5) -> str:
        return self.constant(self.rng.standard_normal(tuple(shape)) * scale, np.float32)

    def emit(
        self,
        op: str,
        inputs: Sequence[str],
        outputs: int = 1,
        *,
        domain: str = "",
        masked: bool = False,
        **attributes: Any,
    ) -> list[str] | None:
        """Add a node unless ONNX Runtime refuses it or its values are of no use; the names of its results. `masked`: their values may be as
        large as they like."""
        names = [self.fresh(ahead=i) for i in range(outputs)]
        node = helper.make_node(op, inputs, names, domain=domain, **attributes)
        results = self._run(node, masked)
        if results is None:
            return None
        self.nodes.append(node)
        self.masked.update(names if masked else ())
        for name, value in zip(names, results, strict=True):
            self.values[name] = value
        return names

    def _run(self, node: NodeProto, masked: bool) -> list[Value] | None:
        made: list[Value] = [Value([], []) for _ in node.output]
        step, allowed = CONDITION[self.precision]
        for sample in range(len(self.sizes)):
            plain = self._run_once(node, sample, 0)
            moved = plain and self._run_once(node, sample, 1)
            if plain is None or moved is None or not self._is_decided(node, sample, plain):
                return None
            for value, a, b in zip(made, plain, moved, strict=True):
                if a.size > self.elements or a.ndim > 6 or a.shape != b.shape:
                    return None
                if a.dtype.kind == "f":
                    if not masked and (not np.isfinite(a).all() or (a.size and np.abs(a).max() > LARGEST)):
                        return None
                    with np.errstate(invalid="ignore"):  # where masks are infinite
                        away = np.linalg.norm(a.astype(np.float64) - b)
                    if away > allowed * np.linalg.norm(a.astype(np.float64)):
                        return None
                    if node.op_type not in _EXACT.split() and not masked:
                        b = np.asarray(b * (1 + step * self.rng.uniform(-1, 1, b.shape))).astype(b.dtype)
                elif not np.array_equal(a, b):
                    return None
                value.arrays.append(a)
                value.moved.append(b)
        return made

    def _is_decided(self, node: NodeProto, sample: int, plain: Sequence[Array]) -> bool:
        """Whether the integers that a node makes of numbers stay under more rounding, up or down: a place, a comparison."""
        whole = [a.dtype.kind != "f" for a in plain]
        numbers = any(v.dtype.kind == "f" and not v.constant for v in map(self.values.__getitem__, reads(node)))
        if not any(whole) or not numbers:
            return True
        for times in (_MARGIN, -_MARGIN):
            again = self._run_once(node, sample, times)
            if again is None or not all(np.array_equal(a, b) for a, b, w in zip(plain, again, whole, strict=True) if w):
                return False
        return True

    def _run_once(self, node: NodeProto, sample: int, times: int) -> list[Array] | None:
        """The results of a node whose operands have moved so many times as far as the rounding so far moves them."""
        given = {name: self.values[name] for name in reads(node)}
        arrays = {name: v.at(sample, times) for name, v in given.items()}
        feeds = {name: array for name, array in arrays.items() if not given[name].constant}
        inputs = [_declared(name, array) for name, array in feeds.items()]
        weights = [numpy_helper.from_array(array, name) for name, array in arrays.items() if given[name].constant]
        outputs = [helper.make_empty_tensor_value_info(name) for name in node.output]
        model = make_model(helper.make_graph([node], "node", inputs, outputs, weights), self.opset)
        if not onnx.defs.has(node.op_type, self.opset):
            return None
        try:
            return run_onnxruntime(model, feeds)
        except Exception:
            return None

    # The end.

    def finish(self, seed: int, also: float = 0.12) -> Case:
        """The graph with some of its values as outputs: most of what nothing reads, and `also` this share of what is read."""
        read = {name for node in self.nodes for name in reads(node)}
        made = [name for node in self.nodes for name in node.output if not self.values[name].constant]
        made = [name for name in made if name not in self.masked]
        ends = [name for name in made if name not in read]
        outputs = [name for name in ends if self.chance(0.9)] or ends[-1:]
        outputs += [name for name in made if name in read and self.chance(also)]
        if self.chance(0.08):
            outputs += [self.choice(list(self.inputs))]
        if self.weights and self.chance(0.05):
            outputs += [self.choice(list(self.weights))]
        outputs = [outputs[i] for i in self.rng.permutation(len(outputs))]
        infos = [_output(name, self.values[name].arrays) for name in outputs]
        inputs = [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in self.inputs.items()]
        weights = [numpy_helper.from_array(array, name) for name, array in self.weights.items()]
        model = make_model(helper.make_graph(self.nodes, f"seed{seed}", inputs, infos, weights), self.opset)
        feeds = [{name: self.values[name].arrays[i] for name in self.inputs} for i in range(len(self.sizes))]
        dynamic = any("N" in shape for _, shape in self.inputs.values())
        return Case(seed, model, feeds if dynamic else feeds[:1], {"N": (1, 2, 4)} if dynamic else {})


def nodes_of(graph: GraphProto) -> Iterator[NodeProto]:
    """The nodes of a graph, and those of graphs in them."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from nodes_of(attribute.g)


def reads(node: NodeProto) -> list[str]:
    """What a node reads of the graph that it is in, the values that its own graphs capture among it."""
    names = [name for name in node.input if name]
    for graph in (attribute.g for attribute in node.attribute):
        own = {value.name for value in (*graph.input, *graph.initializer)} | {
            n for each in graph.node for n in each.output
        }
        names += [name for each in graph.node for name in reads(each) if name not in own]
    return list(dict.fromkeys(names))


def _declared(name: str, array: Array) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)


def _output(name: str, arrays: Sequence[Array]) -> onnx.ValueInfoProto:
    """A graph output, with a name for each dim that the samples do not agree on."""
    kind = helper.np_dtype_to_tensor_dtype(arrays[0].dtype)
    extents = zip(*(array.shape for array in arrays), strict=True)
    shape = [sizes[0] if len(set(sizes)) == 1 else f"{name}_d{i}" for i, sizes in enumerate(extents)]
    return helper.make_tensor_value_info(name, kind, shape)


def make_model(graph: onnx.GraphProto, opset: int) -> ModelProto:
    """A model that ONNX Runtime reads."""
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8 if opset < 21 else 10)


def run_onnxruntime(model: ModelProto, inputs: dict[str, Array]) -> list[Array]:
    """The outputs by ONNX Runtime on the CPU without optimizations."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [np.asarray(result) for result in session.run(None, inputs)]


def assert_close(got: Array, expected: Array, tolerance: float, what: str) -> None:
    """Shapes, types, integers and entries that are not finite agree exactly, the others to a relative error of norms."""
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype), f"{what}: got {got.dtype}{got.shape}"
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(got, expected, err_msg=what)
        return
    a, b = got.astype(np.float64), expected.astype(np.float64)
    special = ~np.isfinite(b)
    np.testing.assert_array_equal(a[special], b[special], err_msg=what)
    difference, size = float(np.linalg.norm(a[~special] - b[~special])), float(np.linalg.norm(b[~special]))
    assert difference <= tolerance * size, f"{what}: relative error {difference / max(size, 1e-30):.1e}"


def random_graph(
    seed: int, precision: str = "fp32", *, most: int = 10, control: bool = False, layers: bool = False
) -> Case:
    """The graph of a seed, with up to `most` operators and what they need; half of the graphs have a dynamic dim N. With `control` it has
    an If, Loop or Scan at least; with `layers` it consists of layers of networks, such as attention, and some operators around them.

    Versions of ONNX Runtime take some graphs whose every node they take alone, others not; such a graph is drawn again.
    """
    for attempt in count():
        case = _draw(seed, attempt, precision, most, control, layers)
        try:
            for inputs in case.inputs:
                run_onnxruntime(case.model, inputs)
        except Exception:
            continue
        return case
    raise AssertionError("unreachable")


def _draw(seed: int, attempt: int, precision: str, most: int, control: bool, layers: bool) -> Case:
    from .operators import LAYERS  # which are written in terms of `Maker`, as all operators are
    from .operators.control import decide

    rng = np.random.default_rng([seed, list(CONDITION).index(precision), attempt])
    maker = Maker(rng, precision, int(rng.choice(OPSETS)), [2, 3] if rng.random() < 0.4 else [2])
    wanted = int(rng.integers(1, most + 1))
    if control:
        grow(maker, wanted // 2)
        decide(maker)
        wanted -= wanted // 2
    if layers:
        maker.elements = 12000
        for _ in range(maker.choice((1, 1, 2))):
            maker.choice(LAYERS)(maker)
        wanted = min(wanted, 2)
    grow(maker, wanted)
    if not maker.inputs or not any(n.op_type != "Constant" for n in maker.nodes):
        maker.emit("Relu", [maker.input(2)])
    # A layer whose values are outputs all over is not fused.
    return maker.finish(seed, 0.02 if layers else 0.12)


def grow(maker: Maker, wanted: int) -> None:
    """Add this many operators and what they need, as far as they can be had in six times as many attempts."""
    from .operators import GENERATORS, ROUGH

    chosen = [(f, w) for f, w in GENERATORS if maker.precision == "fp32" or f not in ROUGH]
    weights = np.array([w for _, w in chosen])
    for _ in range(6 * wanted):
        before = len(maker.nodes)
        chosen[int(maker.rng.choice(len(chosen), p=weights / weights.sum()))][0](maker)
        wanted -= len(maker.nodes) > before
        if wanted <= 0:
            break
