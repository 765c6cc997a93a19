"""LSTM and GRU layers compared with cuDNN through torch, both in a CUDA graph, same run: `python test/bench/bench_rnn.py [case ...]`.

A case is `lstm-256`, `gru-1024`, ...: one layer of so many hidden units over inputs of as many features, sequences of 100 steps, batches of
1 and 32. Of `fp16` the model's own inputs, weights and outputs are of f16, as torch's are. `tf32` lets cuDNN round to TF32 too, which is
torch's default for f32; `fp32` forbids both. Errors compare with torch in float64. The note has the schedule; `--candidates` times every
candidate of the group too.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from records import Recorder
from timing import Forcing, choices, engine_time, relative_error, replay_time, torch_graph_time

import trtc

CASES = tuple(f"{kind}-{hidden}" for kind in ("lstm", "gru") for hidden in (128, 256, 512, 1024))
PRECISIONS = ("fp16", "tf32", "fp32")
STEPS = 100
RUNS = 4
"""Layers in one graph, so that starting it is little beside them."""
ORDER = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
"""ONNX's gates by their place among torch's: i, o, f, c of i, f, c, o; z, r, h of r, z, h."""


def layer(kind: str, hidden: int) -> Any:
    """A seeded layer of torch."""
    import torch

    torch.manual_seed(0)
    return (torch.nn.LSTM if kind == "lstm" else torch.nn.GRU)(hidden, hidden).eval()


def onnx_model(kind: str, net: Any, batch: int, dtype: type = np.float32) -> Any:
    """The layer as an ONNX model of x [steps, batch, hidden] and y [steps, 1, batch, hidden], its floats of `dtype`."""
    from onnx import helper, numpy_helper

    element = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))

    def gates(value: Any) -> np.ndarray:
        parts = np.split(value.detach().numpy().astype(dtype), len(ORDER[kind]))
        return np.concatenate([parts[place] for place in ORDER[kind]])

    hidden = net.hidden_size
    held = {
        "w": gates(net.weight_ih_l0)[None],
        "r": gates(net.weight_hh_l0)[None],
        "b": np.concatenate([gates(net.bias_ih_l0), gates(net.bias_hh_l0)])[None],
    }
    more = {"linear_before_reset": 1} if kind == "gru" else {}
    node = helper.make_node(kind.upper(), ["x", "w", "r", "b"], ["y"], kind, hidden_size=hidden, **more)
    graph = helper.make_graph(
        [node], kind,
        [helper.make_tensor_value_info("x", element, [STEPS, batch, hidden])],
        [helper.make_tensor_value_info("y", element, [STEPS, 1, batch, hidden])],
        [numpy_helper.from_array(array, name) for name, array in held.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def cudnn_time(net: Any, x: Any) -> float:
    """Microseconds of one run by torch in a CUDA graph; between events where torch cannot capture it."""
    import cupy
    import torch

    with torch.no_grad():
        try:
            return torch_graph_time(lambda: net(x)[0], RUNS)
        except RuntimeError as error:
            print(f"  not captured ({error}); timed as it is")
            stream = cupy.cuda.Stream.from_external(torch.cuda.current_stream())
            return replay_time(lambda: net(x)[0], stream)


def measure(recorder: Recorder, name: str, batch: int, precision: str, candidates: bool) -> None:
    import torch

    kind, hidden = name.split("-")
    net = layer(kind, int(hidden))
    own = np.float16 if precision == "fp16" else np.float32
    proto = onnx_model(kind, net, batch, own)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((STEPS, batch, int(hidden))).astype(own)
    with torch.no_grad():
        reference = net.double()(torch.from_numpy(x).double())[0].numpy()[:, None]
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision != "fp32"
        given = torch.from_numpy(x).cuda()
        on_gpu = net.to(given.dtype).cuda()
        on_gpu.flatten_parameters()
        peers = {"cuDNN": cudnn_time(on_gpu, given)}

    def run(forcing: Forcing | None = None) -> tuple[float, float, Any]:
        options = trtc.BuildOptions(precision=precision)
        engine = trtc.build(proto, options, observers=[forcing] if forcing else ())
        outputs, time = engine_time(engine, {"x": x}, RUNS)
        return time, relative_error(outputs["y"], reference), engine

    time, error, engine = run()
    note = f"{engine.stats.as_dict()['launches_per_run']} launches; {choices(engine)}"
    recorder.case(
        f"{name} of {STEPS} steps", batch=batch, dtype=precision, unit="us", ours=time, peers=peers, error=error, note=note
    )  # fmt: skip
    if candidates:
        _all(recorder, f"{name} of {STEPS} steps", batch, precision, run)


def _all(recorder: Recorder, name: str, batch: int, precision: str, run: Any) -> None:
    """Each candidate of the recurrence."""
    from trtc.dialects import nn

    known = Forcing(nn.RnnOp)
    run(known)
    for choice in dict.fromkeys(known.candidates):
        try:
            time, error, _ = run(Forcing(nn.RnnOp, choice=choice))
        except trtc.TrtcError as problem:
            print(f"  {choice}: {problem}")
            continue
        note = f"candidate {choice.schedule.data} {choice.values}"
        recorder.case(name, batch=batch, dtype=precision, unit="us", ours=time, peers={}, error=error, note=note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", default=CASES)
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 32])
    parser.add_argument("--precision", nargs="*", default=PRECISIONS, choices=PRECISIONS)
    parser.add_argument("--candidates", action="store_true")
    arguments = parser.parse_args()
    recorder = Recorder("rnn")
    for name in arguments.cases:
        for batch in arguments.batch:
            for precision in arguments.precision:
                measure(recorder, name, batch, precision, arguments.candidates)


if __name__ == "__main__":
    main()
