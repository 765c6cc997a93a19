"""Tensor types with dim expressions, broadcasting, and the symbols of a module."""

import pytest
from xdsl.dialects.builtin import DictionaryAttr, ModuleOp, NoneAttr, TensorType, f16, f32

from trtc.dialects import nn
from trtc.dialects.dims import const, parse_expr, symbol
from trtc.dialects.errors import InvalidModelError, UnsupportedOpError


def test_static_types_have_no_encoding_and_dynamic_ones_name_every_dim() -> None:
    assert nn.tensor_type([2, 3], f32) == TensorType(f32, [2, 3])
    dynamic = nn.tensor_type(["N", "2*H floordiv 2", 3], f32)
    assert str(dynamic) == "tensor<?x?x3xf32, #nn.dims<N, H, 3>>"
    assert nn.shape_of(dynamic) == (symbol("N"), symbol("H"), const(3))
    assert nn.with_element(dynamic, f16).encoding == dynamic.encoding
    with pytest.raises(InvalidModelError, match="names every `\\?`"):
        nn.shape_of(TensorType(f32, [nn.DYNAMIC], NoneAttr()))


def test_types_are_compatible_unless_they_provably_differ() -> None:
    n, m = nn.tensor_type(["N"], f32), nn.tensor_type(["M"], f32)
    assert nn.compatible(n, m) and nn.compatible(n, nn.tensor_type([4], f32))
    assert not nn.compatible(n, nn.tensor_type(["N + 1"], f32))
    assert not nn.compatible(n, nn.tensor_type(["N"], f16))
    assert not nn.compatible(n, nn.tensor_type(["N", 1], f32))


def test_broadcasting() -> None:
    n, one, four = symbol("N"), const(1), const(4)
    assert nn.broadcast_dims("t", (n, one), (four,)) == (n, four)
    assert nn.broadcast_dims("t", (n,), (n,), ()) == (n,)
    assert nn.broadcast_dims("t", (n,), (four,)) == (four,)
    with pytest.raises(UnsupportedOpError, match="differ in dim 0; if N and M are always equal"):
        nn.broadcast_dims("t", (n,), (symbol("M"),))
    with pytest.raises(InvalidModelError, match=r"differ in dim 0$"):
        nn.broadcast_dims("t", (const(3),), (four,))


def test_symbol_ranges_are_read_written_and_checked() -> None:
    module = ModuleOp([])
    assert nn.symbol_ranges(module) == {}
    nn.set_symbol_ranges(module, {"S": (1, 16, 128), "B": (1, 1, 8)})
    assert nn.symbol_ranges(module) == {"B": (1, 1, 8), "S": (1, 16, 128)}
    module.attributes[nn.SYMBOLS] = DictionaryAttr({"S": nn.ints((4, 2, 8))})
    with pytest.raises(InvalidModelError, match="in rising order"):
        nn.symbol_ranges(module)
    nn.set_symbol_ranges(module, {})
    assert nn.SYMBOLS not in module.attributes


def test_symbols_are_bound_from_shapes() -> None:
    types = [nn.tensor_type(["N", "2*S"], f32), nn.tensor_type(["S"], f32)]
    assert nn.bind_symbols(types, [(3, 10), (5,)]) == {"N": 3, "S": 5}
    with pytest.raises(InvalidModelError, match="got one of shape"):
        nn.bind_symbols(types, [(3, 11), (5,)])
    with pytest.raises(InvalidModelError, match="got one of shape"):
        nn.bind_symbols(types, [(3,), (5,)])


def test_shape_inference_keeps_expressions() -> None:
    x, w = nn.tensor_type(["N", "H", "W", 8], f32), nn.tensor_type([16, 3, 3, 8], f32)
    out = nn.ConvOp.infer(x, w, strides=(2, 2), pads=(1, 1, 1, 1), dilations=(1, 1))
    assert nn.shape_of(out)[1] == parse_expr("(H + 1) floordiv 2")
    pooled = nn.MaxPoolOp.infer(out, (2, 2), (2, 2), (0, 0, 0, 0), (1, 1))
    assert (
        nn.shape_of(pooled)[1]
        == parse_expr("((H + 1) floordiv 2 - 2) floordiv 2 + 1")
        == parse_expr("(H + 1) floordiv 4")
    )
    a, b = nn.tensor_type(["B", 12, "S", 64], f32), nn.tensor_type(["B", 12, "S", 64], f32)
    assert nn.shape_of(nn.MatmulOp.infer(a, b, transpose_b=True)) == (symbol("B"), const(12), symbol("S"), symbol("S"))
    assert nn.shape_of(nn.ConcatOp.infer([a, b], 2))[2] == 2 * symbol("S")


def test_pointwise_is_a_trait() -> None:
    from xdsl.ir import Block

    from trtc.dialects import quant

    x = Block(arg_types=[nn.tensor_type([4], f32)]).args[0]
    scale = Block(arg_types=[nn.tensor_type([], f32)]).args[0]
    assert nn.is_pointwise(nn.ReluOp(x)) and nn.is_pointwise(quant.QuantizeOp(x, scale))
    assert not nn.is_pointwise(nn.SoftmaxOp(x)) and not nn.is_pointwise(nn.ReshapeOp(x, [2, 2]))
    assert all(op.name.startswith("nn.") for op in nn.POINTWISE)
