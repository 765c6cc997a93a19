"""The cache of compiled kernels: only whole entries, under their own names, of this user, are ever used."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import struct
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import trtc
from trtc.compiler.codegen.cuda import cubin_cache
from trtc.compiler.codegen.cuda.cubin_cache import CubinCache
from trtc.compiler.codegen.cuda.nvrtc import Job, compile_cubin
from trtc.runtime.cubin import CubinKernel, check_cubin, read_cubin

pytest.importorskip("cupy", reason="NVRTC comes with CuPy")

KEY, OTHER = "ab12" * 16, "ab34" * 16
SOURCE = """struct __align__(64) Map {{ char bytes[128]; }};
extern "C" __global__ void __launch_bounds__({threads}) {name}(const float* x, float* y, int n, const __grid_constant__ Map map) {{
  y[threadIdx.x] = x[threadIdx.x] + n + map.bytes[n];
}}
"""


def compile_source(name: str, arch: str = "sm_80", threads: int = 96) -> bytes:
    return compile_cubin(Job(SOURCE.format(name=name, threads=threads), arch)).cubin


@pytest.fixture(scope="module")
def cubin() -> bytes:
    return compile_source("first")


@pytest.fixture
def cache(tmp_path: Path, cubin: bytes) -> CubinCache:
    """A cache with two entries."""
    cache = CubinCache(tmp_path)
    cache.put(KEY, cubin, "log")
    cache.put(OTHER, cubin, "other log")
    return cache


def entry(cache: CubinCache, key: str = KEY) -> Path:
    return cache.directory / "cubin" / key[:2] / key


@pytest.mark.parametrize("arch", ["sm_80", "sm_89", "sm_90a", "sm_100a", "sm_120"])
def test_a_cubin_says_what_it_holds(arch: str) -> None:
    cubin = compile_source("kernel", arch)
    assert check_cubin(cubin, arch, "kernel") == CubinKernel((8, 8, 4, 128), 96)
    with pytest.raises(ValueError, match="expected a kernel 'other', got kernel"):
        check_cubin(cubin, arch, "other")
    with pytest.raises(ValueError, match="expected a cubin for sm_86, got one for sm_"):
        check_cubin(cubin, "sm_86", "kernel")


def test_cuda_12_keeps_the_architecture_elsewhere() -> None:
    header = bytearray(compile_source("kernel"))
    header[8] = 7
    struct.pack_into("<I", header, 48, 0x005A0D5A)
    assert read_cubin(header).capability == 90


def test_what_is_no_cubin_is_said(cubin: bytes) -> None:
    (offset,) = struct.unpack_from("<Q", cubin, 40)
    for damaged in (b"", b"EVIL CUBIN", cubin[:64], cubin[: len(cubin) // 2], cubin[: offset + 70]):
        with pytest.raises(ValueError, match=r"ELF|section"):
            read_cubin(damaged)
    with pytest.raises(ValueError, match="got machine 62"):
        read_cubin(cubin[:18] + b"\x3e\0" + cubin[20:])


def test_every_damage_of_an_entry_is_a_miss(cache: CubinCache) -> None:
    whole = entry(cache).read_bytes()
    assert cache.get(KEY) is not None
    damages = [whole[:-1], whole[:10], b"", whole + b"x", bytes([*whole[:-1], whole[-1] ^ 1])]
    damages += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(60)]
    for content in damages:
        entry(cache).write_bytes(content)
        assert cache.get(KEY) is None


def test_an_entry_under_another_name_is_a_miss(cache: CubinCache) -> None:
    shutil.copy(entry(cache), entry(cache, OTHER))
    assert cache.get(KEY) is not None and cache.get(OTHER) is None


def forged(key: str, body: bytes) -> bytes:
    return b"TRTCCUB3" + cubin_cache._digest(key, body) + body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        (3).to_bytes(8, "little") + b"logEVIL CUBIN",
        (2**63).to_bytes(8, "little") + b"x",
        (3).to_bytes(8, "little") + b"log",
    ],
)
def test_an_entry_that_holds_no_cubin_is_a_miss(cache: CubinCache, body: bytes) -> None:
    entry(cache).write_bytes(forged(KEY, body))
    assert cache.get(KEY) is None


def test_a_log_that_is_no_text_is_a_miss(cache: CubinCache, cubin: bytes) -> None:
    entry(cache).write_bytes(forged(KEY, (4).to_bytes(8, "little") + b"\xff\xfe\xff\xfe" + cubin))
    assert cache.get(KEY) is None


def test_a_cubin_of_another_kernel_or_architecture_is_compiled_anew(tmp_path: Path) -> None:
    """Such an entry is whole, and its digest is right: written on purpose, or by another trtc by mistake."""
    cache = CubinCache(tmp_path)
    job = Job(SOURCE.format(name="wanted", threads=96), "sm_80")
    made = compile_cubin(job, cache)
    (path,) = (p for p in tmp_path.rglob("*") if p.is_file())
    for wrong in (compile_source("unwanted"), compile_source("wanted", "sm_86")):
        cache.put(path.name, wrong, made.log)
        assert cache.get(path.name) == (wrong, made.log)
        again = compile_cubin(job, cache)
        assert not again.cached and again.cubin == made.cubin
        assert compile_cubin(job, cache).cached


def to_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def to_link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def to_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder_to_link(path: Path) -> None:
    path.parent.rename(path.parent.with_name("elsewhere"))
    path.parent.symlink_to("elsewhere", target_is_directory=True)


@pytest.mark.parametrize(
    "change",
    [
        to_directory,
        to_link,
        to_pipe,
        folder_to_link,
        lambda path: path.chmod(0o666),
        lambda path: path.chmod(0o620),
        lambda path: path.parent.chmod(0o777),
        lambda path: path.parent.parent.chmod(0o770),
    ],
    ids=["directory", "link", "pipe", "linked folder", "open", "group", "open folder", "group cache"],
)
def test_what_others_could_have_written_is_not_used(
    cache: CubinCache, cubin: bytes, change: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cubin_cache, "_warned", set())
    change(entry(cache))
    with pytest.warns(UserWarning, match="kernel cache: '.*' is not used: expected a f.* of your own"):
        assert cache.get(KEY) is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it is said once
        assert cache.get(KEY) is None
        cache.put(KEY, cubin, "anew")
        assert cache.get(KEY) in (None, (cubin, "anew"))


def test_files_of_another_user_are_not_used(cache: CubinCache, monkeypatch: pytest.MonkeyPatch) -> None:
    uid = os.geteuid()
    monkeypatch.setattr(cubin_cache, "_warned", set())
    monkeypatch.setattr("trtc.compiler.codegen.cuda.cubin_cache.os.geteuid", lambda: uid + 1)
    with pytest.warns(UserWarning, match="kernel cache: '.*/cubin' is not used"):
        assert cache.get(KEY) is None


def test_a_cache_is_closed_to_others(tmp_path: Path, cubin: bytes) -> None:
    before = os.umask(0)
    try:
        CubinCache(tmp_path / "c").put(KEY, cubin, "")
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "c" / "cubin").rglob("*") if path.is_dir()}
    assert modes == {0o700} and (tmp_path / "c" / "cubin").stat().st_mode & 0o777 == 0o700
    assert entry(CubinCache(tmp_path / "c")).stat().st_mode & 0o777 == 0o600


def test_what_was_used_least_recently_is_removed_first(tmp_path: Path, cubin: bytes) -> None:
    size = len(cubin) + 100
    cache = CubinCache(tmp_path, limit=10 * size)
    keys = [f"{number:02d}" * 32 for number in range(40)]
    for number, key in enumerate(keys):
        cache.put(key, cubin, "")
        os.utime(entry(cache, key), (number, number))
        assert cache.get(keys[0]) is not None, "it is used all the time"
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in files) <= cache.limit
    assert cache.get(keys[-1]) is not None and cache.get(keys[1]) is None
    assert len(files) >= 8


def test_a_cache_smaller_than_one_entry_keeps_none(tmp_path: Path, cubin: bytes) -> None:
    cache = CubinCache(tmp_path, limit=100)
    cache.put(KEY, cubin, "")
    assert cache.get(KEY) is None


def test_what_killed_writers_left_is_cleared(cache: CubinCache, cubin: bytes) -> None:
    left, fresh = (entry(cache).with_name(f".writing-{name}") for name in ("left", "fresh"))
    for path in (left, fresh):
        path.write_bytes(b"half of an ent")
    hours_ago = time.time() - 2 * 3600
    os.utime(left, (hours_ago, hours_ago))
    cubin_cache._held.clear()  # as in a new process
    cache.put(KEY, cubin, "log")
    assert not left.exists() and fresh.exists()


def test_threads_at_once_leave_a_whole_entry(tmp_path: Path) -> None:
    cache = CubinCache(tmp_path)
    contents = [compile_source("kernel", threads=32 * i) for i in range(1, 5)]
    threads = [threading.Thread(target=cache.put, args=(KEY, content, "")) for content in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = cache.get(KEY)
    assert found is not None and found[0] in contents
    assert len([p for p in tmp_path.rglob("*") if p.is_file()]) == 1


def _fill(directory: str, cubin: bytes, seed: int) -> None:
    cache = CubinCache(Path(directory), limit=8 * len(cubin))
    for number in range(60):
        key = f"{(number * 7 + seed) % 20:02d}" * 32
        cache.put(key, cubin, "")
        assert cache.get(key) in (None, (cubin, ""))


def test_processes_at_once_share_a_small_cache(tmp_path: Path, cubin: bytes) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_fill, args=(str(tmp_path), cubin, seed)) for seed in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    _fill(str(tmp_path), cubin, 0)
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) <= 8 * len(cubin)


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path, cubin: bytes) -> None:
    (tmp_path / "file").write_text("")
    cache = CubinCache(tmp_path / "file")
    cache.put(KEY, cubin, "")
    assert cache.get(KEY) is None


def test_a_swapped_entry_does_not_change_a_build(tmp_path: Path) -> None:
    def build() -> trtc.Engine:
        net = trtc.Network()
        x = net.add_input("x", "f32", (4, 64))
        net.mark_output(net.add_softmax(net.add_reduce("sum", net.add_unary("exp", x), [1])), "y")
        return trtc.build(net, trtc.BuildOptions(target="sm_80"), cache=CubinCache(tmp_path))

    first = build()
    entries = sorted(path for path in tmp_path.rglob("*") if path.is_file() and b"\x7fELF" in path.read_bytes())
    assert len(entries) == 2  # besides the lowered groups
    shutil.copy(entries[0], entries[1])
    again = build()
    sections = [{n: bytes(s.data) for n, s in e.variant().sections.items()} for e in (first, again)]
    assert sections[0] == sections[1] and again.stats.compiles == 1
