"""A ctypes shim over libcuda for what CuPy lacks: launches with attributes, tensor maps, function attributes, version checks.

`Driver` wraps one loaded libcuda; `get_driver()` loads it once. CuPy owns contexts, memory, modules and streams, so handles
(`CUfunction`, `CUstream`) are plain integers here. Every failure is a TargetError in one sentence.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from ..dialects.errors import TargetError

MINIMUM_COMPUTE_CAPABILITY = (8, 0)
MINIMUM_DRIVER = 12000
"""`cuDriverGetVersion` of the oldest driver with tensor maps and `cuLaunchKernelEx` (CUDA 12.0, driver 525)."""

_ATTRIBUTE_COOPERATIVE = 2
_ATTRIBUTE_CLUSTER = 4
_ATTRIBUTE_PROGRAMMATIC_LAUNCH = 6
_FUNCTION_MAX_DYNAMIC_SHARED = 8
_FUNCTION_NON_PORTABLE_CLUSTER = 14
_DEVICE_ATTRIBUTES = {"major": 75, "minor": 76, "sms": 16, "shared_bytes": 97, "l2_bytes": 38}

_TENSOR_MAP_TYPES = {
    "i8": 0, "ui8": 0, "i4": 0, "ui4": 0, "f8E4M3FN": 0, "f8E5M2": 0, "i16": 1, "ui16": 1, "i32": 3, "ui32": 3, "i64": 5, "ui64": 5,
    "f16": 6, "f32": 7, "f64": 8, "bf16": 9, "tf32": 11,
}  # fmt: skip
_SWIZZLES = {0: 0, 32: 1, 64: 2, 128: 3}


class _Attribute(ctypes.Structure):
    """CUlaunchAttribute: an id, padding to 8 bytes, and a union of 64 bytes."""

    _fields_ = [("id", ctypes.c_uint32), ("pad", ctypes.c_uint32), ("value", ctypes.c_uint32 * 16)]


class _LaunchConfig(ctypes.Structure):
    """CUlaunchConfig."""

    _fields_ = [
        ("grid", ctypes.c_uint32 * 3),
        ("block", ctypes.c_uint32 * 3),
        ("shared_bytes", ctypes.c_uint32),
        ("stream", ctypes.c_void_p),
        ("attributes", ctypes.POINTER(_Attribute)),
        ("attribute_count", ctypes.c_uint32),
    ]


@dataclass(frozen=True)
class DeviceInfo:
    """One GPU: name, compute capability, number of SMs, bytes of shared memory per block at most, bytes of L2."""

    ordinal: int
    name: str
    compute_capability: tuple[int, int]
    sms: int
    shared_bytes: int
    l2_bytes: int

    @property
    def arch(self) -> str:
        major, minor = self.compute_capability
        return f"sm_{major}{minor}"


@dataclass(frozen=True)
class TensorMapSpec:
    """A tensor map to encode. Extents innermost first, as CUDA takes them.

    `dims` and `box` count elements; `strides` are bytes of every dim but the innermost. For im2col (`corners` given) `box` is
    (channels per pixel, pixels per column) and `corners` the lower and upper corner of the pixel box, innermost spatial dim first.
    """

    element_type: str
    dims: tuple[int, ...]
    strides: tuple[int, ...]
    box: tuple[int, ...]
    swizzle: int = 0
    element_strides: tuple[int, ...] = ()
    corners: tuple[tuple[int, ...], tuple[int, ...]] | None = None


@dataclass(frozen=True)
class KernelArguments:
    """Packed kernel parameters: `pointers` is what cuLaunchKernelEx takes, `storage` keeps what it points to alive."""

    pointers: Any
    storage: tuple[Any, ...] = field(repr=False)


class Driver:
    """Calls into one libcuda (or a stand-in with the same entry points)."""

    def __init__(self, library: Any):
        self._library = library
        self._call("cuInit", ctypes.c_uint(0))

    def version(self) -> int:
        """The CUDA version that the driver supports, as 1000 * major + 10 * minor."""
        found = ctypes.c_int()
        self._call("cuDriverGetVersion", ctypes.byref(found))
        return found.value

    def device_count(self) -> int:
        found = ctypes.c_int()
        self._call("cuDeviceGetCount", ctypes.byref(found))
        return found.value

    def device_info(self, ordinal: int = 0) -> DeviceInfo:
        device = ctypes.c_int()
        self._call("cuDeviceGet", ctypes.byref(device), ctypes.c_int(ordinal))
        name = ctypes.create_string_buffer(256)
        self._call("cuDeviceGetName", name, ctypes.c_int(256), device)
        values: dict[str, int] = {}
        for key, attribute in _DEVICE_ATTRIBUTES.items():
            found = ctypes.c_int()
            self._call("cuDeviceGetAttribute", ctypes.byref(found), ctypes.c_int(attribute), device)
            values[key] = found.value
        return DeviceInfo(
            ordinal,
            name.value.decode(),
            (values["major"], values["minor"]),
            values["sms"],
            values["shared_bytes"],
            values["l2_bytes"],
        )

    def allow_dynamic_shared(self, function: int, size: int) -> None:
        """Lets `function` use `size` bytes of dynamic shared memory (more than 48 KiB must be allowed)."""
        self._call(
            "cuFuncSetAttribute",
            ctypes.c_void_p(function),
            ctypes.c_int(_FUNCTION_MAX_DYNAMIC_SHARED),
            ctypes.c_int(size),
        )

    def allow_large_cluster(self, function: int) -> None:
        """Lets `function` launch clusters of more than 8 blocks."""
        self._call(
            "cuFuncSetAttribute",
            ctypes.c_void_p(function),
            ctypes.c_int(_FUNCTION_NON_PORTABLE_CLUSTER),
            ctypes.c_int(1),
        )

    def launch(
        self,
        function: int,
        grid: tuple[int, int, int],
        block: tuple[int, int, int],
        shared_bytes: int,
        stream: int,
        arguments: KernelArguments,
        *,
        cluster: tuple[int, int, int] | None = None,
        programmatic: bool = False,
        cooperative: bool = False,
    ) -> None:
        """cuLaunchKernelEx on `stream`; `programmatic` allows this launch to start before its predecessor has ended, `cooperative` has all
        its blocks run at once."""
        attributes: list[_Attribute] = []
        if cluster is not None:
            attributes.append(_attribute(_ATTRIBUTE_CLUSTER, *cluster))
        if cooperative:
            attributes.append(_attribute(_ATTRIBUTE_COOPERATIVE, 1))
        if programmatic:
            attributes.append(_attribute(_ATTRIBUTE_PROGRAMMATIC_LAUNCH, 1))
        array = (_Attribute * max(1, len(attributes)))(*attributes)
        config = _LaunchConfig(
            (ctypes.c_uint32 * 3)(*grid), (ctypes.c_uint32 * 3)(*block), shared_bytes, stream, array, len(attributes)
        )
        self._call("cuLaunchKernelEx", ctypes.byref(config), ctypes.c_void_p(function), arguments.pointers, None)

    def encode_tensor_map(self, spec: TensorMapSpec, pointer: int) -> bytes:
        """The 128 bytes of a tensor map over global memory at `pointer` (16-byte aligned)."""
        map_type = _TENSOR_MAP_TYPES.get(spec.element_type)
        if map_type is None or spec.swizzle not in _SWIZZLES:
            raise TargetError(
                f"tensor map: element type '{spec.element_type}' with swizzle {spec.swizzle} has no encoding."
            )
        rank = len(spec.dims)
        storage = (ctypes.c_uint64 * 24)()  # CUtensorMap requires 64-byte alignment
        base = ctypes.addressof(storage)
        target = base + (-base) % 64
        dims = (ctypes.c_uint64 * rank)(*spec.dims)
        strides = (ctypes.c_uint64 * max(1, rank - 1))(*spec.strides)
        steps = (ctypes.c_uint32 * rank)(*(spec.element_strides or (1,) * rank))
        head = (
            ctypes.c_void_p(target),
            ctypes.c_int(map_type),
            ctypes.c_uint32(rank),
            ctypes.c_void_p(pointer),
            dims,
            strides,
        )
        promotion = 2  # 128 bytes
        tail = (steps, ctypes.c_int(0), ctypes.c_int(_SWIZZLES[spec.swizzle]), ctypes.c_int(promotion), ctypes.c_int(0))
        if spec.corners is None:
            box = (ctypes.c_uint32 * rank)(*spec.box)
            self._call("cuTensorMapEncodeTiled", *head, box, *tail)
        else:
            lower, upper = ((ctypes.c_int * len(corner))(*corner) for corner in spec.corners)
            channels, pixels = spec.box
            self._call(
                "cuTensorMapEncodeIm2col",
                *head,
                lower,
                upper,
                ctypes.c_uint32(channels),
                ctypes.c_uint32(pixels),
                *tail,
            )
        return ctypes.string_at(target, 128)

    def _call(self, name: str, *arguments: Any) -> None:
        function = getattr(self._library, name, None)
        if function is None:
            raise TargetError(
                f"the NVIDIA driver has no '{name}'; install a driver for CUDA {MINIMUM_DRIVER // 1000} or newer."
            )
        status = function(*arguments)
        if status:
            raise TargetError(f"{name} failed: {self._describe(status)}.")

    def _describe(self, status: int) -> str:
        text = ctypes.c_char_p()
        if self._library.cuGetErrorString(ctypes.c_int(status), ctypes.byref(text)) or text.value is None:
            return f"CUDA error {status}"
        return f"{text.value.decode()} (CUDA error {status})"


def pack_arguments(
    pointers: Sequence[int], scalars: Sequence[int], tensor_maps: Sequence[bytes] = ()
) -> KernelArguments:
    """Packs kernel parameters in order: pointers, then `int` scalars, then tensor maps.

    Raises TargetError for a scalar that 32 bits cannot hold.
    """
    storage: list[Any] = [ctypes.c_uint64(pointer) for pointer in pointers]
    for scalar in scalars:
        if not -(2**31) <= scalar < 2**31:
            raise TargetError(f"kernel argument {scalar} does not fit 32 bits; use a smaller shape.")
        storage.append(ctypes.c_int32(scalar))
    storage.extend((ctypes.c_ubyte * 128).from_buffer_copy(encoded) for encoded in tensor_maps)
    array = (ctypes.c_void_p * max(1, len(storage)))(*(ctypes.addressof(value) for value in storage))
    return KernelArguments(array, tuple(storage))


def check_device(info: DeviceInfo, driver_version: int, toolkit_major: int) -> None:
    """Raises TargetError, in a sentence, for a GPU or a driver that cannot run kernels built with CUDA `toolkit_major`."""
    if info.compute_capability < MINIMUM_COMPUTE_CAPABILITY:
        raise TargetError(
            f"{info.name} has compute capability {info.arch}; trtc needs sm_80 (Ampere) or newer, so run on device='simulator' "
            f"or use a newer GPU."
        )
    needed = max(MINIMUM_DRIVER, 1000 * toolkit_major)
    if driver_version < needed:
        raise TargetError(
            f"the NVIDIA driver supports CUDA {driver_version // 1000}.{driver_version % 1000 // 10}, but the kernels need "
            f"CUDA {needed // 1000}; update the driver or build with CuPy for CUDA {max(12, driver_version // 1000)}."
        )


@cache
def get_driver() -> Driver:
    """The process's libcuda; TargetError when there is none."""
    try:
        library = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        raise TargetError(
            "no NVIDIA driver (libcuda.so.1) was found; install one, or run on device='simulator'."
        ) from error
    return Driver(library)


def find_device(ordinal: int = 0) -> DeviceInfo | None:
    """The GPU with this ordinal, or None on a machine without a driver or without such a GPU."""
    try:
        driver = get_driver()
        return driver.device_info(ordinal) if ordinal < driver.device_count() else None
    except TargetError:
        return None


def _attribute(identity: int, *values: int) -> _Attribute:
    attribute = _Attribute()
    attribute.id = identity
    for index, value in enumerate(values):
        attribute.value[index] = value
    return attribute
