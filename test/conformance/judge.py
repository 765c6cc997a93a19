"""What one case comes to: passed, refused, wrong or crash, with the reason."""

from __future__ import annotations

import math
import re
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from cases import Case
from onnx import ModelProto, NodeProto

PASSED, REFUSED, WRONG, CRASH = STATUSES = ("passed", "refused", "wrong", "crash")

DRAWS = {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
"""Operators whose numbers ONNX leaves open: shapes and types are compared, and that a second run draws the same."""

Run = Callable[[dict[str, Any]], Sequence[Any]]
"""Inputs by name to outputs in the model's order."""
Prepare = Callable[[ModelProto, Sequence[dict[str, Any]]], Run]
"""Builds a model for these inputs. Raises `Refused` for one that it does not support."""


class Refused(Exception):
    """The model is not supported, by the message's own words."""


@dataclass(frozen=True)
class Verdict:
    """The status of a case, with what was refused, how the numbers differ, or the error."""

    status: str
    reason: str = ""
    seconds: float = 0.0
    bound: tuple[str, ...] = ()
    """The inputs that were bound to constants."""


def judge(case: Case, prepare: Prepare) -> Verdict:
    """Builds a case, runs each of its data sets, and compares as the case says."""
    try:
        model = case.model()
        initializers = {tensor.name for tensor in model.graph.initializer}
        names = [value.name for value in model.graph.input if value.name not in initializers]
        sets = [(dict(zip(names, inputs, strict=False)), outputs) for inputs, outputs in case.data_sets()]
        if not sets:
            return Verdict(CRASH, "the suite has no data for it")
        run = prepare(model, [inputs for inputs, _ in sets])
        for inputs, expected in sets:
            got = run(inputs)
            if any(draws(node, inputs) for node in model.graph.node):
                expected = [_like(reference, array) for reference, array in zip(expected, run(inputs), strict=True)]
            try:
                with np.errstate(all="ignore"):
                    case.compare(expected, got)
            except (AssertionError, TypeError) as error:
                return Verdict(WRONG, one_line(str(error)))
    except Refused as error:
        return Verdict(REFUSED, str(error))
    except Exception as error:
        return Verdict(CRASH, f"{one_line(traceback.format_exception_only(error)[-1])}{_innermost(error)}")
    return Verdict(PASSED, bound=getattr(run, "bound", ()))


def draws(node: NodeProto, inputs: dict[str, Any]) -> bool:
    """Whether a node draws random numbers; Dropout does where it is told to train, with a ratio."""
    if node.op_type == "Dropout" and len(node.input) > 2:
        return bool(inputs[node.input[2]]) and bool(inputs.get(node.input[1], 0.5))
    return node.op_type in DRAWS


def _like(reference: Any, drawn: Any) -> Any:
    """The numbers of another run, where shape and type are the stored ones; else these."""
    fits = np.shape(drawn) == np.shape(reference) and drawn.dtype == reference.dtype
    return drawn if fits else reference


def one_line(text: str, limit: int = 400) -> str:
    return " ".join(text.split())[:limit]


def _innermost(error: BaseException) -> str:
    """` at file:line` of the innermost frame that is no installed package's."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "site-packages" not in f.filename]
    return f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def trtc(model: ModelProto, inputs: Sequence[dict[str, Any]]) -> Run:
    """The model as an engine, on this machine's GPU, or else on the simulator; each dynamic dim gets the sizes of the inputs.

    An input that a refusal asks to be a constant, the axes of a reduction say, is bound to its value, as users of trtc would do.
    """
    import trtc
    from trtc.compiler.targets import detect_arch

    bound: list[str] = []
    while True:
        try:
            constants = {name: inputs[0][name] for name in bound}
            sizes = profiles(model, inputs, bound)
            engine = trtc.build(model, trtc.BuildOptions(target=detect_arch(), constants=constants, profiles=sizes))
            break
        except trtc.UnsupportedOpError as error:
            more = [name for name in _asked(str(error), inputs) if name not in bound]
            if not more:
                raise Refused(str(error)) from None
            bound += more
    context = engine.create_context(poison=True)

    def run(given: dict[str, Any]) -> list[Any]:
        made = context.run({name: value for name, value in given.items() if name not in bound})
        return [np.asarray(made[value.name]) for value in model.graph.output]

    run.bound = tuple(bound)
    return run


_CONSTANT = re.compile(r"\('([^']+)'\) is (?:computed from data|not a constant)")
_DECIDING = re.compile(r"decided by inputs? ((?:'[^']+'(?:, )?)+)")


def _asked(refusal: str, inputs: Sequence[dict[str, Any]]) -> list[str]:
    """The inputs that a refusal asks for, which have one value in all data sets; of those that decide shapes, the integers."""
    deciding = [
        name
        for names in _DECIDING.findall(refusal)
        for name in re.findall(r"'([^']+)'", names)
        if np.asarray(inputs[0].get(name)).dtype.kind in "iub"
    ]
    return [
        name
        for name in dict.fromkeys(_CONSTANT.findall(refusal) + deciding)
        if all(
            isinstance(given.get(name), np.ndarray) and np.array_equal(given[name], inputs[0][name]) for given in inputs
        )
    ]


def profiles(model: ModelProto, inputs: Sequence[dict[str, Any]], bound: Sequence[str]) -> dict[str, Any]:
    """(least, first, greatest) size of every dim that is not a number, for each input that has one; with the step of a name whose sizes
    are multiples of a number."""
    found: dict[str, Any] = {}
    for value in model.graph.input:
        shapes = [np.shape(given[value.name]) for given in inputs if isinstance(given.get(value.name), np.ndarray)]
        dims = value.type.tensor_type.shape.dim
        if (
            value.name not in bound
            and shapes
            and len(dims) == len(shapes[0])
            and not all(dim.HasField("dim_value") for dim in dims)
        ):
            columns = [(min(sizes), sizes[0], max(sizes)) for sizes in zip(*shapes, strict=True)]
            found[value.name] = tuple(zip(*columns, strict=True))
            for dim, column, sizes in zip(dims, columns, zip(*shapes, strict=True), strict=True):
                if dim.dim_param.isidentifier() and column[0] < column[2] and (step := math.gcd(*sizes)) > 1:
                    found[dim.dim_param] = (*column, step)
    return found


def onnxruntime(model: ModelProto, inputs: Sequence[dict[str, Any]]) -> Run:
    """The same by ONNX Runtime on the CPU: whatever it raises is a refusal."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise Refused(one_line(str(error))) from None

    def run(given: dict[str, Any]) -> list[Any]:
        try:
            return session.run(None, given)
        except Exception as error:
            raise Refused(one_line(str(error))) from None

    return run


RUNNERS: dict[str, Prepare] = {"trtc": trtc, "onnxruntime": onnxruntime}

_NODE = re.compile(r"^  - (?P<label>.*) \((?P<op>[\w.]+), opset \d+\): (?P<why>.*)$", re.MULTILINE)
_OTHER = re.compile(r"^  - (?P<why>.*)$", re.MULTILINE)


def refusals(reason: str) -> list[tuple[str, str]]:
    """(operator, why) of every line of an UnsupportedOpError; the operator is empty where an input or the model itself is refused."""
    nodes = [(found["op"], found["why"]) for found in _NODE.finditer(reason)]
    others = [("", found["why"]) for found in _OTHER.finditer(reason) if not _NODE.match(found[0])]
    return nodes + others or [("", reason)]
