"""Runs one `kernel.func` on the GPU, for tests: NVRTC, the driver shim, poisoned neighbours."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trtc.compiler.codegen.cuda.nvrtc import Job, compile_all
from trtc.compiler.codegen.cuda.printer import entry_name, print_kernel
from trtc.compiler.targets import detect_arch
from trtc.dialects import kernel
from trtc.runtime.driver import get_driver, pack_arguments
from trtc.runtime.kernels import KernelInfo

GUARD = 0 if os.environ.get("TRTC_SANITIZE") else 4096
"""Poisoned bytes before and after each array, which a kernel must leave alone; none where compute-sanitizer knows the bounds."""
POISON = 0xA5


def run_on_gpu(func: kernel.FuncOp, arrays: Sequence[np.ndarray], symbols: Mapping[str, int]) -> None:
    """Compiles and launches a thread-level kernel; `arrays` are its tensors as flat arrays, written in place."""
    import cupy

    info, driver = KernelInfo.read(func), get_driver()
    (compiled,) = compile_all([Job(print_kernel(func), detect_arch())])
    assert not compiled.problems(), compiled.problems()
    module = cupy.cuda.function.Module()
    module.load(compiled.cubin)
    function = module.get_function(entry_name(func)).ptr
    if info.shared_bytes:
        driver.allow_dynamic_shared(function, info.shared_bytes)
    buffers = [_upload(array) for array in arrays]
    pointers = [buffer.data.ptr + GUARD for buffer in buffers]
    maps = [
        driver.encode_tensor_map(m.evaluate(symbols), pointers[m.argument] + m.offset_bytes(symbols))
        for m in info.tensor_maps
    ]
    stream = cupy.cuda.get_current_stream()
    arguments = pack_arguments(pointers, [symbols[name] for name in info.params], maps)
    cluster = (info.cluster, 1, 1) if info.cluster > 1 else None
    driver.launch(
        function, info.blocks(symbols), (info.threads, 1, 1), info.shared_bytes, stream.ptr, arguments, cluster=cluster, programmatic=False,
        cooperative=info.cooperative,
    )  # fmt: skip
    stream.synchronize()
    for array, buffer in zip(arrays, buffers, strict=True):
        raw = cupy.asnumpy(buffer)
        guards = np.concatenate([raw[:GUARD], raw[GUARD + array.nbytes :]])
        assert (guards == POISON).all(), f"kernel {info.name} wrote outside a tensor"
        array[...] = raw[GUARD : GUARD + array.nbytes].view(array.dtype)


def _upload(array: np.ndarray) -> Any:
    import cupy

    if not GUARD:
        cupy.cuda.set_allocator(None)  # no pool: each array is an allocation that the sanitizer knows
    buffer = cupy.empty(array.nbytes + 2 * GUARD, np.uint8)
    host = np.full(buffer.size, POISON, np.uint8)
    host[GUARD : GUARD + array.nbytes] = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
    buffer.set(host)
    return buffer
