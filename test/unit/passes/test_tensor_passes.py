"""The tensor-level passes together: numbers stay, counts fall, and work grows with the number of ops, not faster."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Operation, SSAValue

from trtc.compiler.network import Network
from trtc.compiler.pipeline import run_passes
from trtc.compiler.universe import load_pass, make_context
from trtc.dialects import fusion, nn
from trtc.dialects.meaning import run_module
from trtc.dialects.provenance import is_unknown
from trtc.passes.fusion import realize_integer, regions
from trtc.passes.kernels.building.group import GroupView
from trtc.passes.kernels.building.schedule import Refusal
from trtc.passes.kernels.schedules import matching
from trtc.passes.kernels.schedules.matching import Answer, Declined
from trtc.passes.remarks import collecting

GRAPH = (
    "canonicalize-nn", "fold-constants", "fold-batch-norm", "eliminate-transposes", "fold-constants", "canonicalize-nn", "cse", "dce",
)  # fmt: skip
FUSE = (
    "place-qdq",
    "fuse-groups",
    "realize-integer",
    "merge-pointwise",
    "assign-destinations",
    "outline-groups",
    "hoist-weights",
)
TOLERANCE = 1e-5
Array = np.ndarray[Any, Any]


@pytest.fixture(autouse=True)
def any_schedule(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests are about the passes: let the schedules accept all but a strided innermost dim of a conv, matmul or row op."""

    def ask(view: GroupView, target: object, allowed: object = None) -> tuple[None, Answer]:
        if view.kind in ("conv", "matmul", "row"):
            for value, layout in zip(view.tensors, view.layouts, strict=True):
                if (
                    layout.strides
                    and layout.strides[-1].as_int() not in (0, 1)
                    and nn.shape_of(value)[-1].as_int() != 1
                ):
                    return None, Answer(None, (Declined("any", Refusal("the innermost dim has a stride")),))
        return None, Answer("any")

    for module in (matching, realize_integer):
        monkeypatch.setattr(module, "first_match", ask)


def run(module: ModuleOp, names: Sequence[str], **options: str) -> None:
    """Run passes by name, verifying after each."""
    run_passes(module, [load_pass(name)(**options) for name in names], make_context())


def main_ops(module: ModuleOp) -> list[Operation]:
    (main,) = (f for f in module.body.block.ops if isinstance(f, FuncOp) and f.sym_name.data == "main")
    return list(main.regions[0].block.ops)


def count(module: ModuleOp) -> Counter[str]:
    return Counter(op.name for op in main_ops(module))


def relative_error(got: Array, wanted: Array) -> float:
    got, wanted = got.astype(np.float64), wanted.astype(np.float64)
    assert got.shape == wanted.shape
    assert np.isfinite(wanted).all() and np.linalg.norm(wanted) > 0
    return float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))


def random(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Array:
    return (scale * rng.standard_normal(shape)).astype(np.float32)


# Networks, each (module, input shapes).

Case = tuple[ModuleOp, list[tuple[int, ...]]]


def convnet() -> Case:
    """Channels-first convs with batch norm, squeeze-and-excite, hard swish, a residual and an inception block."""
    rng, net = np.random.default_rng(0), Network()
    x = net.add_input("x", "f32", ("N", 3, "H", "W"))

    def conv_bn(x: SSAValue, channels: int, kernel: int, before: int) -> SSAValue:
        y = net.add_convolution(x, random(rng, channels, before, kernel, kernel, scale=0.3), pads=(kernel // 2,) * 4)
        vectors = [random(rng, channels) for _ in range(3)]
        return net.add_batch_norm(y, *vectors, np.abs(random(rng, channels)) + 0.5)

    stem = net.add_unary("relu", conv_bn(x, 8, 3, 3))
    squeeze = net.add_reduce("mean", stem, (2, 3), keepdims=True)
    gate = net.add_unary("sigmoid", net.add_convolution(squeeze, random(rng, 8, 8, 1, 1), random(rng, 8)))
    y = net.add_binary("mul", stem, gate)
    y = net.add_binary("add", conv_bn(y, 8, 1, 8), stem)
    y = net.add_binary("div", net.add_binary("mul", y, net.add_clip(net.add_binary("add", y, 3.0), 0.0, 6.0)), 6.0)
    branches = [
        conv_bn(y, 4, 1, 8),
        net.add_unary("relu", conv_bn(y, 6, 3, 8)),
        net.add_max_pool(y, (3, 3), pads=(1, 1, 1, 1)),
    ]
    y = net.add_concat(branches, 1)
    y = net.add_reduce("mean", y, (2, 3), keepdims=False)
    y = net.add_binary("add", net.add_matmul(y, random(rng, 18, 10, scale=0.02)), random(rng, 10))
    net.mark_output(net.add_softmax(y, -1), "y")
    net.symbols(N=(1, 2, 4), H=(4, 8, 16), W=(4, 8, 16))
    return net.module(), [(2, 3, 7, 9)]


def attention() -> Case:
    """One transformer layer with dynamic batch and sequence."""
    rng, net = np.random.default_rng(1), Network()
    x = net.add_input("x", "f32", ("B", "S", 32))
    mask = net.add_input("mask", "f32", ("B", 1, 1, "S"))

    def linear(x: SSAValue, size: int) -> SSAValue:
        depth = nn.shape_of(x)[-1].as_int() or 0
        return net.add_binary("add", net.add_matmul(x, random(rng, depth, size, scale=depth**-0.5)), random(rng, size))

    def heads(x: SSAValue, order: tuple[int, ...]) -> SSAValue:
        return net.add_transpose(net.add_reshape(x, ("B", "S", 4, 8)), order)

    q, k, v = heads(linear(x, 32), (0, 2, 1, 3)), heads(linear(x, 32), (0, 2, 3, 1)), heads(linear(x, 32), (0, 2, 1, 3))
    scores = net.add_binary(
        "add", net.add_binary("mul", net.add_matmul(q, k), 8**-0.5), net.add_binary("mul", mask, -10.0)
    )
    context = net.add_transpose(net.add_matmul(net.add_softmax(scores, -1), v), (0, 2, 1, 3))
    y = net.add_binary("add", linear(net.add_reshape(context, ("B", "S", 32)), 32), x)
    y = net.add_layer_norm(y, random(rng, 32), random(rng, 32))
    hidden = linear(y, 64)
    half = net.add_binary("mul", hidden, 0.5)
    gelu = net.add_binary(
        "mul", half, net.add_binary("add", net.add_unary("erf", net.add_binary("div", hidden, 2**0.5)), 1.0)
    )
    y = net.add_layer_norm(net.add_binary("add", linear(gelu, 32), y), random(rng, 32), random(rng, 32))
    net.mark_output(y, "y")
    net.symbols(B=(1, 2, 4), S=(1, 8, 16))
    return net.module(), [(2, 5, 32), (2, 1, 1, 5)]


def quantized() -> Case:
    """Two quantized convs with per-channel weights, a pool and a residual."""
    rng, net = np.random.default_rng(2), Network()
    x = net.add_input("x", "f32", (1, 8, 8, 4))

    def qdq(x: SSAValue, scale: float) -> SSAValue:
        return net.add_dequantize(net.add_quantize(x, np.array(scale, np.float32)), np.array(scale, np.float32))

    def conv(x: SSAValue, outputs: int, inputs: int) -> SSAValue:
        q = net.add_constant(rng.integers(-128, 128, (outputs, 3, 3, inputs)).astype(np.int8))
        w = net.add_dequantize(q, np.abs(random(rng, outputs, scale=0.01)) + 0.001, 0)
        product = net.insert(nn.ConvOp(x, w, pads=(1, 1, 1, 1)))
        return net.add_binary("add", product, random(rng, outputs))

    y = qdq(net.add_unary("relu", conv(qdq(x, 0.03), 8, 4)), 0.05)
    pooled = net.insert(nn.MaxPoolOp(y, (2, 2), (2, 2)))
    z = qdq(conv(qdq(pooled, 0.05), 8, 8), 0.06)
    net.mark_output(net.add_binary("add", z, pooled), "y")
    return net.module(), [(1, 8, 8, 4)]


CASES: dict[str, Callable[[], Case]] = {"convnet": convnet, "attention": attention, "quantized": quantized}


@pytest.mark.parametrize("name", CASES)
def test_numbers_stay_through_every_pass(name: str) -> None:
    module, shapes = CASES[name]()
    rng = np.random.default_rng(7)
    inputs = [random(rng, *shape) for shape in shapes]
    wanted = run_module(module, inputs)
    assert relative_error(run_module(module, [i + 1 for i in inputs])[0], wanted[0]) > 1e-3
    for step in (*GRAPH, *FUSE):
        run(module, [step])
        for got, want in zip(run_module(module, inputs), wanted, strict=True):
            assert relative_error(got, want) <= TOLERANCE, step
    calls = count(module)
    assert set(calls) <= {
        "fusion.call",
        "nn.weight",
        "nn.constant",
        "func.return",
        *(v.name for v in regions.VIEWS),
    }
    assert not any(is_unknown(op.location) for op in main_ops(module) if isinstance(op, fusion.CallOp))


def test_convnet_counts() -> None:
    module, _ = convnet()
    run(module, GRAPH)
    assert count(module)["nn.transpose"] == 1, "only the input is transposed"
    assert count(module)["nn.batch_norm"] == 0
    with collecting() as remarks:
        run(module, FUSE)
    # stem, mean, gate, gated conv, 2 branch convs, pool, mean, matmul, softmax, and copies of the transposed input and the pool's mean
    assert 10 <= count(module)["fusion.call"] <= 14
    concat = next(op for op in main_ops(module) if isinstance(op, nn.ConcatOp))
    assert fusion.alias_of(concat) is fusion.Alias.DEST
    assert not [r for r in remarks if "copied into the concat" in r.message]


def test_attention_counts() -> None:
    module, _ = attention()
    run(module, (*GRAPH, *FUSE))
    # Q, K, V, scores (+ mask, whose scaling is its own), softmax, PV, projection, norm, 2 feed-forward, norm
    assert count(module)["fusion.call"] == 12
    assert all(
        fusion.alias_of(op) is not None for op in main_ops(module) if isinstance(op, nn.TransposeOp | nn.ReshapeOp)
    )


def test_quantized_convs_compute_on_integers() -> None:
    module, _ = quantized()
    run(module, (*GRAPH, *FUSE))
    products = [op for op in module.walk() if isinstance(op, nn.ConvOp)]
    assert len(products) == 2
    assert {str(nn.element_of(op.results[0])) for op in products} == {"i32"}
    # Quantization of the input, two convs, the pool on i8, and the final addition which the second conv takes in.
    assert count(module)["fusion.call"] == 4
    pools = [op for op in module.walk() if isinstance(op, nn.MaxPoolOp)]
    assert [str(nn.element_of(op.results[0])) for op in pools] == ["i8"]


@pytest.mark.parametrize("mode, bound", [("fp16", 1e-2), ("bf16", 1e-1)])
def test_narrow_floats_stay_close(mode: str, bound: float) -> None:
    module, shapes = convnet()
    inputs = [random(np.random.default_rng(3), *shape) for shape in shapes]
    (wanted,) = run_module(module, inputs)
    run(module, GRAPH)
    run(module, ["assign-precision"], mode=mode)
    run(module, ("fold-constants", *FUSE))
    (got,) = run_module(module, inputs)
    assert got.dtype == np.float32
    assert 0 < relative_error(got, wanted) <= bound


# Compile time.


def chain(blocks: int) -> ModuleOp:
    """`blocks` times conv, bias, relu, a transpose pair, a residual and a dead op: 10 ops each."""
    rng, net = np.random.default_rng(0), Network()
    weights, bias = random(rng, 4, 1, 1, 4), random(rng, 4)
    y = net.add_input("x", "f32", (1, 4, 4, 4))
    for _ in range(blocks):
        z = net.insert(nn.ConvOp(y, net.insert(nn.ConstantOp(weights))))
        z = net.add_transpose(net.add_binary("add", z, bias), (0, 3, 1, 2))
        net.add_unary("exp", z)
        z = net.add_transpose(net.add_unary("relu", z), (0, 2, 3, 1))
        y = net.add_binary("add", z, y)
    net.mark_output(y, "y")
    return net.module()


def counted_calls(work: Callable[[], object]) -> int:
    """The Python functions that a piece of work calls."""
    count = 0

    def see(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def calls(blocks: int, names: Sequence[str]) -> dict[str, int]:
    """How many Python functions each pass calls on a chain: its work, which other work on the machine does not change."""
    module = chain(blocks)
    counted: dict[str, int] = {}
    context = make_context()
    for name in names:
        step = load_pass(name)(**({"mode": "fp16"} if name == "assign-precision" else {}))
        counted[name] = counted_calls(lambda step=step: step.apply(context, module))
    return counted


def test_work_grows_with_the_number_of_ops_only() -> None:
    # Before canonicalize-nn, which takes out most transposes of this chain.
    names = list(dict.fromkeys(("eliminate-transposes", *GRAPH, "assign-precision", *FUSE)))
    calls(1, names)  # what is loaded on first use
    small, large = calls(15, names), calls(60, names)
    for name in names:
        # Four times the ops: linear is 4, quadratic 16.
        assert large[name] <= 5 * small[name], f"{name}: {small[name]} calls, then {large[name]}"


def test_quadratic_work_is_noticed() -> None:
    def walk_pairs(blocks: int) -> int:
        module = chain(blocks)
        return counted_calls(lambda: [sum(1 for _ in module.walk()) for _ in module.body.block.first_op.walk()])  # type: ignore[union-attr]

    assert walk_pairs(20) > 5 * walk_pairs(5)


def test_a_long_chain_of_affine_ops_is_no_recursion() -> None:
    """Each factor looks for weights to go into; the chain begins at an input, so that there are none at its other end."""
    net = Network()
    x = net.add_input("x", "f32", (1, 4, 4, 8))
    for number in range(1200):
        constant = net.add_constant(np.full(8, 1 + number / 1024, np.float32))
        x = net.add_binary("mul" if number % 2 else "add", x, constant)
    net.mark_output(x, "y")
    module = net.module()
    run_passes(module, [load_pass("fold-batch-norm")()], make_context())
    assert sum(isinstance(op, nn.MulOp) for op in module.walk()) == 600, "none merged: additions are between them"


def test_weights_of_one_label_are_numbered_in_order() -> None:
    net = Network()
    x = net.add_input("x", "f32", (1, 4096))
    for number in range(4):
        x = net.add_binary("add", x, net.add_constant(np.full(4096, number, np.float32), "w.1" if number == 2 else "w"))
    net.mark_output(x, "y")
    module = net.module()
    run_passes(module, [load_pass("hoist-weights")()], make_context())
    exported = [op.label.data for op in module.walk() if isinstance(op, nn.ExportOp)]
    assert exported == ["w", "w.1", "w.1.1", "w.2"]
