"""The result of every launch of a model beside ONNX Runtime's value of that name, on a GPU and on the simulator."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import zoo
from numpy.lib.stride_tricks import as_strided
from xdsl.ir import Operation

import trtc
from trtc.compiler.debug.check_numerics import relative_error
from trtc.compiler.frontend import import_onnx
from trtc.compiler.interpret.module import execute
from trtc.compiler.pipeline import run_pipeline
from trtc.compiler.targets import set_target
from trtc.dialects import buffer
from trtc.dialects.provenance import as_onnx_orders
from trtc.runtime.program.memory import MemoryRef
from trtc.runtime.program.steps import Launch

Array = np.ndarray[Any, Any]
MOST_STEPS = 4
"""How many launches on a result without a name may have gone into one that is compared: stacked siblings and attention in several launches
make values that no ONNX tensor has."""


class Lowered:
    """A model taken to kernels, which run on the simulator; the rest of a build is left out, so that NVRTC is not needed."""

    device = "simulator"

    def __init__(self, made: zoo.Model, precision: str, arch: str = "sm_80") -> None:
        options = trtc.BuildOptions(precision=precision, target=arch, profiles=made.profiles)
        self.module = import_onnx(made.proto, profiles=made.profiles)
        set_target(self.module, arch)
        run_pipeline(self.module, options, stop_after="memory")
        self.launches = sum(isinstance(op, buffer.LaunchOp) for op in self.module.walk())

    def run(self, given: zoo.Inputs, observe: Callable[[str, Array], None] | None = None) -> dict[str, Array]:
        return execute(self.module, given, observe and (lambda name, array, op: observe(name, array)))


def launches_of(context: Any) -> int:
    """How many launches a run takes."""
    return context.launches if isinstance(context, Lowered) else context.engine.stats.as_dict()["launches_per_run"]


def check_reach(context: Any, given: zoo.Inputs, compared: Collection[str]) -> None:
    """Every launch's result is compared, or an output, which other tests compare, or goes into one that is at most `MOST_STEPS` launches
    on."""
    launches = context.plan({name: array.shape for name, array in given.items()}).launches
    left: list[int | None] = [None] * len(launches)
    all_readers = readers_of(launches)
    for number, readers in reversed(list(enumerate(all_readers))):
        outputs = any(launches[number].arguments[position].root == "output" for position in launches[number].written)
        if outputs or any(name.partition("@")[0] in compared for name in launches[number].names):
            left[number] = 0
            continue
        steps = [step for reader in readers if (step := left[reader]) is not None]
        left[number] = min(steps) + 1 if steps else None
    far = [
        f"{number} ({launch.kernel.name} of {', '.join(launch.nodes)[:60]})"
        for number, (launch, steps, readers) in enumerate(zip(launches, left, all_readers, strict=True))
        if readers and (steps is None or steps > MOST_STEPS)
    ]
    assert not far, (
        f"launches whose results go into none that is compared, within {MOST_STEPS} launches: {'; '.join(far)}"
    )


def readers_of(launches: Sequence[Launch]) -> list[set[int]]:
    """For each launch those that read what it wrote."""
    readers: list[set[int]] = [set() for _ in launches]
    memory: dict[str, Array] = {}
    """The number of the launch that wrote each byte of a root last, -1 for none."""

    def of(ref: MemoryRef) -> Array:
        root = f"{ref.root} {ref.name}"
        size = ref.dtype.itemsize
        strides = tuple(stride * size for stride in ref.strides)
        end = ref.offset + size + sum((n - 1) * stride for n, stride in zip(ref.shape, strides, strict=True))
        held = memory.get(root, np.empty(0, np.int16))
        if held.size < end:
            held = memory[root] = np.concatenate([held, np.full(end - held.size, -1, np.int16)])
        step = held.itemsize
        return as_strided(held[ref.offset :], (*ref.shape, size), (*(step * stride for stride in strides), step))

    for launch in launches:  # all memory exists before there are views of it
        for ref in launch.arguments:
            of(ref)
    for number, launch in enumerate(launches):
        used = [(of(ref), access) for ref, access in zip(launch.arguments, launch.accesses, strict=True)
                if ref.root != "weight" and 0 not in ref.shape]  # fmt: skip
        for writer in np.unique(np.concatenate([np.unique(place) for place, access in used if access.reads] or [[]])):
            if writer >= 0:
                readers[int(writer)].add(number)
        for place, access in used:
            if access.writes:
                place[...] = number
    return readers


def rounded_alone(made: zoo.Model, precision: str, given: zoo.Inputs) -> dict[str, Array]:
    """The tensors of a model after phase `graph`, by their ONNX names, as its meaning gives them: rounded to the types that a build stores
    them in, and nothing else. Deep networks of seeded weights amplify that: ResNet-50's last sums are 3% off."""
    module = import_onnx(made.proto, profiles=made.profiles)
    set_target(module, "sm_90a")
    options = trtc.BuildOptions(precision=precision, target="sm_90a", profiles=made.profiles)
    run_pipeline(module, options, stop_after="graph")
    found: dict[str, Array] = {}

    def observe(name: str, array: Array, op: Operation) -> None:
        key, ordered = as_onnx_orders(name, array.copy())
        found[key] = ordered

    execute(module, given, observe)
    return found


def check_against_onnxruntime(
    made: zoo.Model,
    precision: str,
    context: Any,
    given: zoo.Inputs,
    ceiling: float,
    *,
    least: float,
    rounded: Mapping[str, Array] | None = None,
) -> None:
    """Every result of a launch that has the name of an ONNX tensor, which at least this share of the launches have. A softmax at the end is
    left out: saturated it hides errors, else it adds some. Where rounding alone (`rounded`) is off by more than half the ceiling, a
    result may be off by twice as much."""
    nodes = made.proto.graph.node
    last = {name for node in nodes if node.op_type == "Softmax" for name in node.output if name in made.outputs}
    named = {name for node in nodes for name in node.output} - last
    found = {name: array for name, array in group_results(context, given).items() if name in named}
    want = zoo.run_onnxruntime(made.proto, given, sorted(found))
    alone = {
        name: relative_error(array, want[name].reshape(array.shape))
        for name, array in (rounded or {}).items()
        if name in want
    }
    compare_groups(f"{made.name} {precision}", found, want, launches_of(context), ceiling, least=least, alone=alone)
    if not isinstance(context, Lowered):
        check_reach(context, given, found)


def check_a_text_without_a_word(made: zoo.Model, precision: str, context: Any, ceiling: float) -> None:
    """What a model makes of texts of which the last is padding alone: each text by itself, NaN where ONNX Runtime says so."""
    given = made.inputs(31, batch=3, sequence=17)
    given["attention_mask"][-1] = 0
    want, got = zoo.run_onnxruntime(made.proto, given), context.run(given)
    for name, array in want.items():
        for row, (found, expected) in enumerate(zip(np.asarray(got[name]), array, strict=True)):
            error = relative_error(found, expected)
            print(f"{made.name} {precision} {name}, text {row}: {error:.2e}")
            assert error <= ceiling, f"{name}, text {row}: relative error {error:.2e}"


def compare_groups(
    label: str,
    found: Mapping[str, Array],
    want: Mapping[str, Array],
    launches: int,
    ceiling: float,
    *,
    least: float,
    alone: Mapping[str, float] = MappingProxyType({}),
) -> None:
    """The values of both by name: their relative errors, and that there are `least` times as many as launches."""
    errors = {
        name: relative_error(array, want[name].reshape(array.shape)) for name, array in found.items() if name in want
    }
    assert len(errors) >= least * launches, f"only {len(errors)} of {launches} results have a known ONNX name"
    ceilings = {name: max(ceiling, 2 * alone.get(name, 0.0)) for name in errors}
    worst = max(errors, key=lambda name: errors[name] / ceilings[name])
    print(
        f"{label}: {len(errors)} results of {launches} launches, worst {errors[worst]:.2e} of {ceilings[worst]:.2e} at {worst}"
    )
    assert errors[worst] <= ceilings[worst], (
        f"{worst}: relative error {errors[worst]:.2e}, of at most {ceilings[worst]:.2e}"
    )


def group_results(context: Any, given: zoo.Inputs) -> dict[str, Array]:
    """The results of launches by their ONNX names, in the order that ONNX has, as they are right after the launch."""
    if context.device != "simulator":
        return dict(as_onnx_orders(name, array) for name, array in _on_gpu(context, given))
    found: dict[str, Array] = {}

    def observe(name: str, array: Array) -> None:
        key, ordered = as_onnx_orders(name, array.copy())
        found[key] = ordered

    context.run(given, observe=observe)
    return found


def _on_gpu(context: Any, given: zoo.Inputs) -> Iterator[tuple[str, Array]]:
    import cupy

    prepared, _ = context._bind(given, {}, True, context.stream)
    for launch, packed in prepared.launches:
        context.issue([packed], context.stream)
        context.stream.synchronize()
        for name, position in zip(launch.names, launch.written, strict=True):
            ref = launch.arguments[position]
            if not name:
                continue
            span = 1 + sum((extent - 1) * stride for extent, stride in zip(ref.shape, ref.strides, strict=True))
            raw = np.empty(span * ref.dtype.itemsize, np.uint8)
            address = ctypes.cast(packed.arguments.pointers[position], ctypes.POINTER(ctypes.c_uint64)).contents.value
            cupy.cuda.runtime.memcpy(raw.ctypes.data, address, raw.nbytes, cupy.cuda.runtime.memcpyDeviceToHost)
            strides = [stride * ref.dtype.itemsize for stride in ref.strides]
            yield name, as_strided(raw.view(ref.dtype), ref.shape, strides)
