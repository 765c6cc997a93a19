"""Model-local functions: every call becomes the nodes of its body, under names that no other value has.

    y = f.Block<alpha = 0.5>(x)       [block/LeakyRelu#0] block/t = LeakyRelu<alpha = 0.5>(x)
                                  ->  [block/Neg#1] y = Neg(block/t)

How many nodes and bytes the calls become is counted before one is made: functions that call each other twice double at each level.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from ...dialects import limits
from ...dialects.errors import InvalidModelError, UnsupportedOpError
from .opsets import opsets_of
from .subgraphs import all_nodes, captured, graphs_of, rename_captured

if TYPE_CHECKING:
    from onnx import AttributeProto, FunctionProto, ModelProto, NodeProto

Key: TypeAlias = tuple[str, str, str]
Opsets: TypeAlias = Mapping[str, int]


@dataclass(frozen=True)
class _Size:
    """The size of a call of a function once expanded."""

    nodes: int
    bytes: int
    depth: int


def key_of(node: NodeProto | FunctionProto, name: str) -> Key:
    """Domain, name and overload, which identify the function of a call."""
    domain = "" if node.domain == "ai.onnx" else node.domain
    return domain, name, getattr(node, "overload", "")


def _by_key(functions: Iterable[FunctionProto], source: str) -> dict[Key, FunctionProto]:
    found: dict[Key, FunctionProto] = {}
    for function in functions:
        key = key_of(function, function.name)
        if key in found:
            raise InvalidModelError(f"{source} has two functions {_shown(key)}; keep one of them")
        found[key] = function
        made = {*function.input, *(name for node in function.node for name in node.output)}
        for kind, names in (("input", function.input), ("output", function.output)):
            if twice := [name for name, count in Counter(names).items() if count > 1]:
                raise InvalidModelError(f"{source}: function {_shown(key)} lists its {kind} {twice[0]!r} twice")
        if missing := [name for name in function.output if name not in made]:
            raise InvalidModelError(
                f"{source}: function {_shown(key)} makes no value {missing[0]!r}, which is one of its outputs; export the model again"
            )
    return found


def _sizes(functions: Mapping[Key, FunctionProto], source: str) -> dict[Key, _Size]:
    """The size of each function, callees first; without recursion, since a file may nest them at any depth."""
    calls = {
        key: [key_of(node, node.op_type) for node in all_nodes(function.node)] for key, function in functions.items()
    }
    sizes: dict[Key, _Size] = {}
    open_: dict[Key, None] = {}
    for start in functions:
        pending = [start]
        while pending:
            key = pending[-1]
            waiting = [callee for callee in calls[key] if callee in functions and callee not in sizes]
            if key in sizes or not waiting:
                pending.pop()
                open_.pop(key, None)
                if key not in sizes:
                    sizes[key] = _size(functions[key], calls[key], sizes)
                continue
            open_[key] = None
            if waiting[0] in open_:
                path = " -> ".join(map(_shown, [*open_, waiting[0]]))
                raise InvalidModelError(
                    f"{source}: functions must not call themselves, and these do: {path[:300]}; export the model again"
                )
            pending.append(waiting[0])
    return sizes


def _size(function: FunctionProto, calls: list[Key], sizes: Mapping[Key, _Size]) -> _Size:
    inner = [sizes[key] for key in calls if key in sizes]
    plain = len(calls) - len(inner)
    return _Size(
        plain + len(function.output) + sum(size.nodes for size in inner),
        function.ByteSize() + sum(size.bytes for size in inner),
        1 + max((size.depth for size in inner), default=0),
    )


def _check_sizes(nodes: Iterable[NodeProto], sizes: Mapping[Key, _Size], source: str) -> None:
    """Raise UnsupportedOpError, naming the largest call, where the calls together expand to too many nodes or bytes, or too deep."""
    calls = [(node, sizes[key]) for node in nodes if (key := key_of(node, node.op_type)) in sizes]
    for what, most, count in (
        ("nodes", limits.MAX_EXPANDED_NODES, lambda size: size.nodes),
        ("bytes", limits.MAX_EXPANDED_BYTES, lambda size: size.bytes),
    ):
        if sum(count(size) for _, size in calls) > most:
            node, size = max(calls, key=lambda call: count(call[1]))
            raise UnsupportedOpError(
                f"{source}: the functions that it calls become more than {most} {what}; {node.name or node.op_type!r} alone "
                f"becomes {_rounded(count(size))}. Export the model without functions, or in parts"
            )
    for node, size in calls:
        if size.depth > limits.MAX_FUNCTION_DEPTH:
            raise UnsupportedOpError(
                f"{source}: {node.name or node.op_type!r} calls functions {size.depth} deep; expected at most "
                f"{limits.MAX_FUNCTION_DEPTH}. Export the model without functions"
            )


def _rounded(count: int) -> str:
    return str(count) if count < 10**12 else f"about 2^{count.bit_length() - 1}"


def _shown(key: Key) -> str:
    return repr(f"{key[0]}.{key[1]}" if key[0] else key[1])


_MAX_LABEL = 256
"""Characters of a call's name that prefix the names of its expanded nodes: a long name would be copied for each."""


@dataclass
class Inliner:
    """Replaces calls by the nodes of the functions' bodies."""

    functions: Mapping[Key, FunctionProto]
    source: str
    taken: set[str]
    """All names of values, to keep new ones unique."""
    labels: set[str] = field(default_factory=set[str])
    numbers: Counter[str] = field(default_factory=Counter[str])
    """The last number appended to each repeated name, so that making a name unique takes no search."""

    @classmethod
    def of(cls, model: ModelProto, source: str) -> Inliner:
        """For the graph of a model and the graphs in it. Raises InvalidModelError for functions that call themselves or share a name,
        UnsupportedOpError where the calls become too many nodes."""
        if not model.functions:
            return cls({}, source, set())
        functions = _by_key(model.functions, source)
        nodes = list(all_nodes(model.graph.node))
        _check_sizes(nodes, _sizes(functions, source), source)
        taken = {name for node in nodes for name in (*node.input, *node.output)}
        taken |= {value.name for value in (*model.graph.input, *model.graph.initializer)}
        return cls(functions, source, taken)

    def expand(self, nodes: Iterable[NodeProto], opsets: Opsets) -> Iterator[tuple[NodeProto, Opsets]]:
        """The nodes, and for calls those of the bodies, each with its opsets. Raises InvalidModelError for a call that does not fit its
        function. The depth was checked against `MAX_FUNCTION_DEPTH` before."""
        for index, node in enumerate(nodes):
            function = self.functions.get(key_of(node, node.op_type))
            if function is None:
                yield node, opsets
                continue
            label = self._fresh((node.name or f"{node.op_type}#{index}")[:_MAX_LABEL], self.labels)
            body = self._body(node, function, label)
            versions = opsets_of(function, f"{self.source}: function {_shown(key_of(function, function.name))}")
            yield from self.expand(body, {**opsets, **versions})

    def _body(self, call: NodeProto, function: FunctionProto, label: str) -> list[NodeProto]:
        """The nodes of one call, values and attributes bound to those of the caller."""
        self._check(call, function, label)
        names = dict.fromkeys(function.input, "")
        names.update(zip(function.input, call.input, strict=False))
        results = {name: made for name, made in zip(function.output, call.output, strict=False) if made}
        passed = [name for name in results if name in names]
        names.update((name, made) for name, made in results.items() if name not in names)
        attributes = {each.name: each for each in (*function.attribute_proto, *call.attribute)}
        body: list[NodeProto] = []
        for index, node in enumerate(function.node):
            inner = bound(node, attributes)
            inner.name = f"{label}/{node.name[:_MAX_LABEL] or f'{node.op_type}#{index}'}"
            for listed in (inner.input, inner.output):
                listed[:] = [self._renamed(name, names, label) for name in listed]
            for _, graph in graphs_of(inner):
                rename_captured(graph, {name: self._renamed(name, names, label) for name in captured(graph)})
            body.append(inner)
        for name in passed:  # an input that is an output as it is
            body.append(_identity(f"{label}/{name}", names[name], results[name]))
        return body

    def _renamed(self, name: str, names: dict[str, str], label: str) -> str:
        if name and name not in names:
            names[name] = self._fresh(f"{label}/{name}", self.taken)
        return names.get(name, "")

    def _fresh(self, name: str, taken: set[str]) -> str:
        fresh = name
        while fresh in taken:
            self.numbers[name] += 1
            fresh = f"{name}.{self.numbers[name]}"
        taken.add(fresh)
        return fresh

    def _check(self, call: NodeProto, function: FunctionProto, label: str) -> None:
        for kind, given, most in (
            ("operands", len(call.input), len(function.input)),
            ("results", len(call.output), len(function.output)),
        ):
            if given > most:
                self._refuse(label, function, f"expected at most {most} {kind}, got {given}")
        known = {*function.attribute, *(each.name for each in function.attribute_proto)}
        names = [attribute.name for attribute in call.attribute]
        if unknown := sorted(set(names) - known):
            self._refuse(label, function, f"it has no attribute {unknown[0]!r}; its attributes: {sorted(known)}")
        if len(set(names)) < len(names):
            self._refuse(label, function, "an attribute is given twice")

    def _refuse(self, label: str, function: FunctionProto, why: str) -> NoReturn:
        shown = _shown(key_of(function, function.name))
        raise InvalidModelError(f"{self.source}: {label} calls function {shown}: {why}; export the model again")


def bound(node: NodeProto, given: Mapping[str, AttributeProto]) -> NodeProto:
    """A copy of a node of a function body with its attributes that refer to the caller's replaced by these, or left out where the caller
    gives none."""
    copy = type(node)()
    copy.CopyFrom(node)
    for _, graph in graphs_of(copy):
        inner = [bound(each, given) for each in graph.node]
        del graph.node[:]
        graph.node.extend(inner)
    if any(attribute.ref_attr_name for attribute in node.attribute):
        node = type(node)()
        node.CopyFrom(copy)
        del copy.attribute[:]
        for attribute in node.attribute:
            if not attribute.ref_attr_name:
                copy.attribute.append(attribute)
            elif attribute.ref_attr_name in given:
                bound_ = copy.attribute.add()
                bound_.CopyFrom(given[attribute.ref_attr_name])
                bound_.name = attribute.name
    return copy


def _identity(name: str, given: str, made: str) -> NodeProto:
    from onnx import NodeProto

    return NodeProto(op_type="Identity", name=name, input=[given], output=[made])
