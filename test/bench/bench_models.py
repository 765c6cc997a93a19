"""Whole models compared with torch eager, both in a CUDA graph, fp16, same run: `python test/bench/bench_models.py [case ...]`.

- `open_nsfw`: the published ONNX file; torch runs the same graph, node by node, channels-last.
- `resnet50`: torchvision's, seeded; exported by torch.
- `bert_base`: transformers' with eager attention, seeded, sequence 128; exported by torch. `bert_base_sdpa` times torch with its
  fused attention.

Errors compare with the same model in float32 by torch. `--profile` prints the slowest launches.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "models")]
import models_torch  # noqa: E402
from records import Recorder  # noqa: E402
from timing import engine_time, relative_error, torch_graph_time  # noqa: E402

import trtc  # noqa: E402


@dataclass
class Case:
    """A model as ONNX and as torch calls."""

    onnx: Any
    inputs: dict[str, np.ndarray]
    output: str
    reference: Callable[[], Any]
    """The result by torch in float32."""
    peer: Callable[[], Any]
    """Torch eager in fp16."""
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
    given = image.half()
    profiles = dict.fromkeys(model.profiles, (batch, batch, batch))
    return Case(
        model.proto,
        inputs,
        model.compare,
        lambda: run({name: image})[model.compare],
        lambda: half({name: given}),
        profiles,
    )


def resnet50(batch: int) -> Case:
    import torch
    import torchvision

    torch.manual_seed(0)
    net = torchvision.models.resnet50().eval()
    models_torch.seed_norms(net)
    x = torch.randn(batch, 3, 224, 224)
    proto = models_torch.export(net, (x,), ("x",))
    full = net.cuda()
    reference = full(x.cuda()).float()
    half = full.half().to(memory_format=torch.channels_last)
    given = x.cuda().half().to(memory_format=torch.channels_last)
    return Case(proto, {"x": x.numpy()}, "out", lambda: reference, lambda: half(given), {})


def bert_base(batch: int, attention: str = "eager") -> Case:
    net, inputs = models_torch.bert_base(batch)
    proto = models_torch.export(net, inputs, ("ids", "mask", "types"))
    net = net.cuda()
    given = [value.cuda() for value in inputs]
    reference = net(*given).float()
    given[1] = given[1].half()
    net.bert.set_attn_implementation(attention)
    half = net.half()
    arrays = {name: value.numpy() for name, value in zip(("ids", "mask", "types"), inputs, strict=True)}
    return Case(proto, arrays, "out", lambda: reference, lambda: half(*given), {})


CASES: dict[str, Callable[[int], Case]] = {
    "open_nsfw": open_nsfw,
    "resnet50": resnet50,
    "bert_base": bert_base,
    "bert_base_sdpa": lambda batch: bert_base(batch, "sdpa"),
}


def measure(recorder: Recorder, name: str, batch: int, precision: str, profile: bool) -> None:
    import torch

    with torch.no_grad():
        case = CASES[name](batch)
        reference = case.reference().cpu().numpy()
        peer = torch_graph_time(case.peer)
        torch.cuda.synchronize()
    engine = trtc.build(case.onnx, trtc.BuildOptions(precision=precision, profiles=case.profiles))
    outputs, ours = engine_time(engine, case.inputs)
    error = relative_error(outputs[case.output], reference)
    note = f"{engine.stats.as_dict()['launches_per_run']} launches"
    recorder.case(
        name, batch=batch, dtype=precision, unit="us", ours=ours, peers={"torch eager": peer}, error=error, note=note
    )
    if profile:
        from trtc.runtime.profiler import profile as profile_launches

        times = sorted(profile_launches(engine.create_context(), case.inputs), key=lambda t: -t.microseconds)
        total = sum(t.microseconds for t in times)
        print(f"  {total:.0f} us in {len(times)} launches; the slowest:")
        for t in times[:14]:
            print(f"  {t.microseconds:8.1f} us  {t.kernel:32s} grid {t.grid}  {', '.join(t.nodes)[:60]}")
    torch.cuda.empty_cache()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=["open_nsfw", "resnet50", "bert_base"])
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 32])
    parser.add_argument("--precision", default="fp16")
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    recorder = Recorder("models")
    for name in arguments.cases:
        for batch in arguments.batch:
            measure(recorder, name, batch, arguments.precision, arguments.profile)


if __name__ == "__main__":
    main()
