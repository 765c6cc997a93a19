"""Layers given what they cannot take: every parameter of every `add_...` with values of wrong kinds, ranks and sizes is refused by
one short error, or taken and verifies."""

from __future__ import annotations

import collections
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import f32

from trtc import InvalidModelError, PassError, TrtcError
from trtc.compiler.network import Network

LAYERS = [name for name, _ in inspect.getmembers(Network, inspect.isfunction) if name.startswith("add_")]


class Hostile:
    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("an array that cannot be read")

    def __index__(self) -> int:
        raise RuntimeError("an integer that cannot be read")

    def __repr__(self) -> str:
        raise RuntimeError("an object that cannot be printed")


def endless() -> Any:
    while True:
        yield 1


def network() -> tuple[Network, dict[str, Any]]:
    """A network with inputs, and for each name of a parameter something that most layers take."""
    net = Network()
    net.symbols(N=(1, 2, 4))
    x = net.add_input("x", "f32", ("N", 3, 8, 8))
    mask = net.add_input("mask", "i1", ("N", 3, 8, 8))
    indices = net.add_input("i", "i64", (4,))
    vector = np.ones(3, np.float32)
    tensors = dict.fromkeys(("x", "a", "b", "on_true", "on_false", "value"), x)
    vectors = dict.fromkeys(("scale", "bias", "mean", "variance", "array"), vector)
    plain: dict[str, Any] = {
        "condition": mask, "indices": indices, "values": [x, x], "kernel": (2, 2), "predicate": "eq", "axes": [1], "axis": 1,
        "permutation": (0, 2, 3, 1), "shape": ("N", 3, 8, 8), "dtype": "f32", "name": "n", "number": 1.0, "exprs": ["N"],
        "starts": [0] * 4, "sizes": ["N", 1, 1, 1], "low": [0] * 4, "high": [1] * 4, "size": 3,
        "weights": np.zeros((3, 3, 3, 3), np.float32),
    }  # fmt: skip
    return net, {**tensors, **vectors, **plain}


def values(x: Any) -> list[Any]:
    foreign = Network().add_input("x", "f32", (2,))
    masked = np.ma.masked_array([1.0, 2.0], mask=[True, False])
    return [
        x, foreign, None, -1, 2**70, 10**400, 1.5, np.nan, True, "abc", "1/0", "", "\ud800", b"x", [], [1, 1], [1.5], ["N+"], [None], {},
        (2**70,), (1,) * 2000, Hostile(), [Hostile()], endless(), np.zeros((2, 3), np.float32), np.array(1), np.array(["a"]),
        np.array([None]), masked, np.zeros(2, complex), f32, x.type, np.int64(2),
    ]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
def test_wrong_arguments_are_refused_in_a_sentence(layer: str) -> None:
    parameters = [p for p in inspect.signature(getattr(Network, layer)).parameters.values() if p.name != "self"]
    kinds = {"add_unary": "relu", "add_binary": "add", "add_reduce": "mean"}
    outcomes: collections.Counter[str] = collections.Counter()
    for parameter in parameters:
        for index in range(len(values(network()[1]["x"]))):
            net, good = network()
            given = {p.name: good.get(p.name, kinds.get(layer)) for p in parameters if p.default is p.empty}
            given[parameter.name] = values(good["x"])[index]
            try:
                result = getattr(net, layer)(**given)
                outcomes["taken"] += 1
                net.mark_output(result, "result")
                net.module()
            except TrtcError as error:
                outcomes["refused"] += 1
                assert not isinstance(error, PassError) and len(str(error)) < 20_000
    assert outcomes["refused"] > len(parameters), "nothing wrong was seen"


LATE: list[Callable[[Network], object]] = [
    lambda net: net.mark_output(None, "y"),  # type: ignore[arg-type]
    lambda net: net.mark_output(net.add_full(1, (2,), "f32"), "\ud800"),
    lambda net: net.symbols(N=5),  # type: ignore[arg-type]
    lambda net: net.symbols(N=np.array(1)),  # type: ignore[arg-type]
    lambda net: net.symbols(N=(1, 2, 2**70)),
    lambda net: net.name(None, "y"),  # type: ignore[arg-type]
    lambda net: net.shape("x"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("misuse", LATE)
def test_other_misuse_is_refused(misuse: Callable[[Network], object]) -> None:
    with pytest.raises(InvalidModelError):
        misuse(Network())


def test_every_layer_is_checked() -> None:
    unchecked = [name for name in LAYERS if name != "add_input" and not hasattr(getattr(Network, name), "__wrapped__")]
    assert unchecked == []
