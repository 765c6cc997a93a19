"""The CUDA C printer: byte-stable text, errors on unknown ops, and every wrapper compiled by NVRTC without spills (no GPU needed)."""

from __future__ import annotations

import functools
import sys
from pathlib import Path

import pytest
from xdsl.context import Context
from xdsl.dialects import builtin, test
from xdsl.parser import Parser

from trtc.compiler.codegen.cuda.prelude import prelude, table
from trtc.compiler.codegen.cuda.printer import print_kernel, print_module
from trtc.compiler.universe import UNIVERSE
from trtc.dialects import kernel
from trtc.dialects.errors import TrtcError
from trtc.dialects.kernel.thread.wgmma import wgmma_name

sys.path.insert(0, str(Path(__file__).parents[2]))
import sass

GLOBAL = "!kernel.global<dims <N> x {0}, strides <1>, align 16>"
AMPERE = ("sm_80", "sm_86", "sm_89", "sm_90a", "sm_100a", "sm_120a")


def parse(text: str) -> builtin.ModuleOp:
    context = Context()
    for name, load in UNIVERSE.all_dialects.items():
        context.register_dialect(name, load)
    context.register_dialect("test", lambda: test.Test)
    for name in ("builtin", "arith", "math", "scf", "memref", "func"):
        from xdsl.universe import XDSL_UNIVERSE

        context.register_dialect(name, XDSL_UNIVERSE.all_dialects[name])
    module = Parser(context, text).parse_module()
    module.verify()
    return module


def only_kernel(text: str) -> kernel.FuncOp:
    (func,) = parse(text).body.block.ops
    assert isinstance(func, kernel.FuncOp)
    return func


def kernel_text(body: str, *, elements: str = "f16 f16", options: str = "warps 4 smem 65536") -> str:
    names = [f"%x{i}: {GLOBAL.format(e)}" for i, e in enumerate(elements.split())]
    constants = "\n".join(f"%c{i} = arith.constant {i} : index" for i in (0, 1, 2, 4, 8, 16, 32, 1024, 2048, 4096))
    head = f"kernel.func @sample({', '.join(names)}) grid <N, 1, 1> {options} coords(%i, %j, %k)"
    return f"{head} {{\n{constants}\n{body}\nkernel.return\n}}"


def cp_async_ring() -> str:
    """cp.async of three widths, ldmatrix of three counts, and a store of what came."""
    g, s = GLOBAL.format("f16"), 'memref<1024xf16, "shared">'
    lines = ["%t = kernel.thread_id", "%o = arith.muli %t, %c8 : index", f"%s = kernel.smem 1024 : {s}"]
    lines.append('%r = kernel.local : memref<32xf16, "local">')
    lines.append("%p = arith.cmpi slt, %o, %c1024 : index")
    for width in (2, 4, 8):
        lines.append(f"kernel.cp_async %x0[%o] to %s[%o] count {width} if %p : {g}, {s}")
    lines += [
        "kernel.cp_async_commit",
        "kernel.cp_async_wait 1",
        "kernel.cp_async_wait 0",
        "kernel.bar_sync 0 threads 128",
    ]
    lines.append("%low = arith.remui %o, %c1024 : index")
    for position, (count, transposed) in enumerate(
        [(1, ""), (2, ""), (4, ""), (1, " transposed"), (2, " transposed"), (4, " transposed")]
    ):
        at = ("%c0", "%c2", "%c4", "%c16", "%c2", "%c8")[position]
        lines.append(f'kernel.ldmatrix %s[%low] to %r[{at}] count {count}{transposed} : {s}, memref<32xf16, "local">')
    for position in ("%c0", "%c8", "%c16"):
        lines.append(f'kernel.st_global %r[{position}] to %x1[%o] count 8 : memref<32xf16, "local">, {g}')
    return kernel_text("\n".join(lines))


def mma(kind: str, element: str, per_register: int) -> str:
    """A row of four mma.sync in an unrolled loop; operands and accumulators come from and go to memory."""
    acc = "i32" if kind == "s8" else "f32"
    a, b, c = (
        f'memref<{n}x{e}, "local">' for n, e in ((16 * per_register, element), (8 * per_register, element), (16, acc))
    )
    ga, gc = GLOBAL.format(element), GLOBAL.format(acc)
    chunk = 16 // (4 // per_register)
    zero = "%z = arith.constant 0 : i32" if kind == "s8" else "%z = arith.constant 0.0 : f32"
    return kernel_text(
        f"""
        %t = kernel.thread_id
        %n = arith.constant {chunk} : index
        %o = arith.muli %t, %n : index
        {zero}
        %a = kernel.local : {a}
        %b = kernel.local : {b}
        %acc = kernel.local : {c}
        scf.for %f = %c0 to %c16 step %c1 {{ memref.store %z, %acc[%f] : {c} }} {{unroll}}
        scf.for %f = %c0 to %c4 step %c1 {{
          %to = arith.muli %f, %n : index
          kernel.ld_global %x0[%o] to %a[%to] count {chunk} : {ga}, {a}
        }} {{unroll}}
        scf.for %f = %c0 to %c2 step %c1 {{
          %to = arith.muli %f, %n : index
          kernel.ld_global %x1[%o] to %b[%to] count {chunk} : {ga}, {b}
        }} {{unroll}}
        scf.for %m = %c0 to %c4 step %c1 {{
          %ca = arith.muli %m, %c4 : index
          %e = arith.constant {4 * per_register} : index
          %aa = arith.muli %m, %e : index
          kernel.mma_sync "{kind}" %acc[%ca], %a[%aa], %b[%c0] : {c}, {a}, {b}
        }} {{unroll}}
        scf.for %f = %c0 to %c4 step %c1 {{
          %of = arith.muli %f, %c4 : index
          kernel.st_global %acc[%of] to %x2[%o] count 4 : {c}, {gc}
        }} {{unroll}}""",
        elements=f"{element} {element} {acc}",
    )


def hopper(kind: str, n: int, swizzle: int, *, registers: bool = False, transposed: bool = False) -> str:
    """A producer and a consumer in one block: TMA in, wgmma, accumulators out; mbarriers, fences, cluster and setmaxnreg."""
    element = {"tf32": "f32", "s8": "i8"}.get(kind, kind)
    acc = "i32" if kind == "s8" else "f32"
    g, c = GLOBAL.format(element), f'memref<{n // 2}x{acc}, "local">'
    row = swizzle * 8 // {"f32": 32, "i8": 8}.get(element, 16)
    box = f"64x{row}x{element}, swizzle {swizzle}"
    zero = f"%z = arith.constant {'0' if acc == 'i32' else '0.0'} : {acc}"
    views = f"groups [array<i64: 0>, array<i64: 1>] : {g} -> !kernel.view<2 x {element}>"
    a_local = 'registers %ra : memref<8xf16, "local"> at' if registers else ""
    a_at = "%c0" if registers else "%c1024"
    b_transposed = "b_transposed " if transposed else ""
    body = f"""
        %view = kernel.view %x0 dims <N, {row}> strides <{row}, 1> offset <0> {views}
        %map = kernel.tensor_map %view : !kernel.view<2 x {element}> -> !kernel.tensor_map<{box}>
        %t = kernel.thread_id
        %half = arith.constant {n // 2} : index
        {zero}
        %first = arith.cmpi eq, %t, %c0 : index
        scf.if %first {{
          kernel.mbar_init %c0 count 1
          kernel.mbar_init %c8 count 2
          kernel.mbar_init_fence
        }}
        kernel.cluster_sync
        %rank = kernel.cluster_rank
        %first_producer = arith.constant 128 : index
        %consumer = arith.cmpi slt, %t, %first_producer : index
        scf.if %consumer {{
          kernel.setmaxnreg 240 increase 1
          %acc = kernel.local : {c}
          %ra = kernel.local : memref<8xf16, "local">
          scf.for %f = %c0 to %half step %c1 {{ memref.store %z, %acc[%f] : {c} }} {{unroll}}
          %o = arith.muli %t, %half : index
          %s = kernel.smem 4096 : memref<1024xf16, "shared">
          kernel.ld_shared %s[%o] to %ra[%c0] count 8 : memref<1024xf16, "shared">, memref<8xf16, "local">
          kernel.mbar_wait %c0 parity %c0
          scf.for %stage = %c0 to %c4 step %c1 {{
            kernel.wgmma_fence
            kernel.wgmma "{kind}" n {n} swizzle {swizzle} {b_transposed}%acc[%c0], {a_local} {a_at}, %c2048 : {c}
            kernel.wgmma_commit
            kernel.wgmma_wait 0, %acc : {c}
          }}
          kernel.mbar_arrive %c8
          kernel.mbar_arrive %c8 rank %rank
          scf.for %f = %c0 to %half step %c4 {{
            %of = arith.addi %o, %f : index
            kernel.st_global %acc[%f] to %x1[%of] count 4 : {c}, {GLOBAL.format(acc)}
          }} {{unroll}}
          kernel.fence_proxy_async
          kernel.bar_sync 1 threads 128
        }} else {{
          kernel.setmaxnreg 40 increase 0
          %warpgroup = arith.constant 128 : index
          %leader = arith.cmpi eq, %t, %warpgroup : index
          scf.if %leader {{
            kernel.grid_wait
            kernel.mbar_expect %c0 bytes {64 * swizzle}
            kernel.tma_load %map[%c0, %i] to %c1024 barrier %c0 : !kernel.tensor_map<{box}>
            kernel.tma_load %map[%c0, %i] to %c1024 barrier %c0 multicast 3 : !kernel.tensor_map<{box}>
            kernel.tma_load %map[%c0, %i, %j, %k] window [%c1, %c2] to %c1024 barrier %c0 : !kernel.tensor_map<{box}>
            kernel.mbar_wait %c8 parity %c0
            kernel.tma_store %c1024 to %map[%c0, %i] : !kernel.tensor_map<{box}>
            kernel.bulk_commit
            kernel.bulk_wait 0
            kernel.grid_signal
          }}
        }}
        kernel.cluster_sync"""
    return kernel_text(body, elements=f"{element} {acc}", options="warps 8 cluster 2 smem 65536")


@functools.cache
def nvrtc_missing() -> str:
    from trtc.compiler.codegen.cuda.nvrtc import nvrtc_version
    from trtc.dialects.errors import TargetError

    try:
        nvrtc_version()
    except TargetError as error:
        return str(error)
    return ""


def compile_for(source: str, arch: str) -> bytes:
    """The cubin; asserts that nothing spills, no array left the registers and ptxas has nothing to warn of."""
    from trtc.compiler.codegen.cuda.nvrtc import Job, compile_cubin

    if reason := nvrtc_missing():
        pytest.skip(reason)
    compiled = compile_cubin(Job(source, arch))
    assert compiled.problems() == []
    assert [used.stack_bytes for used in compiled.resources.values()] == [0]
    return compiled.cubin


MMA_KINDS = [("f16", "f16", 2), ("bf16", "bf16", 2), ("tf32", "f32", 1), ("s8", "i8", 4)]


@pytest.mark.parametrize("arch", AMPERE)
def test_cp_async_and_ldmatrix_compile(arch: str):
    compile_for(print_kernel(only_kernel(cp_async_ring())), arch)


@pytest.mark.parametrize("arch", AMPERE)
@pytest.mark.parametrize("kind, element, per_register", MMA_KINDS)
def test_mma_sync_compiles(kind: str, element: str, per_register: int, arch: str):
    compile_for(print_kernel(only_kernel(mma(kind, element, per_register))), arch)


WGMMA_SAMPLES = [
    ("f16", 256, 128, False, False), ("f16", 64, 128, True, True), ("bf16", 128, 64, False, False), ("bf16", 64, 128, False, True),
    ("tf32", 96, 128, False, False), ("s8", 128, 128, False, False), ("f16", 8, 32, False, False),
]  # fmt: skip


@pytest.mark.parametrize("kind, n, swizzle, registers, transposed", WGMMA_SAMPLES)
def test_wgmma_and_tma_compile(kind: str, n: int, swizzle: int, registers: bool, transposed: bool):
    compile_for(
        print_kernel(only_kernel(hopper(kind, n, swizzle, registers=registers, transposed=transposed))), "sm_90a"
    )


def test_hopper_instructions_are_in_the_cubin():
    cubin = compile_for(print_kernel(only_kernel(hopper("f16", 128, 128))), "sm_90a")
    assert {"HGMMA", "UTMALDG", "UTMASTG", "SYNCS"} <= sass.mnemonics(cubin)


def test_every_fixed_wrapper_compiles():
    """Wrappers that no op of the samples uses, and all the rest, as C text."""
    if reason := nvrtc_missing():
        pytest.skip(reason)
    from trtc.compiler.codegen.cuda.nvrtc import Job, compile_cubin

    wrappers = [
        wrapper
        for name, wrapper in table().items()
        if not name.startswith("wgmma_") or name.startswith("wgmma_f16_n16_")
    ]
    compile_cubin(Job(prelude(wrappers) + 'extern "C" __global__ void nothing() {}', "sm_90a"))


def test_text_is_byte_stable():
    for text in (cp_async_ring(), mma("f16", "f16", 2), hopper("f16", 64, 128)):
        assert print_kernel(only_kernel(text)) == print_kernel(only_kernel(text))


def test_module_prints_one_prelude():
    module = parse(cp_async_ring() + "\n" + cp_async_ring().replace("@sample", "@other"))
    text = print_module(module)
    assert text.count("typedef unsigned short f16;") == 1
    assert text.count("__global__") == 2


def test_unknown_op_is_an_error():
    func = only_kernel(kernel_text("kernel.barrier"))
    with pytest.raises(TrtcError, match=r"there is no statement for kernel\.barrier"):
        print_kernel(func)


def test_access_of_odd_width_is_an_error():
    body = f"""%r = kernel.local : memref<8xf16, "local">
      kernel.ld_global %x0[%c0] to %r[%c0] count 3 : {GLOBAL.format("f16")}, memref<8xf16, "local">"""
    with pytest.raises(TrtcError, match="expected an access of 1, 2, 4, 8 or 16 bytes, got 6"):
        print_kernel(only_kernel(kernel_text(body)))


@pytest.mark.parametrize(
    "kind, n, swizzle, transposed, message",
    [
        ("f16", 12, 128, False, "multiple of 8"),
        ("f8", 16, 128, False, "kind among"),
        ("f16", 16, 0, False, "swizzle of 32, 64 or 128"),
        ("f16", 128, 128, True, "split n"),
    ],
)
def test_wgmma_shapes_that_do_not_exist(kind: str, n: int, swizzle: int, transposed: bool, message: str):
    with pytest.raises(TrtcError, match=message):
        wgmma_name(kind, n, swizzle, a_registers=False, b_transposed=transposed)
