"""Compiling CUDA C without a GPU: architectures, reports, errors, the thread pool and the cache."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from trtc.compiler.codegen.cuda.cubin_cache import CubinCache, cubin_key
from trtc.compiler.codegen.cuda.nvrtc import (
    Compiled,
    Job,
    KernelCompileError,
    Resources,
    compile_all,
    compile_cubin,
    parse_resources,
    parse_warnings,
)
from trtc.compiler.environment import cache_directory, cache_limit
from trtc.dialects.errors import OptionError, TargetError

SCALE = 'extern "C" __global__ void scale(float* x, int n) { int i = threadIdx.x; if (i < n) x[i] *= 2.0f; }\n'
SPILLING = """
extern "C" __global__ void __launch_bounds__(1024, 2) spilling(const float* __restrict__ x, float* y) {
  float v[40];
  #pragma unroll
  for (int i = 0; i < 40; ++i) v[i] = x[i * 1024 + threadIdx.x];
  __syncthreads();
  #pragma unroll
  for (int i = 0; i < 40; ++i)
    #pragma unroll
    for (int j = 0; j < 40; ++j) v[j] = v[j] * v[i] + 1.0f;
  #pragma unroll
  for (int i = 0; i < 40; ++i) y[i * 1024 + threadIdx.x] = v[i];
}
"""


pytest.importorskip("cupy", reason="NVRTC comes with CuPy")


@pytest.mark.parametrize("arch", ["sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a"])
def test_every_architecture_compiles_without_a_gpu(arch: str) -> None:
    made = compile_cubin(Job(SCALE, arch))
    assert made.cubin[:4] == b"\x7fELF"
    assert made.resources["scale"].registers > 0
    assert made.problems() == []
    assert not made.cached


def test_cubins_are_whole_and_the_same_each_time() -> None:
    """CuPy drops the last byte of a cubin; the section headers, which stand last, say how long it is."""
    cubin = compile_cubin(Job(SCALE, "sm_80")).cubin
    (offset,) = struct.unpack_from("<Q", cubin, 40)
    size, count = struct.unpack_from("<HH", cubin, 58)
    assert len(cubin) >= offset + size * count
    assert compile_cubin(Job(SCALE, "sm_80")).cubin == cubin


def test_spills_are_reported() -> None:
    made = compile_cubin(Job(SPILLING, "sm_80"))
    assert made.resources["spilling"].spill_store_bytes > 0
    assert any("bytes of spill stores" in problem for problem in made.problems())
    for used in (Resources(8, spill_load_bytes=4), Resources(8, spill_store_bytes=4)):
        assert len(Compiled(b"", "", {"k": used}, cached=False).problems()) == 1
    assert Compiled(b"", "", {"k": Resources(8, stack_bytes=4)}, cached=False).problems() == []


def test_wgmma_serialisation_is_a_warning() -> None:
    log = (
        "ptxas info    : (C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized due to ...\n"
        "ptxas info    : Compiling entry function 'k' for 'sm_90a'\n"
        "ptxas         .     8 bytes stack frame, 4 bytes spill stores, 12 bytes spill loads\n"
        "ptxas info    : Used 168 registers, used 2 barriers, 1024 bytes smem\n"
    )
    assert len(parse_warnings(log)) == 1 and "C7510" in parse_warnings(log)[0]
    used = parse_resources(log)["k"]
    assert (used.registers, used.barriers, used.shared_bytes) == (168, 2, 1024)
    assert (used.stack_bytes, used.spill_store_bytes, used.spill_load_bytes) == (8, 4, 12)


def test_a_broken_source_is_one_sentence_with_the_line() -> None:
    with pytest.raises(KernelCompileError, match=r"refused 'bad.cu' for sm_80: bad.cu\(2\): error") as caught:
        compile_cubin(Job('extern "C" __global__ void k() {\n  oops; }', "sm_80", name="bad.cu"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("arch", "message"),
    [
        ("sm_75", "expected sm_80 or newer"),
        ("ampere", "expected an architecture such as"),
        ("sm_999", "supports up to"),
    ],
)
def test_unknown_architectures_are_refused(arch: str, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        compile_cubin(Job(SCALE, arch))


def test_many_jobs_keep_their_order_and_equal_ones_compile_once(tmp_path: Path) -> None:
    jobs = [Job(SCALE.replace("scale", f"scale{i % 3}"), "sm_80") for i in range(6)]
    steps: list[tuple[int, int]] = []
    made = compile_all(jobs, CubinCache(tmp_path), workers=2, progress=lambda done, total: steps.append((done, total)))
    assert [next(iter(m.resources)) for m in made] == [f"scale{i % 3}" for i in range(6)]
    assert steps == [(1, 3), (2, 3), (3, 3)]
    again = compile_all(jobs, CubinCache(tmp_path), workers=2)
    assert all(m.cached for m in again)
    assert [m.cubin for m in again] == [m.cubin for m in made]


def test_kernels_of_other_nodes_are_one_cubin(tmp_path: Path) -> None:
    """Comments name the ONNX nodes of a kernel: other nodes hit, at the same lines; other code does not."""
    cache = CubinCache(tmp_path)
    text = 'extern "C" __global__ void k(float* x) {{\n  // Conv {}\n  x[0] = {};  // of {}\n}}\n'
    first, same, other = (
        compile_cubin(Job(text.format(node, number, "x"), "sm_80"), cache)
        for node, number in (("a", 1), ("b", 1), ("a", 2))
    )
    assert same.cached and same.cubin == first.cubin and not other.cached
    with pytest.raises(KernelCompileError, match=r"\(3\)|line 3|:3"):
        compile_cubin(Job(text.format("a", "no_such_name", "x"), "sm_80"))


def test_the_first_error_of_many_jobs_is_raised() -> None:
    jobs = [Job(SCALE, "sm_80"), Job("broken", "sm_80", name="broken.cu")]
    with pytest.raises(KernelCompileError, match=r"broken\.cu"):
        compile_all(jobs, workers=2)


def test_a_hit_reports_what_the_compile_did(tmp_path: Path) -> None:
    cache = CubinCache(tmp_path)
    made, hit = (compile_cubin(Job(SPILLING, "sm_80"), cache) for _ in range(2))
    assert (made.cached, hit.cached) == (False, True)
    assert (hit.cubin, hit.log, hit.resources) == (made.cubin, made.log, made.resources)


def test_the_key_is_made_of_all_that_decides_the_bytes() -> None:
    base = ("source", "sm_80", ("-a",), (13, 5))
    others = [
        ("other", *base[1:]),
        ("source", "sm_90a", *base[2:]),
        ("source", "sm_80", ("-b",), (13, 5)),
        (*base[:3], (12, 9)),
    ]
    keys = [cubin_key(*parts) for parts in [base, *others]]  # type: ignore[arg-type]
    assert len(set(keys)) == 5
    assert cubin_key("s", "a", ("x y",), (1, 0)) != cubin_key("s", "a", ("x", "y"), (1, 0))


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRTC_CACHE", str(tmp_path))
    assert cache_directory() == tmp_path
    monkeypatch.delenv("TRTC_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_directory() == Path("/x/trtc")


def test_how_large_the_cache_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRTC_CACHE_LIMIT", raising=False)
    assert cache_limit() == 1 << 30
    monkeypatch.setenv("TRTC_CACHE_LIMIT", "5")
    assert cache_limit() == 5 << 20
    for wrong in ("-1", "1.5", "many", "1" * 400):
        monkeypatch.setenv("TRTC_CACHE_LIMIT", wrong)
        with pytest.raises(OptionError, match="TRTC_CACHE_LIMIT: expected a number of MiB"):
            cache_limit()


def test_a_cubin_does_not_say_where_it_was_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[bytes] = []
    for folder in ("a", "a_longer_name"):
        (tmp_path / folder).mkdir()
        monkeypatch.chdir(tmp_path / folder)
        made += [
            compile_cubin(Job(SCALE, arch, name=name)).cubin
            for arch in ("sm_80", "sm_90a")
            for name in ("k.cu", "../k.cu")
        ]
    assert made[:4] == made[4:]
    assert str(tmp_path).encode() not in b"".join(made)
