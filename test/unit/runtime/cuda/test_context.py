"""The GPU context on a stand-in (test/stand_in_gpu.py): what it queues, where, in which order, and what it keeps."""

from __future__ import annotations

import gc
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from trtc.dialects.dims import parse_expr, parse_exprs
from trtc.dialects.errors import TargetError
from trtc.runtime.container import Section
from trtc.runtime.driver import Driver
from trtc.runtime.program.memory import InputError
from trtc.runtime.tensor_maps import TensorMapInfo

sys.path.insert(0, str(Path(__file__).parents[3]))
sys.path.insert(0, str(Path(__file__).parent))

from handmade import W, close, inputs
from stand_in_gpu import Stream, World


@pytest.mark.parametrize("graphs", [False, True])
def test_host_arrays_are_there_when_run_returns(engine: Any, world: World, expected: Any, graphs: bool) -> None:
    context = engine.create_context(0, graphs=graphs, poison=True)
    for round_ in range(4):
        for n in (1, 5, 8):
            x = inputs(n, 10 * round_ + n)
            y = context.run({"x": x})["y"]
            x[...] = np.nan  # the caller's again
            close(y, expected(inputs(n, 10 * round_ + n)))


def test_what_a_run_asks_for_in_order(engine: Any, world: World) -> None:
    context = engine.create_context(0, graphs=False)
    del world.log[:]
    context.run({"x": inputs(3)})
    own = context.stream.name
    kinds = [entry[0] for entry in world.log if entry[0] != "alloc"]
    assert kinds == ["wait", "to device", *["launch"] * 4, "to host", "record", "synchronize"]
    assert {entry[1] for entry in world.log if entry[0] != "alloc"} == {own}
    assert [(e[0], e[2]) for e in world.counts("to device", "to host")] == [("to device", 48), ("to host", 12)]


def test_launches_carry_grid_block_shared_memory_and_parameters(engine: Any, world: World) -> None:
    context = engine.create_context(0, graphs=False)
    context.run({"x": inputs(5)})
    found = world.counts("launch")
    assert [entry[2] for entry in found] == ["fc", "relu", "fc_cat", "sum"]
    assert {entry[3] for entry in found} == {(5, 1, 1)} and {entry[4] for entry in found} == {(32, 1, 1)}
    assert [entry[5] for entry in found] == [0, 0, 0, 24]
    assert {entry[6][-1] for entry in found} == {5}
    assert world.counts("attribute") == [("attribute", "sum", 8, 24)]
    (fc, relu, fc_cat, total) = (entry[6] for entry in found)
    assert fc[:2] == fc_cat[:2] and fc[2] == relu[0] and fc_cat[2] == relu[1] + 12 and total[0] == relu[1]


def test_weights_are_on_the_device_before_the_first_run_and_only_once(engine: Any, world: World) -> None:
    context = engine.create_context(0)
    kinds = [entry[0] for entry in world.log]
    assert kinds.index("to device") < kinds.index("synchronize")
    assert world.counts("to device") == [("to device", context.stream.name, W.nbytes)]
    first = context._loaded.weights["w"]
    np.testing.assert_array_equal(world.device.floats(first, 12), W.reshape(-1))
    loads = len(world.counts("load"))
    assert engine.create_context(0)._loaded.weights["w"] == first and len(world.counts("load")) == loads == 4


def test_the_arena_is_allocated_once_and_as_large_as_the_plan(engine: Any, world: World) -> None:
    context = engine.create_context(0)
    sizes = [entry[2] for entry in world.counts("alloc")]
    assert sizes.count(engine.stats.arena_bytes) == 1
    for n in (1, 8, 3):
        context.run({"x": inputs(n)})
    later = [entry[2] for entry in world.counts("alloc")][len(sizes) :]
    assert later == [8 * 4 * 4, 8 * 4], "one buffer for the input and one for the output, at the end of the profile"


def test_device_arrays_are_read_and_written_where_they_lie(engine: Any, world: World, expected: Any) -> None:
    context = engine.create_context(0, graphs=False)
    x, y = world.array(inputs(4)), world.array(np.zeros(4, np.float32))
    del world.log[:]
    assert context.run({"x": x}, {"y": y})["y"] is y
    assert [entry[0] for entry in world.log] == ["wait", *["launch"] * 4, "record"], "neither copied nor waited for"
    assert world.counts("launch")[0][6][0] == x.data.ptr and world.counts("launch")[3][6][1] == y.data.ptr
    world.finish()
    close(y.numpy(), expected(inputs(4)))


def test_work_goes_to_the_callers_stream(engine: Any, world: World, expected: Any) -> None:
    context = engine.create_context(0, graphs=False)
    mine = Stream(world, "mine")
    x = world.array(inputs(4))
    for use in ("current", "named"):
        del world.log[:]
        if use == "current":
            with mine:
                y = context.run({"x": x})["y"]
        else:
            y = context.run({"x": x}, stream=mine)["y"]
        assert {entry[1] for entry in world.log} == {"mine"}
        mine.synchronize()
        close(y.numpy(), expected(inputs(4)))


def test_runs_on_two_streams_share_the_arena_in_turn(engine: Any, world: World, expected: Any) -> None:
    """The second waits for the first on the GPU and not on the host: both are still queued when the last of them is finished first."""
    context = engine.create_context(0)
    streams = [Stream(world, name) for name in ("a", "b", "c")]
    arrays = [world.array(inputs(8, seed)) for seed in range(9)]
    results = []
    for index, x in enumerate(arrays):
        with streams[index % 3]:
            results.append(context.run({"x": x})["y"])
    assert not [e for e in world.counts("synchronize") if e[1] in "abc"]
    world.finish()
    for seed, y in enumerate(results):
        close(y.numpy(), expected(inputs(8, seed)))


def test_a_run_on_the_host_waits_for_one_on_the_device(engine: Any, world: World, expected: Any) -> None:
    context = engine.create_context(0)
    x = world.array(inputs(8, 1))
    with Stream(world, "mine"):
        first = context.run({"x": x})["y"]
    close(context.run({"x": inputs(2, 2)})["y"], expected(inputs(2, 2)))
    world.finish()
    close(first.numpy(), expected(inputs(8, 1)))


@pytest.mark.parametrize("side", ["input", "output"])
def test_a_host_array_beside_one_on_the_device_is_the_callers_again(
    engine: Any, world: World, expected: Any, side: str
) -> None:
    """Also where it is pinned, and the copy goes on after the call that queued it."""
    context = engine.create_context(0)
    for seed in range(3):
        x, y = inputs(4, seed), np.zeros(4, np.float32)
        if side == "input":
            result = context.run({"x": x}, {"y": world.array(y)})["y"]
            x[...] = np.nan
            world.finish()
            close(result.numpy(), expected(inputs(4, seed)))
        else:
            assert context.run({"x": world.array(x)}, {"y": y})["y"] is y
            close(y, expected(x))


def test_misaligned_strided_and_overwritten_inputs_are_copied_on_the_stream(
    engine: Any, world: World, expected: Any
) -> None:
    context = engine.create_context(0)
    mine = Stream(world, "mine")
    whole = world.array(inputs(8))
    strided = type(whole)(whole.data, (4, 4), np.float32, (32, 4))
    over = type(whole)(whole.data, (8,), np.float32)
    for x, outputs in ((world.array(inputs(8), offset=4), {}), (strided, {}), (whole, {"y": over})):
        values, before = x.numpy(), engine.stats.staged_inputs
        del world.log[:]
        y = context.run({"x": x}, outputs, stream=mine)["y"]
        assert engine.stats.staged_inputs == before + 1
        assert [entry[:2] for entry in world.counts("copy")] == [("copy", "mine")]
        gc.collect()  # the copy has no owner any more, and its kernels still wait
        world.finish()
        close(y.numpy(), expected(values))


def test_a_misaligned_output_is_written_through_a_buffer(engine: Any, world: World, expected: Any) -> None:
    context = engine.create_context(0)
    for seed in range(3):
        y = world.array(np.zeros(5, np.float32), offset=4)
        x = world.array(inputs(5, seed))
        del world.log[:]
        assert context.run({"x": x}, {"y": y})["y"] is y
        assert world.counts("on device") == [("on device", "default", 20)]
        world.finish()
        close(y.numpy(), expected(inputs(5, seed)))


def test_a_failed_launch_is_said_and_the_context_goes_on(engine: Any, world: World, expected: Any) -> None:
    context = engine.create_context(0, graphs=False)
    world.fail["cuLaunchKernelEx"] = 700
    with pytest.raises(TargetError, match="cuLaunchKernelEx failed: something is wrong"):
        context.run({"x": inputs(2)})
    assert world.log[-1][0] == "record", "what was queued before still counts"
    world.fail.clear()
    close(context.run({"x": inputs(2)})["y"], expected(inputs(2)))


def test_a_cubin_that_the_driver_refuses_is_said(engine: Any, world: World) -> None:
    world.fail["load"] = 1
    with pytest.raises(TargetError, match=r"kernel fc cannot be loaded on Stand-in: .*INVALID_IMAGE"):
        engine.create_context(0)


def test_what_does_not_fit_the_gpu_is_said(engine: Any, world: World) -> None:
    world.total_memory = engine.stats.arena_bytes - 1
    with pytest.raises(TargetError, match=r"its arena takes 512 bytes, and Stand-in has 511"):
        engine.create_context(0)
    world.total_memory = 1 << 30
    world.device._next = world.device.bytes.size - 100
    with pytest.raises(TargetError, match=r"its arena takes 512 bytes, more than Stand-in has free"):
        engine.create_context(0)


def test_the_chosen_device_is_used(engine: Any, world: World) -> None:
    context = engine.create_context(1)
    assert context.info.ordinal == 1 and not world.devices
    seen: list[list[int]] = []
    issue = context.issue
    context.issue = lambda *arguments: (seen.append(world.devices[-1:]), issue(*arguments))  # type: ignore[method-assign]
    context.run({"x": inputs(2)})
    assert seen == [[1]]
    assert set(engine.loaded) == {("sm_80", 1)}


def test_poison_reaches_what_no_kernel_writes(engine: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    context = engine.create_context(0, poison=True, graphs=False)
    monkeypatch.setattr(context, "issue", lambda launches, queue: None)
    assert np.isnan(context.run({"x": inputs(3)})["y"]).all()
    assert ("fill", context.stream.name, engine.stats.arena_bytes) in world.log


def test_prepared_runs_wait_for_what_uses_the_same_buffers(engine: Any, world: World, expected: Any) -> None:
    context = engine.create_context(0)
    mine = Stream(world, "mine")
    y = np.zeros(8, np.float32)
    context.run({"x": inputs(8, 1)}, {"y": world.array(y)}, stream=mine)
    del world.log[:]
    prepared = context.prepare({"x": inputs(8, 2)})
    assert [entry[0] for entry in world.log if entry[0] != "alloc"][:2] == ["wait", "to device"]
    context.launch(prepared, context.stream)
    context.launch(prepared, context.stream)
    assert [entry[1] for entry in world.counts("graph")] == [context.stream.name], "the second time"
    assert not world.devices
    context.stream.synchronize()


def test_memory_goes_back_after_the_work_that_uses_it(engine: Any, world: World, expected: Any) -> None:
    context = engine.create_context(0)
    x = world.array(inputs(8))
    with Stream(world, "mine"):
        y = context.run({"x": x})["y"]
    arena = context._arena.ptr
    del context
    gc.collect()
    close(y.numpy(), expected(inputs(8)))
    world.finish()
    assert arena not in world.device.live


def test_weights_that_are_not_a_multiple_of_the_alignment_long(engine: Any, world: World) -> None:
    context = engine.create_context(0)
    parts = {name: np.full(n, n % 256, np.uint8) for name, n in (("first", 48), ("second", 3), ("third", 300))}
    sections = {name: Section(memoryview(part)) for name, part in parts.items()}
    named = {"a": "first", "b": "second", "again": "first", "c": "third"}
    context.variant = SimpleNamespace(manifest={"weights": named}, sections=sections)
    places = context._load_weights()
    addresses = {name: places[section].ptr for name, section in named.items()}
    assert [addresses[name] % 256 for name in named] == [0] * 4 and addresses["again"] == addresses["a"]
    for name, section in named.items():
        np.testing.assert_array_equal(world.device.view(addresses[name], len(parts[section])), parts[section])


def test_a_tensor_map_starts_where_its_view_does(engine: Any, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    context = engine.create_context(0)
    starts: list[int] = []
    monkeypatch.setattr(Driver, "encode_tensor_map", lambda _, spec, start: starts.append(start) or bytes(128))
    plan = context.plan({"x": (8, 4)})
    launch = plan.launches[0]
    dims, strides = parse_exprs("N, 8"), parse_exprs("8, 1")
    maps = tuple(
        TensorMapInfo(argument, "f16", dims, strides, parse_expr(offset), (8, 8), 0)
        for argument, offset in ((0, "0"), (0, "8*N"), (1, "16"))
    )
    addresses = {(ref.root, ref.name): 1 << 20 for ref in launch.arguments}
    packed = replace(launch, kernel=replace(launch.kernel, tensor_maps=maps))
    context._pack(packed, plan.symbols, addresses)
    pointers = [context._address(ref, addresses) for ref in launch.arguments]
    assert starts == [pointers[0], pointers[0] + 2 * 8 * 8, pointers[1] + 2 * 16]


def test_a_launch_is_dependent_by_its_attribute_and_not_by_its_kernel(engine: Any, world: World) -> None:
    """A kernel that would wait may also be launched after everything before it has ended."""
    context = engine.create_context(0)
    plan = context.plan({"x": (8, 4)})
    launch = plan.launches[0]
    addresses = {(ref.root, ref.name): 1 << 20 for ref in launch.arguments}
    waiting = replace(launch, kernel=replace(launch.kernel, programmatic=True))
    for dependent in (False, True):
        packed = context._pack(replace(waiting, dependent=dependent), plan.symbols, addresses)
        assert packed.programmatic is dependent


def test_blocks_that_wait_for_each_other_run_at_once(engine: Any, world: World) -> None:
    context = engine.create_context(0)
    plan = context.plan({"x": (8, 4)})
    launch = plan.launches[0]
    addresses = {(ref.root, ref.name): 1 << 20 for ref in launch.arguments}
    meeting = replace(launch, kernel=replace(launch.kernel, cooperative=True), grid=(context.info.sms, 1, 1))
    assert context._pack(meeting, plan.symbols, addresses).cooperative
    with pytest.raises(
        TargetError, match=r"blocks wait for each other and must run at once, and .* SMs; build the engine on this GPU"
    ):
        context._pack(replace(meeting, grid=(context.info.sms, 2, 1)), plan.symbols, addresses)


def test_an_array_on_another_gpu_is_refused(engine: Any, world: World) -> None:
    context = engine.create_context(0)
    x = world.array(inputs(3))
    x.device = SimpleNamespace(id=1)
    with pytest.raises(InputError, match="input 'x': expected an array on GPU 0, got one on GPU 1"):
        context.run({"x": x})
