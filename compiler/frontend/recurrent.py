"""Recurrent layers: LSTM, GRU, RNN."""

from __future__ import annotations

import numpy as np
from xdsl.ir import SSAValue

from ...dialects import dims
from .node import Node
from .registry import Result, onnx_op

_NAMES = {
    "Affine": "affine", "Elu": "elu", "HardSigmoid": "hard_sigmoid", "LeakyRelu": "leaky_relu", "Relu": "relu",
    "ScaledTanh": "scaled_tanh", "Sigmoid": "sigmoid", "Softplus": "softplus", "Softsign": "softsign", "Tanh": "tanh",
    "ThresholdedRelu": "thresholded_relu",
}  # fmt: skip
_SWAP = (1, 0, 2)
_LOWER = {name.lower(): ours for name, ours in _NAMES.items()}


@onnx_op("LSTM", "GRU", "RNN")
def recurrent(node: Node) -> Result:
    """The inputs of all steps are projected by one matmul; `nn.rnn` takes the steps. Batch first is a transpose before and after."""
    batch_first = bool(node.int("layout", 0))
    if node.rank(0) != 3 or node.rank(1) != 3 or node.rank(2) != 3:
        node.invalid("expected X, W and R of rank 3")
    x = node.net.add_transpose(node.data(0), _SWAP) if batch_first else node.data(0)
    return steps(node, node.op_type.lower(), x, node.data(1), node.data(2), batch_first=batch_first)


def steps(
    node: Node,
    kind: str,
    x: SSAValue,
    weights: SSAValue | None,
    recurrent_weights: SSAValue,
    *,
    scales: SSAValue | None = None,
    batch_first: bool = False,
) -> list[SSAValue]:
    """A layer whose other operands and attributes are a node's, as LSTM has them; X, time first, is projected where there are no
    `weights`. Results have the types of X."""
    net = node.net

    def state(index: int) -> SSAValue | None:
        if not node.has_input(index):
            return None
        return net.add_transpose(node.data(index), _SWAP) if batch_first else node.data(index)

    def given(index: int) -> SSAValue | None:
        return node.data(index) if node.has_input(index) else None

    states = net.add_rnn(
        kind,
        x,
        weights,
        recurrent_weights,
        given(3),
        direction=node.string("direction", "forward").lower(),
        hidden=state(5),
        cell=state(6) if kind == "lstm" else None,
        lengths=lengths(node, net.shape(x)[0]),
        peepholes=given(7) if kind == "lstm" else None,
        scales=scales,
        activations=_activations(node),
        alphas=node.floats("activation_alpha") if node.has("activation_alpha") else [],
        betas=node.floats("activation_beta") if node.has("activation_beta") else [],
        clip=_clip(node),
        reset_after=kind == "gru" and bool(node.int("linear_before_reset", 0)),
        coupled=kind == "lstm" and bool(node.int("input_forget", 0)),
    )
    _check_hidden_size(node, net.shape(recurrent_weights)[2])
    lasts = [value for value in (states.last_hidden, states.last_cell) if value is not None]
    if batch_first:
        return [net.add_transpose(states.hidden, (1, 0, 2, 3)), *lasts]
    return [net.add_transpose(states.hidden, (0, 2, 1, 3)), *(net.add_transpose(last, _SWAP) for last in lasts)]


def lengths(node: Node, count: dims.Expr) -> SSAValue | None:
    """The lengths of the sequences; None where they are known to be all `count` steps."""
    if not node.has_input(4):
        return None
    known = node.value(4).constant()
    if known is not None and all(dims.as_expr(int(length)) == count for length in np.ravel(known)):
        return None
    return node.data(4)


def _activations(node: Node) -> list[str]:
    import onnx

    attribute = next((a for a in node.graph_node.proto.attribute if a.name == "activations"), None)
    if attribute is None:
        return []
    if attribute.type != onnx.AttributeProto.STRINGS:
        node.invalid("attribute 'activations' should be of type STRINGS", "export the model again")
    names = [text.decode(errors="replace") for text in attribute.strings]
    for name in names:
        if name.lower() not in _LOWER:
            node.invalid(f"activation {name!r} is none that ONNX defines", f"use one of {', '.join(_NAMES)}")
    if node.op_type == "RNN" and node.string("direction", "forward").lower() != "bidirectional":
        names = names[:1]  # the schema's own default has one for a second direction
    return [_LOWER[name.lower()] for name in names]


def _clip(node: Node) -> float | None:
    """The bound of what activations read; none, or 0, is none."""
    return (node.float("clip") or None) if node.has("clip") else None


def _check_hidden_size(node: Node, units: dims.Expr) -> None:
    size, wanted = units.as_int(), node.int("hidden_size", 0)
    if wanted and size != wanted:
        node.invalid(f"hidden_size is {wanted}, and R has {size} units", "export the model again")
