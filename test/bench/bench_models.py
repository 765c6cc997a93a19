"""Whole models compared with torch, fp16, same run: `python test/bench/bench_models.py [case ...] [--batch 1 32] [--no-compile]`.

Peers: torch eager in a CUDA graph, convnets channels-last, transformers with fused attention; and torch.compile(mode="reduce-overhead").

- `open_nsfw`: the published ONNX file; torch runs the same graph, node by node.
- The other convnets, `vit_b_16` and `swin_t`: torchvision's, seeded; exported by torch.
- `bert_base`, `bert_large`, `minilm`, `gpt2`, `llama`, `whisper_encoder`: transformers', seeded; exported by torch with eager attention,
  sequence 128 (BERT-large 384). `bert_base_eager` times torch with eager attention too.

Errors compare with the same model in float32 by torch. `--profile` prints the slowest launches.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "models")]
import models_torch  # noqa: E402
from records import Recorder  # noqa: E402
from timing import engine_time, relative_error, torch_compiled_time, torch_graph_time  # noqa: E402

import trtc  # noqa: E402


@dataclass
class Case:
    """A model as ONNX and as torch calls."""

    onnx: Any
    inputs: dict[str, np.ndarray]
    output: str
    reference: Any
    """The result by torch in float32."""
    net: Callable[..., Any]
    """Torch's network in fp16, and what it reads."""
    given: tuple[Any, ...]
    profiles: dict[str, tuple[int, int, int]]


def open_nsfw(batch: int) -> Case:
    import torch
    import zoo

    model = zoo.open_nsfw()
    inputs = model.inputs(0, batch=batch)
    ((name, x),) = inputs.items()
    image = torch.from_numpy(x).cuda()
    run = models_torch.from_onnx(model.proto)
    half = run.half()
    profiles = dict.fromkeys(model.profiles, (batch, batch, batch))
    reference = run({name: image})[model.compare]
    return Case(
        model.proto,
        inputs,
        model.compare,
        reference,
        lambda x: half({name: x})[model.compare],
        (image.half(),),
        profiles,
    )


def vision(name: str, batch: int) -> Case:
    import torch

    net, (x,) = models_torch.vision(name, batch)
    proto = models_torch.export(net, (x,), ("x",))
    full = net.cuda()
    reference = full(x.cuda()).float()
    half = full.half().to(memory_format=torch.channels_last)
    given = x.cuda().half().to(memory_format=torch.channels_last)
    return Case(proto, {"x": x.numpy()}, "out", reference, half, (given,), {})


def text(made: tuple[Any, tuple[Any, ...]], attention: str = "sdpa") -> Case:
    """A network of transformers and its inputs; floats among these are fp16 for the peer."""
    net, inputs = made
    names = [f"input_{number}" for number in range(len(inputs))]
    proto = models_torch.export(net, inputs, tuple(names))
    net = net.cuda()
    given = [value.cuda() for value in inputs]
    reference = net(*given).float()
    net.attention(attention)
    half = net.half()
    given = [value.half() if value.is_floating_point() else value for value in given]
    arrays = {name: value.numpy() for name, value in zip(names, inputs, strict=True)}
    return Case(proto, arrays, "out", reference, half, tuple(given), {})


LARGE = dict(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096)
MINI = dict(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
VISION = (
    *("resnet50", "googlenet", "mobilenet_v2", "efficientnet_b0", "densenet121", "convnext_tiny", "vgg16"),
    *("vit_b_16", "swin_t"),
)
CASES: dict[str, Callable[[int], Case]] = {
    "open_nsfw": open_nsfw,
    **{name: partial(vision, name) for name in VISION},
    "bert_base": lambda batch: text(models_torch.bert(batch)),
    "bert_base_eager": lambda batch: text(models_torch.bert(batch), "eager"),
    "bert_large": lambda batch: text(models_torch.bert(batch, 384, **LARGE)),
    "minilm": lambda batch: text(models_torch.bert(batch, **MINI)),
    "gpt2": lambda batch: text(models_torch.gpt2(batch)),
    "llama": lambda batch: text(models_torch.llama(batch)),
    "whisper_encoder": lambda batch: text(models_torch.whisper_encoder(batch)),
}


def measure(recorder: Recorder, name: str, batch: int, precision: str, profile: bool, compiled: bool = True) -> None:
    import torch

    with torch.no_grad():
        case = CASES[name](batch)
        reference = case.reference.cpu().numpy()
        peers = {"torch eager": torch_graph_time(lambda: case.net(*case.given))}
        torch.cuda.synchronize()
    engine = trtc.build(case.onnx, trtc.BuildOptions(precision=precision, profiles=case.profiles))
    outputs, ours = engine_time(engine, case.inputs)
    error = relative_error(outputs[case.output], reference)
    note = f"{engine.stats.as_dict()['launches_per_run']} launches"
    if compiled:  # last: what it leaves behind in torch's allocator slows nothing that is measured
        try:
            peers["torch.compile"] = torch_compiled_time(case.net, case.given)
        except Exception as problem:
            note += f"; torch.compile failed: {type(problem).__name__}"
            print(f"{name}: torch.compile failed: {problem}", file=sys.stderr)
        torch.compiler.reset()
    recorder.case(name, batch=batch, dtype=precision, unit="us", ours=ours, peers=peers, error=error, note=note)
    if profile:
        from trtc.runtime.profiler import profile as profile_launches

        times = sorted(profile_launches(engine.create_context(), case.inputs), key=lambda t: -t.microseconds)
        total = sum(t.microseconds for t in times)
        print(f"  {total:.0f} us in {len(times)} launches; the slowest:")
        for t in times[:14]:
            print(f"  {t.microseconds:8.1f} us  {t.kernel:32s} grid {t.grid}  {', '.join(t.nodes)[:60]}")
    torch.cuda.empty_cache()


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=list(CASES), metavar="case", help=", ".join(CASES))
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 32])
    parser.add_argument("--precision", default="fp16")
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--no-compile", action="store_true", help="leave out torch.compile, which takes minutes")
    arguments = parser.parse_args(given)
    if unknown := [name for name in arguments.cases if name not in CASES]:
        parser.error(f"there is no case {unknown[0]}; expected some of {', '.join(CASES)}")
    recorder = Recorder("models")
    for name in arguments.cases:
        for batch in arguments.batch:
            measure(recorder, name, batch, arguments.precision, arguments.profile, not arguments.no_compile)


if __name__ == "__main__":
    main()
