"""The five models through the tensor levels: numbers stay, launches and transposes are as few as they should be, and no
ONNX node is removed without a remark."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from xdsl.dialects.builtin import ModuleOp
from xdsl.dialects.func import FuncOp

from trtc.compiler.frontend import import_onnx
from trtc.compiler.options import BuildOptions
from trtc.compiler.pipeline import run_pipeline
from trtc.dialects import fusion, nn
from trtc.dialects.meaning import run_module
from trtc.dialects.provenance import onnx_names
from trtc.passes.remarks import collecting

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
import zoo
from provenance import GroupsClaim, silent_nodes

pytestmark = pytest.mark.network
TOLERANCE = 1e-5

# model: (launches, transposes that are left)
MOST = {"ppocr_cls": (75, 1), "open_nsfw": (60, 0), "inception_v1": (75, 1), "minilm": (78, 24), "qdq_convnet": (76, 1)}
# A sum taken in another order may turn a value at a rounding tie into the next i8, which moves the small Q/DQ net's output by
# percents: it gets a seed whose values stay clear of ties.
SEEDS = {"qdq_convnet": 4}
SIZES = {"ppocr_cls": {"batch": 2, "height": 37, "width": 101}, "minilm": {"batch": 3, "sequence": 7}}


def main_of(module: ModuleOp) -> FuncOp:
    return next(f for f in module.body.block.ops if isinstance(f, FuncOp) and f.sym_name.data == "main")


@pytest.mark.parametrize("name", MOST)
def test_model_stays_through_the_tensor_levels(name: str) -> None:
    model = getattr(zoo, name)()
    inputs = model.inputs(SEEDS.get(name, 3), **SIZES.get(name, {}))
    with collecting() as found:
        module = import_onnx(model.proto, profiles=model.profiles, static_shapes=model.static_shapes)
    arrays = [inputs[n.data] for n in main_of(module).attributes["nn.inputs"].data]  # type: ignore[attr-defined]
    wanted = run_module(module, arrays)
    claims = GroupsClaim(model.proto)
    with collecting() as remarks:
        run_pipeline(module, BuildOptions(), stop_after="fuse", observers=[claims])
    got = run_module(module, arrays)
    for a, b in zip(got, wanted, strict=True):
        assert np.isfinite(b).all() and np.linalg.norm(b) > 0
        assert np.linalg.norm(a.astype(np.float64) - b) <= TOLERANCE * np.linalg.norm(b.astype(np.float64))
    ops = list(main_of(module).body.block.ops)
    assert silent_nodes(model.proto, {n for op in ops for n in onnx_names(op.location)}, [*found, *remarks]) == []
    assert claims.foreign == [] and claims.claims
    counts = Counter(type(op) for op in ops)
    launches, transposes = MOST[name]
    assert counts[fusion.CallOp] <= launches
    assert counts[nn.TransposeOp] <= transposes
    if name == "inception_v1":
        assert {fusion.alias_of(op) for op in ops if isinstance(op, nn.ConcatOp)} == {fusion.Alias.DEST}
        assert not [r for r in remarks if "copied" in r.message]
    if name == "qdq_convnet":
        products = [op for op in module.walk() if isinstance(op, nn.ConvOp)]
        assert {str(nn.element_of(op.result)) for op in products} == {"i32"}


def test_half_precision_casts_the_image_on_the_way() -> None:
    """One image: its cast is no launch of its own."""
    model = zoo.inception_v1()
    module = import_onnx(model.proto, profiles=model.profiles, static_shapes=model.static_shapes)
    run_pipeline(module, BuildOptions(precision="fp16"), stop_after="fuse")
    assert sum(isinstance(op, fusion.CallOp) for op in main_of(module).body.block.ops) <= MOST["inception_v1"][0]
