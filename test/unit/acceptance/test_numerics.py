"""check-numerics on the five models: clean through the whole pipeline, and a bug planted in a pass is named, saved and reproduced."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp

from trtc.compiler.debug.check_numerics import NumericsError, NumericsObserver
from trtc.compiler.frontend import import_onnx
from trtc.compiler.options import BuildOptions
from trtc.compiler.pipeline import phase_steps, run_pipeline
from trtc.compiler.targets import set_target
from trtc.dialects import nn
from trtc.passes.graph.fold_batch_norm import FoldBatchNormPass

sys.path.insert(0, str(Path(__file__).parents[2] / "models"))
import zoo

pytestmark = pytest.mark.network
TOOLS = Path(sys.executable).parent

# Small and fixed where the model leaves it open: every value of every state is computed.
SMALL = {
    "ppocr_cls": {"x_d0": (1, 1, 1), "x_d2": (48, 48, 48), "x_d3": (64, 64, 64)},
    "open_nsfw": {"unk__653": (1, 1, 1)},
    "inception_v1": {},
    "minilm": {"batch": (1, 2, 2), "sequence": (1, 5, 8)},
    "qdq_convnet": {"x_d0": (1, 1, 1), "x_d2": (48, 48, 48), "x_d3": (64, 64, 64)},
}
CASES = [
    ("ppocr_cls", "fp32", "threads"),
    ("open_nsfw", "fp32", "fuse"),
    ("inception_v1", "fp32", "fuse"),
    ("minilm", "fp32", "fuse"),
    ("qdq_convnet", "fp32", "fuse"),
    ("ppocr_cls", "fp16", "fuse"),
    ("open_nsfw", "fp16", "fuse"),
    ("minilm", "fp16", "fuse"),
]


def check(name: str, precision: str, stop_after: str, directory: Path) -> NumericsObserver:
    """The pipeline of a model under check-numerics."""
    module = import_onnx(zoo.ALL[name]().proto, profiles=SMALL[name])
    set_target(module, "sm_80")
    observer = NumericsObserver(seed=0, directory=directory)
    options = BuildOptions(precision=precision, profiles=SMALL[name])
    run_pipeline(module, options, stop_after=stop_after, observers=[observer])
    return observer


@pytest.mark.parametrize(("name", "precision", "stop_after"), CASES)
def test_the_pipeline_is_clean(name: str, precision: str, stop_after: str, tmp_path: Path) -> None:
    observer = check(name, precision, stop_after, tmp_path)
    phases = list(phase_steps(BuildOptions(precision=precision)).items())
    last = [phase for phase, _ in phases].index(stop_after)
    assert len(observer.checked) == sum(len(steps) for _, steps in phases[: last + 1])
    for step, (compared, error) in observer.checked.items():
        print(f"{step}: {compared} values, {error:.1e}")
        assert compared >= 40, f"after {step} only {compared} values have a name that both states know"
    assert list(tmp_path.iterdir()) == []


def scale_a_weight(module: ModuleOp) -> None:
    """The planted bug: the fifth convolution's weights grow by one percent."""
    conv = [op for op in module.walk() if isinstance(op, nn.ConvOp)][4]
    old = conv.operands[1]
    array = nn.value_of(old, "a test")
    assert array is not None
    scaled = nn.ConstantOp(array * np.float32(1.01))
    scaled.location = conv.location
    conv.parent_block().insert_op_before(scaled, conv)  # type: ignore[union-attr]
    conv.operands[1] = scaled.result


def drop_an_add(module: ModuleOp) -> None:
    """The planted bug: what reads the fifth addition reads its first operand instead."""
    add = [op for op in module.walk() if isinstance(op, nn.AddOp)][4]
    add.result.replace_all_uses_with(add.operands[0])


@pytest.mark.parametrize("bug", [scale_a_weight, drop_an_add])
def test_a_bug_in_a_pass_of_the_pipeline_is_named(
    bug: Callable[[ModuleOp], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pass, value and ONNX node are in the message, and the tensors in a file."""
    right = FoldBatchNormPass.apply

    def apply(self: FoldBatchNormPass, ctx: Context, op: ModuleOp) -> None:
        right(self, ctx, op)
        bug(op)

    monkeypatch.setattr(FoldBatchNormPass, "apply", apply)
    with pytest.raises(NumericsError) as caught:
        check("ppocr_cls", "fp32", "threads", tmp_path)
    message = str(caught.value)
    print(message)
    assert "pass 'fold-batch-norm' (reassociates) changed value" in message
    found = re.search(r"changed value '(\S+)', computed by nn\.\w+ \(from (.+?)\) and before", message)
    assert found is not None
    nodes = {node.name or node.output[0]: node for node in zoo.ppocr_cls().proto.graph.node}
    outputs = {output for node in nodes.values() for output in node.output}
    assert found[1] in outputs, "the value is called as in the ONNX model"
    named = [part.split(" for ")[-1] for part in found[2].split(", ")]  # `transpose for conv1` names conv1
    assert any(part in nodes or part.split(":")[-1] in outputs for part in named)
    (saved,) = tmp_path.glob("*-fold-batch-norm-*.npz")
    arrays = np.load(saved)
    assert {"before", "after", "input:x"} <= set(arrays.files)
    assert np.abs(arrays["after"] - arrays["before"]).max() > 0


PLUGIN = """
from dataclasses import dataclass

from trtc.dialects import nn
from xdsl.passes import ModulePass
from xdsl.universe import Universe


@dataclass(frozen=True)
class PlantedPass(ModulePass):
    name = "planted"
    numerics = "exact"

    def apply(self, ctx, op):
        add = [inner for inner in op.walk() if isinstance(inner, nn.AddOp)][4]
        add.result.replace_all_uses_with(add.operands[0])


UNIVERSE = Universe(all_passes={"planted": lambda: PlantedPass})
"""


def test_the_printed_command_reproduces_the_failure(tmp_path: Path) -> None:
    """With a pass of a package outside the tree, through `trtc-opt`, as a user would see it."""
    site = tmp_path / "site"
    info = site / "planted-1.dist-info"
    info.mkdir(parents=True)
    (site / "planted.py").write_text(PLUGIN)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: planted\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[xdsl.universe]\nplanted = planted:UNIVERSE\n")
    path = os.pathsep.join([str(TOOLS), os.environ.get("PATH", "")])
    environment = {**os.environ, "PYTHONPATH": str(site), "PATH": path}
    model = tmp_path / "model.onnx"
    onnx.save(zoo.ppocr_cls().proto, model)
    command = f"trtc-opt {model} --profile=x_d0=1 --profile=x_d2=48 --profile=x_d3=64 -p fold-constants,planted,cse"
    messages: list[str] = []
    command += " --check-numerics --seed 7"
    for _ in range(2):
        done = subprocess.run(
            shlex.split(command), env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        messages.append(done.stderr)
        assert done.returncode == 1, done.stderr
        assert "check-numerics: pass 'planted' (exact) changed value" in done.stderr
        command = done.stderr.partition("reproduce with: ")[2].splitlines()[0]
        assert command.startswith("trtc-opt")
    assert messages[0] == messages[1]
    assert list((tmp_path / "numerics-failure").glob("02-planted-*.npz"))
