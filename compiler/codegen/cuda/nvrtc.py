"""CUDA C to cubins through NVRTC, as CuPy ships it. Needs no GPU and no CUDA toolkit.

`--ptxas-options=-v` is always passed: only then does ptxas report registers, spills and the serialisation of wgmma (C7510 to
C7515), which `Compiled.problems` turns into words. NVRTC releases the GIL, so that `Compiler` gains from threads.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from typing import Any

from ....dialects.errors import PassError, TargetError
from ....runtime.cubin import check_cubin
from .cubin_cache import CubinCache, cubin_key

DEFAULT_OPTIONS = ("--std=c++17", "--generate-line-info")
_ALWAYS = ("--ptxas-options=-v",)
_WHERE_KNOWN = ("--no-cache", "--minimal")
"""Flags that only newer versions of NVRTC have. `--no-cache`: a hit in NVRTC's own cache has no report of ptxas. `--minimal`: without
declarations of textures and of the CUDA runtime, which no kernel here uses, a small kernel compiles in two thirds of the time, to the same
cubin."""
_ARCH = re.compile(r"sm_(\d+)([af]?)")
_MINIMUM_ARCH = 80
_COMMENT = re.compile(r"^( *//).*$", re.MULTILINE)
_FOLDER = "/trtc/"
"""The folder of the source in the line info of every kernel: for a name without a folder NVRTC would put the working directory there."""


class KernelCompileError(PassError):
    """NVRTC refused a generated kernel: a defect of the compiler, never of the user's model."""


@dataclass(frozen=True)
class Resources:
    """What ptxas reports of one kernel: registers per thread, bytes of stack and of spills per thread, bytes of static shared memory per
    block, named barriers."""

    registers: int
    stack_bytes: int = 0
    spill_store_bytes: int = 0
    spill_load_bytes: int = 0
    shared_bytes: int = 0
    barriers: int = 0


@dataclass(frozen=True)
class Job:
    """One translation unit: CUDA C, the architecture (`sm_90a`), further NVRTC options and the file name that errors show."""

    source: str
    arch: str
    options: tuple[str, ...] = DEFAULT_OPTIONS
    name: str = "kernel.cu"


@dataclass(frozen=True)
class Compiled:
    """A cubin, NVRTC's log, and the resources of each kernel. `cached`: it comes from the cache, and no compile ran."""

    cubin: bytes = field(repr=False)
    log: str = field(repr=False)
    resources: dict[str, Resources]
    cached: bool

    def problems(self) -> list[str]:
        """Why this kernel is slower than it should be: spills, and every warning of ptxas, in words."""
        found = [
            f"{name}: {used.spill_store_bytes} bytes of spill stores and {used.spill_load_bytes} bytes of spill loads per thread"
            for name, used in self.resources.items()
            if used.spill_store_bytes or used.spill_load_bytes
        ]
        return found + parse_warnings(self.log)


def check_arch(arch: str) -> None:
    """Raises TargetError unless `arch` names an architecture that trtc generates code for."""
    matched = _ARCH.fullmatch(str(arch))
    if matched is None:
        raise TargetError(
            f"target '{arch}': expected an architecture such as sm_80, sm_89 or sm_90a; correct the name."
        )
    if int(matched[1]) < _MINIMUM_ARCH:
        raise TargetError(
            f"target '{arch}': expected sm_{_MINIMUM_ARCH} or newer, since kernels use cp.async and bf16 tensor cores; "
            f"choose a newer GPU."
        )


def nvrtc_version() -> tuple[int, int]:
    """(major, minor) of the NVRTC in use; TargetError when CuPy or its NVRTC is not installed."""
    major, minor = _nvrtc().getVersion()
    return int(major), int(minor)


def parse_resources(log: str) -> dict[str, Resources]:
    """The resources in a `ptxas -v` log, by kernel name."""
    found: dict[str, Resources] = {}
    for section in re.split(r"Compiling entry function '", log)[1:]:
        name = section.partition("'")[0]
        used = re.search(r"Used (\d+) registers", section)
        if used is None:
            continue
        found[name] = Resources(
            registers=int(used[1]),
            stack_bytes=_number(r"(\d+) bytes stack frame", section),
            spill_store_bytes=_number(r"(\d+) bytes spill stores", section),
            spill_load_bytes=_number(r"(\d+) bytes spill loads", section),
            shared_bytes=_number(r"(\d+) bytes smem", section),
            barriers=_number(r"used (\d+) barriers", section),
        )
    return found


def parse_warnings(log: str) -> list[str]:
    """The lines of a log that are warnings, those of serialised wgmma included, each once and in order."""
    lines = (line.strip() for line in log.splitlines())
    telling = (line for line in lines if re.search(r"\bwarning\b|\bC75\d\d\b|Potential Performance Loss", line))
    return list(dict.fromkeys(telling))


def without_comments(source: str) -> str:
    """CUDA C with empty comments on the same lines: kernels that differ in the ONNX nodes that they name are one cubin."""
    return _COMMENT.sub(r"\1", source)


def compile_cubin(job: Job, cache: CubinCache | None = None) -> Compiled:
    """Compiles one translation unit, or takes it from `cache`.

    Raises TargetError for an architecture that trtc or this NVRTC does not know, KernelCompileError when NVRTC refuses the source.
    """
    check_arch(job.arch)
    job = replace(job, source=without_comments(job.source))
    key = cubin_key(job.source, job.arch, job.options, nvrtc_version(), job.name)
    if cache is not None and (hit := cache.get(key)) is not None and _fits(job, *hit):
        cubin, log = hit
        return Compiled(cubin, log, parse_resources(log), cached=True)
    cubin, log = _compile(job)
    if cache is not None:
        cache.put(key, cubin, log)
    return Compiled(cubin, log, parse_resources(log), cached=False)


class Compiler:
    """Compiles jobs on a pool of threads while more are added; equal jobs compile once. A context manager: left by an error, it drops the
    jobs that have not begun."""

    def __init__(self, cache: CubinCache | None = None, workers: int | None = None):
        self._cache = cache
        self._pool = ThreadPoolExecutor(max_workers=workers or os.cpu_count() or 1)
        self._pending: dict[Job, Future[Compiled]] = {}

    def __enter__(self) -> Compiler:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: object) -> None:
        self._pool.shutdown(wait=kind is None, cancel_futures=kind is not None)

    def add(self, job: Job) -> None:
        """Begin a job, as soon as a thread is free."""
        if job not in self._pending:
            self._pending[job] = self._pool.submit(compile_cubin, job, self._cache)

    def results(self, jobs: Sequence[Job], progress: Callable[[int, int], None] | None = None) -> list[Compiled]:
        """The results of jobs that were added, in this order; raises what `compile_cubin` does.

        `progress(done, total)` is called from this thread after each distinct job.
        """
        distinct = list(dict.fromkeys(jobs))
        for done, job in enumerate(distinct, 1):
            self._pending[job].result()
            if progress is not None:
                progress(done, len(distinct))
        return [self._pending[job].result() for job in jobs]


def compile_all(
    jobs: Sequence[Job],
    cache: CubinCache | None = None,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Compiled]:
    """Compiles `jobs` as a `Compiler` does. Results come in the order of `jobs`."""
    with Compiler(cache, workers) as compiler:
        for job in jobs:
            compiler.add(job)
        return compiler.results(jobs, progress)


def _nvrtc() -> Any:
    try:
        nvrtc: Any = import_module("cupy.cuda").nvrtc
        nvrtc.getVersion()
    except (ImportError, AttributeError, RuntimeError, OSError) as error:
        raise TargetError(
            f"kernels cannot be compiled: CuPy or its NVRTC was not found ({' '.join(str(error).split())}); install trtc with its "
            f"extra cuda12 or cuda13, in its folder: pip install -e '.[cuda13]'."
        ) from error
    return nvrtc


def _fits(job: Job, cubin: bytes, log: str) -> bool:
    """Whether a cached cubin is for the job's architecture and has the kernels that its log reports."""
    kernels = parse_resources(log)
    try:
        for name in kernels:
            check_cubin(cubin, job.arch, name)
    except ValueError:
        return False
    return bool(kernels)


def _compile(job: Job) -> tuple[bytes, str]:
    nvrtc = _nvrtc()
    supported = {int(arch) for arch in nvrtc.getSupportedArchs()}
    matched = _ARCH.fullmatch(job.arch)
    assert matched is not None
    if int(matched[1]) not in supported:
        major, minor = nvrtc_version()
        raise TargetError(
            f"target '{job.arch}': NVRTC {major}.{minor} supports up to sm_{max(supported)}; install a newer CuPy or CUDA."
        )
    program = nvrtc.createProgram(job.source, _FOLDER + re.sub(r"[^A-Za-z0-9_.]", "_", job.name), [], [])
    try:
        flags = [f"--gpu-architecture={job.arch}", *_ALWAYS, *_known_flags(), *job.options]
        try:
            nvrtc.compileProgram(program, flags)
        except nvrtc.NVRTCError as error:
            first = _first_error(nvrtc.getProgramLog(program)).replace(_FOLDER, "") or str(error)
            raise KernelCompileError(
                f"compile-cubin: NVRTC refused '{job.name}' for {job.arch}: {first}; trtc-opt MODEL --stop-after=threads -t cuda prints "
                "the source."
            ) from error
        return _whole_elf(nvrtc.getCUBIN(program)), nvrtc.getProgramLog(program).replace(_FOLDER, "")
    finally:
        nvrtc.destroyProgram(program)


@cache
def _known_flags() -> tuple[str, ...]:
    """Those of `_WHERE_KNOWN` that this NVRTC has."""
    return _WHERE_KNOWN if _knows(*_WHERE_KNOWN) else tuple(flag for flag in _WHERE_KNOWN if _knows(flag))


def _knows(*flags: str) -> bool:
    nvrtc = _nvrtc()
    program = nvrtc.createProgram("", "empty.cu", [], [])
    try:
        nvrtc.compileProgram(program, list(flags))
    except nvrtc.NVRTCError:
        return False
    finally:
        nvrtc.destroyProgram(program)
    return True


def _first_error(log: str) -> str:
    return next((line.strip() for line in log.splitlines() if "error" in line), "")


def _number(pattern: str, text: str) -> int:
    found = re.search(pattern, text)
    return int(found[1]) if found else 0


def _whole_elf(cubin: bytes) -> bytes:
    """Restores the trailing bytes (zero) that CuPy's `getCUBIN` drops: the length follows from the ELF64 header."""
    if cubin[:5] != b"\x7fELF\x02" or len(cubin) < 64:
        return cubin
    program_offset, section_offset = struct.unpack_from("<QQ", cubin, 32)
    program_size, program_count, section_size, section_count = struct.unpack_from("<HHHH", cubin, 54)
    end = max(program_offset + program_size * program_count, section_offset + section_size * section_count)
    return cubin + bytes(end - len(cubin)) if 0 < end - len(cubin) <= 8 else cubin
