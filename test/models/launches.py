"""Launches per inference of the models of tests, without a GPU: `python test/models/launches.py [model ...] [--left]`.

A model is taken to the end of phase `memory`, where its launches stand; NVRTC is not needed. By default in fp16 for sm_90a, at batch 1
and fixed sizes. `--left` lists every launch but those of products and convolutions: what a better fusion would have to remove.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onnx import ModelProto
from xdsl.dialects.builtin import ArrayAttr, ModuleOp, StringAttr, SymbolRefAttr
from xdsl.dialects.func import FuncOp, ReturnOp
from xdsl.ir import Operation

import trtc
from trtc.compiler.frontend import import_onnx
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target
from trtc.dialects import buffer, nn
from trtc.dialects.kernel.types import Choice
from trtc.dialects.provenance import origins

sys.path.insert(0, str(Path(__file__).parent))
import architectures
import attention_models
import convnets
import encoders
import exported

MOVES = (nn.TransposeOp, nn.ReshapeOp, nn.ConcatOp, nn.SliceOp, nn.PadOp, nn.RollOp, nn.BroadcastToOp)
"""Ops that compute no number: a launch of these alone is a copy, and one that changes types too is a cast."""
PRODUCTS = ("gemm", "conv", "attention", "rnn")
"""Kinds of launches that a network needs; the others are what more fusion could remove."""


@dataclass(frozen=True)
class Launch:
    """One launch of a run."""

    kernel: str
    kind: str
    """What its group is anchored by (gemm, conv, row, window, gather, pointwise, ...), or `copy` where it computes nothing."""
    schedule: str
    ops: tuple[str, ...]
    """The ops of its group."""
    nodes: tuple[str, ...]
    """The ONNX nodes that it stands for."""

    @property
    def label(self) -> str:
        """Its ops without their dialects: `add+softmax`."""
        return "+".join(op.partition(".")[2] for op in self.ops) or "copy"

    def __str__(self) -> str:
        return f"{self.kind:10s} {self.kernel:28s} {self.schedule:13s} {', '.join(self.nodes)[:90]}"


@dataclass(frozen=True)
class Subject:
    """A model to count: how its ONNX is made, the ranges of its dynamic dims, the sizes to count at, and the most launches that
    it should take."""

    make: Callable[[], ModelProto]
    target: int | None = None
    profiles: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    sizes: Mapping[str, int] = field(default_factory=dict[str, int])


def fixed(proto: ModelProto, sizes: Mapping[str, int]) -> ModelProto:
    """A copy whose dynamic dims have these sizes."""
    copy = ModelProto()
    copy.CopyFrom(proto)
    for value in (*copy.graph.input, *copy.graph.output):
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]
    return copy


def lowered(
    model: ModelProto | ModuleOp, profiles: Mapping[str, Any], *, precision: str = "fp16", arch: str = "sm_90a"
) -> ModuleOp:
    """The model after phase `memory`; a module is changed in place."""
    module = model if isinstance(model, ModuleOp) else import_onnx(model, profiles=dict(profiles))
    set_target(module, arch)
    options = trtc.BuildOptions(precision=precision, target=arch, profiles=dict(profiles), verify_each=False)
    run_pipeline(module, options, stop_after="memory")
    return module


def launches(module: ModuleOp) -> list[Launch]:
    """The launches of a module after phase `memory`, in order; those of a loop's body or of each branch count once."""
    groups: dict[str, FuncOp] = {}
    for func in module.body.block.ops:
        listed = func.attributes.get("kernel.launches")
        if isinstance(func, FuncOp) and isinstance(listed, ArrayAttr):
            for name in listed:
                assert isinstance(name, SymbolRefAttr)
                groups[name.string_value()] = func
    found: list[Launch] = []
    for op in module.walk():
        if isinstance(op, buffer.LaunchOp):
            name = op.callee.string_value()
            found.append(_launch(op, name, groups[name]))
    return found


def _launch(op: buffer.LaunchOp, name: str, group: FuncOp) -> Launch:
    ops = [each for each in group.body.block.ops if not isinstance(each, ReturnOp | nn.ConstantOp)]
    choice = group.attributes["kernel.choice"]
    assert isinstance(choice, Choice)
    return Launch(
        name, _kind(ops, group), choice.schedule.data, tuple(each.name for each in ops), tuple(origins(op.location))
    )


def _kind(ops: Sequence[Operation], group: FuncOp) -> str:
    if all(isinstance(op, MOVES) for op in ops):
        return "copy"
    if all(isinstance(op, (*MOVES, nn.CastOp)) for op in ops):
        return "cast"
    anchor = group.attributes["fusion.anchor"]
    assert isinstance(anchor, StringAttr)
    return "gemm" if anchor.data == "matmul" else anchor.data


def _light(name: str, target: int | None = None) -> Subject:
    return Subject(lambda: architectures.uncalibrated(name), target)


def _convnet(name: str, target: int | None = None) -> Subject:
    return Subject(lambda: convnets.proto(name), target, convnets.PROFILES, {"batch": 1})


def _encoder(name: str, target: int | None = None, **sizes: int) -> Subject:
    return Subject(lambda: encoders.model(name).proto, target, encoders.PROFILES[name], sizes)


def _attention(name: str, target: int | None = None, **sizes: int) -> Subject:
    return Subject(lambda: attention_models.proto(name), target, attention_models.PROFILES[name], sizes)


SUBJECTS: dict[str, Subject] = {
    "inception_v1": _light("inception_v1", 57),
    "inception_v2": _light("inception_v2"),
    "resnet50": _light("resnet50", 53),
    "densenet121": _light("densenet121", 250),
    "squeezenet": _light("squeezenet"),
    "shufflenet": _light("shufflenet"),
    "googlenet": _convnet("googlenet", 59),
    "resnet50_torch": _convnet("resnet50_torch", 53),
    "mobilenet_v2": _convnet("mobilenet_v2", 53),
    "efficientnet_b0": _convnet("efficientnet_b0", 85),
    "densenet121_torch": _convnet("densenet121_torch", 250),
    "convnext_tiny": _convnet("convnext_tiny"),
    "unet": _convnet("unet"),
    "bert_base": _encoder("bert_base", 88, batch=1, sequence=128),
    "vit_b16": _encoder("vit_b16", 90, batch=1),
    "gpt2": _attention("gpt2", 90, batch=1, sequence=128),
    "llama": _attention("llama", 36, batch=1, sequence=128),
    "whisper_encoder": _attention("whisper_encoder", 39, batch=1),
    "swin_t": _attention("swin_t", batch=1),
    "clip_text": _attention("clip_text", batch=1),
    "t5_encoder": _attention("t5_encoder", batch=1),
    "detr": _attention("detr", batch=1),
    "minilm": _encoder("minilm_fp32", 55, batch=1, sequence=128),
    "gpt2_small": Subject(lambda: exported.load("gpt2")),
    "llama_small": Subject(lambda: exported.load("llama")),
    "bart_small": Subject(lambda: exported.load("bart")),
}
"""The models by name; those of exports/ have two layers."""


def count(
    name: str,
    *,
    precision: str = "fp16",
    arch: str = "sm_90a",
    dynamic: bool = False,
    sizes: Mapping[str, int] | None = None,
) -> list[Launch]:
    """The launches of one of `SUBJECTS`, at its sizes but for those given, or with `dynamic` dims."""
    subject = SUBJECTS[name]
    proto = subject.make()
    if not dynamic:
        proto = fixed(proto, {**subject.sizes, **(sizes or {})})
    return launches(lowered(proto, subject.profiles if dynamic else {}, precision=precision, arch=arch))


def kinds(found: Sequence[Launch]) -> dict[str, int]:
    """How many launches there are of each kind, the most frequent first."""
    return dict(Counter(launch.kind for launch in found).most_common())


def left(found: Sequence[Launch]) -> list[Launch]:
    """The launches that are no products."""
    return [launch for launch in found if launch.kind not in PRODUCTS]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=list(SUBJECTS), metavar="model", help=", ".join(SUBJECTS))
    parser.add_argument("--precision", default="fp16")
    parser.add_argument("--arch", default="sm_90a")
    parser.add_argument("--dynamic", action="store_true", help="leave dynamic dims dynamic")
    parser.add_argument("--left", action="store_true", help="list the launches that are no products")
    parser.add_argument("--all", action="store_true", help="list every launch")
    arguments = parser.parse_args()
    for name in arguments.models:
        start = time.perf_counter()
        found = count(name, precision=arguments.precision, arch=arguments.arch, dynamic=arguments.dynamic)
        wanted = SUBJECTS[name].target
        listed = ", ".join(f"{many} {kind}" for kind, many in kinds(found).items())
        print(
            f"{name:17s} {len(found):4d} launches{f' (target {wanted})' if wanted else ''}: {listed} "
            f"[{time.perf_counter() - start:.0f} s]",
            flush=True,
        )
        for launch in found if arguments.all else left(found) if arguments.left else ():
            print(f"    {launch}")


if __name__ == "__main__":
    main()
