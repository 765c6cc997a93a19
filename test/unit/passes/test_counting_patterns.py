"""A gather whose indices count all rows gives the same numbers as a view of its table, in the form in which transformers reads masks."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import parser

from trtc.compiler.frontend import import_onnx
from trtc.compiler.interpret.module import execute
from trtc.compiler.universe import load_pass, make_context
from trtc.dialects import nn

MASK = """<ir_version: 8, opset_import: ["" : 17]>
masked (int64[n, l] mask) => (bool[n, 1, 1, l] read) {
  on = Cast<to = 9>(mask)
  whole = Constant<value = int64[1] {-1}>()
  flat = Reshape(on, whole)
  dims = Shape(mask)
  first = Constant<value = int64 {START}>()
  zero = Constant<value = int64 {0}>()
  one = Constant<value = int64 {1}>()
  batch = Gather(dims, zero)
  length = Gather(dims, one)
  rows = Range(zero, batch, one)
  places = Range(zero, length, one)
  axes = Constant<value = int64[3] {1, 2, 3}>()
  row = Unsqueeze(rows, axes)
  begin = Mul(row, length)
  shifted = Add(places, first)
  index = Add(begin, shifted)
  read = Gather(flat, index)
}"""


@pytest.mark.parametrize(("start", "view"), [(0, True), (-1, False)])
def test_a_mask_is_read_where_it_is(start: int, view: bool) -> None:
    proto = parser.parse_model(MASK.replace("START", str(start)))
    module = import_onnx(proto, profiles={"n": (1, 2, 4), "l": (1, 4, 9)})
    for name in ("canonicalize-nn", "cse", "dce"):
        load_pass(name)().apply(make_context(), module)
    module.verify()
    assert any(isinstance(op, nn.GatherOp) for op in module.walk()) != view
    for seed, shape in enumerate([(2, 4), (1, 1), (3, 7)]):
        mask = np.random.default_rng(seed).integers(0, 2, shape)
        wanted = np.roll(mask.reshape(-1), -start).reshape(shape) != 0
        read = execute(module, {"mask": mask})["read"]
        assert np.array_equal(read, wanted[:, None, None, :]), shape
