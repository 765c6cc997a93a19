"""The libcuda shim against a stand-in library that records its calls: struct layouts, attributes, and errors in words."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from trtc.dialects.dims import parse_expr, parse_exprs
from trtc.dialects.errors import TargetError
from trtc.runtime.contents import best_arch
from trtc.runtime.driver import DeviceInfo, Driver, TensorMapSpec, check_device, pack_arguments
from trtc.runtime.kernels import KernelInfo
from trtc.runtime.tensor_maps import TensorMapInfo


class FakeCuda:
    """Entry points of libcuda that remember what they were given. `fail` names one that returns an error."""

    def __init__(self, fail: str = "") -> None:
        self.fail = fail
        self.calls: list[tuple[str, tuple[Any, ...]]] = []

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("cu") or name == "cuMissing":
            raise AttributeError(name)

        def call(*arguments: Any) -> int:
            self.calls.append((name, arguments))
            if name == "cuDriverGetVersion":
                arguments[0]._obj.value = 13000
            if name == "cuDeviceGetName":
                arguments[0].value = b"Fake GPU"
            if name == "cuDeviceGetAttribute":
                arguments[0]._obj.value = {75: 9, 76: 0, 16: 132, 97: 232448, 38: 50 << 20}[arguments[1].value]
            if name == "cuGetErrorString":
                arguments[1]._obj.value = b"something is wrong"
            return 700 if name == self.fail else 0

        return call


def test_a_launch_passes_grid_attributes_and_parameters() -> None:
    library = FakeCuda()
    arguments = pack_arguments([0x1000, 0x2000], [7, -1])
    Driver(library).launch(0xF, (3, 2, 1), (128, 1, 1), 4096, 0xABC, arguments, cluster=(2, 1, 1), programmatic=True)
    name, (config, function, parameters, extra) = library.calls[-1]
    assert name == "cuLaunchKernelEx" and function.value == 0xF and extra is None
    raw = config._obj
    words = (ctypes.c_uint32 * 7).from_address(ctypes.addressof(raw))
    assert list(words) == [3, 2, 1, 128, 1, 1, 4096]
    assert raw.stream == 0xABC and raw.attribute_count == 2
    attributes = [(raw.attributes[i].id, list(raw.attributes[i].value[:3])) for i in range(2)]
    assert attributes == [(4, [2, 1, 1]), (6, [1, 0, 0])]
    assert ctypes.sizeof(raw) == 56 and ctypes.sizeof(raw.attributes[0]) == 72
    assert [ctypes.c_uint64.from_address(parameters[i]).value for i in range(2)] == [0x1000, 0x2000]
    assert [ctypes.c_int32.from_address(parameters[i]).value for i in (2, 3)] == [7, -1]


def test_a_cooperative_launch_says_so() -> None:
    library = FakeCuda()
    Driver(library).launch(0xF, (3, 2, 1), (128, 1, 1), 0, 0, pack_arguments([], []), cooperative=True)
    raw = library.calls[-1][1][0]._obj
    assert raw.attribute_count == 1 and (raw.attributes[0].id, raw.attributes[0].value[0]) == (2, 1)


def test_a_scalar_must_fit_32_bits() -> None:
    with pytest.raises(TargetError, match="kernel argument 2147483648 does not fit 32 bits"):
        pack_arguments([], [2**31])


def test_errors_are_sentences() -> None:
    with pytest.raises(TargetError, match=r"cuLaunchKernelEx failed: something is wrong \(CUDA error 700\)"):
        Driver(FakeCuda("cuLaunchKernelEx")).launch(1, (1, 1, 1), (32, 1, 1), 0, 0, pack_arguments([], []))


def test_an_old_driver_lacks_entry_points() -> None:
    library = FakeCuda()
    driver = Driver(library)
    with pytest.raises(TargetError, match="has no 'cuMissing'; install a driver for CUDA 12"):
        driver._call("cuMissing")


def test_device_info() -> None:
    info = Driver(FakeCuda()).device_info(0)
    assert info == DeviceInfo(0, "Fake GPU", (9, 0), 132, 232448, 50 << 20)
    assert info.arch == "sm_90"


@pytest.mark.parametrize(
    ("capability", "driver", "message"),
    [
        ((7, 5), 13000, r"T4 has compute capability sm_75; trtc needs sm_80 \(Ampere\) or newer"),
        ((9, 0), 12040, r"supports CUDA 12.4, but the kernels need CUDA 13; update the driver"),
        ((9, 0), 11080, r"supports CUDA 11.8, but the kernels need CUDA 13"),
    ],
)
def test_old_gpus_and_drivers_are_refused_in_a_sentence(capability: tuple[int, int], driver: int, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        check_device(DeviceInfo(0, "T4", capability, 40, 65536, 1), driver, 13)


def test_good_gpus_and_drivers_pass() -> None:
    check_device(DeviceInfo(0, "A100", (8, 0), 108, 166912, 1), 13000, 13)
    check_device(DeviceInfo(0, "H100", (9, 0), 132, 232448, 1), 13020, 12)


@pytest.mark.parametrize(
    ("archs", "capability", "expected"),
    [
        (["sm_80", "sm_90a"], (9, 0), "sm_90a"),
        (["sm_80", "sm_90a"], (8, 9), "sm_80"),
        (["sm_80", "sm_86", "sm_89"], (8, 6), "sm_86"),
        (["sm_80"], (9, 0), None),
        (["sm_90a"], (10, 0), None),
        (["sm_100a"], (10, 3), None),
        (["sm_100f"], (10, 3), "sm_100f"),
        (["sm_90", "sm_90a"], (9, 0), "sm_90a"),
        (["sm_120a"], (12, 0), "sm_120a"),
    ],
)
def test_which_cubin_runs_where(archs: list[str], capability: tuple[int, int], expected: str | None) -> None:
    assert best_arch(archs, capability) == expected


def tensor_map(dims: str, strides: str, box: tuple[int, ...], **more: Any) -> TensorMapInfo:
    return TensorMapInfo(0, "f16", parse_exprs(dims), parse_exprs(strides), parse_expr("8"), box, 128, **more)


def test_tensor_maps_are_encoded_innermost_first() -> None:
    info = tensor_map("N, 64", "64, 1", (128, 64))
    assert TensorMapInfo.from_json(info.to_json()) == info
    spec = info.evaluate({"N": 300})
    assert spec == TensorMapSpec("f16", (64, 300), (128,), (64, 128), 128)
    assert info.offset_bytes({}) == 16
    library = FakeCuda()
    assert len(Driver(library).encode_tensor_map(spec, 0x4000)) == 128
    name, arguments = library.calls[-1]
    assert name == "cuTensorMapEncodeTiled" and arguments[0].value % 64 == 0
    assert [arguments[1].value, arguments[2].value, arguments[3].value] == [6, 2, 0x4000]
    assert [list(a) for a in arguments[4:8]] == [[64, 300], [128], [64, 128], [1, 1]]
    assert [a.value for a in arguments[8:]] == [0, 3, 2, 0]


def test_im2col_maps_have_corners_and_steps() -> None:
    """A 3x3 convolution with stride 2 and padding 1 over 15x13 pixels: its last windows start at row 13 and column 11."""
    info = tensor_map(
        "N, 15, 13, 64", "12480, 832, 64, 1", (32, 64),
        lower=parse_exprs("-1, -1"), upper=parse_exprs("-1, -1"), steps=(2, 2),
    )  # fmt: skip
    assert TensorMapInfo.from_json(info.to_json()) == info
    spec = info.evaluate({"N": 4})
    assert (spec.dims, spec.box, spec.element_strides) == ((64, 13, 15, 4), (64, 32), (1, 2, 2, 1))
    assert spec.corners == ((-1, -1), (-1, -1))
    library = FakeCuda()
    Driver(library).encode_tensor_map(spec, 0x4000)
    name, arguments = library.calls[-1]
    assert name == "cuTensorMapEncodeIm2col"
    assert [list(a) for a in arguments[6:8]] == [[-1, -1], [-1, -1]]
    assert [a.value for a in arguments[8:10]] == [64, 32] and list(arguments[10]) == [1, 2, 2, 1]


def test_im2col_maps_are_read_from_the_ir() -> None:
    from xdsl.dialects.builtin import f16

    from trtc.dialects import kernel

    source = kernel.GlobalType.of(["N", "H", 13, 64], f16)
    func = kernel.FuncOp("conv", [source], [1, 1, 1], 4)
    view = kernel.Im2colOp(func.tensors[0], ["(H - 1) floordiv 2 + 1", 7], [3, 3], [2, 2], [1, 1, 1, 1])
    op = kernel.TensorMapOp(view.result, kernel.TensorMapType.of([32, 64], f16, 128))
    func.body.block.add_ops([view, op, kernel.ReturnOp()])
    (info,) = KernelInfo.read(func).tensor_maps
    assert (info.argument, info.element_type, info.box, info.steps) == (0, "f16", (32, 64), (2, 2))
    spec = info.evaluate({"N": 4, "H": 15})
    assert (spec.dims, spec.corners) == ((64, 13, 15, 4), ((-1, -1), (-1, -1)))
    assert spec.strides == (128, 13 * 128, 15 * 13 * 128)


def test_tensor_maps_that_tma_cannot_do_are_refused() -> None:
    with pytest.raises(TargetError, match="strides that 16 bytes divide, got 12"):
        tensor_map("8, 6", "6, 1", (8, 6)).evaluate({})
    with pytest.raises(TargetError, match="innermost dim to be contiguous"):
        tensor_map("8, 8", "64, 2", (8, 8)).evaluate({})
    assert tensor_map("1, 6", "6, 1", (1, 6)).evaluate({}).strides == (16,)


def test_grids_beyond_the_limits_are_refused() -> None:
    one = parse_expr("1")
    kernel = KernelInfo("k", (one, parse_expr("N"), one), 32, 1, 0, (), 0)
    assert kernel.blocks({"N": 65535}) == (1, 65535, 1)
    assert kernel.blocks({"N": 0}) == (1, 0, 1), "no block, so no launch"
    with pytest.raises(TargetError, match="expected a grid of at most"):
        kernel.blocks({"N": 65536})
