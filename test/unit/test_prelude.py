"""The wrappers of PTX instructions, held to rules that no compiler checks: what the compiler may move, and what an instruction is given."""

from __future__ import annotations

import re

import pytest

from trtc.compiler.codegen.ptx import table

PURE = (
    "cvt.",
    "max.",
    "min.",
    "tanh.",
    "ex2.",
    "mov.u32",
    "mma.sync.",
    "{.reg .pred p; setp.eq.b32 p, 0, 0;",
    "setmaxnreg.",
)
"""How instructions start that neither read nor write memory behind the compiler's back."""


def of_one_rank_or_shape(name: str) -> bool:
    """Leaves out all but some of the hundreds of wgmma shapes."""
    return not re.fullmatch(r"wgmma_\w+_n\d+_sw.*", name) or "_n64_" in name


WRAPPERS = {
    name: wrapper.text for name, wrapper in table().items() if "asm" in wrapper.text and of_one_rank_or_shape(name)
}


def statements(text: str) -> list[tuple[str, str, bool]]:
    """(instructions, operands and clobbers, volatile) of each asm statement; an empty instruction only pins registers."""
    found = re.findall(r'asm( volatile)?\(((?:\s*"(?:[^"\\]|\\.)*")+)(.*?)\);\s', text + "\n", flags=re.DOTALL)
    assert found, text
    return [("".join(re.findall(r'"((?:[^"\\]|\\.)*)"', code)), rest, bool(volatile)) for volatile, code, rest in found]


def test_what_touches_memory_or_waits_is_a_barrier_for_the_compiler() -> None:
    for name, text in WRAPPERS.items():
        for code, rest, volatile in statements(text):
            clobbers = rest.rstrip().endswith('"memory"')
            assert (volatile and clobbers) != code.startswith(PURE), name


def test_every_operand_is_given_once() -> None:
    for name, text in WRAPPERS.items():
        for code, rest, _ in statements(text):
            named = {int(number) for number in re.findall(r"(?<!%)%(\d+)", code)}
            given = len(re.findall(r'"[=+]?[a-z]"\(', rest))
            assert code == "" or named == set(range(given)), name


@pytest.mark.parametrize(
    "name, lines",
    [
        ("f16_to_f32", ['asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(x));']),
        ("f32_to_f16", ['asm("cvt.rn.f16.f32 %0, %1;" : "=h"(r) : "f"(x));']),
        ("f32_to_bf16", ['asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(r) : "f"(x));']),
        ("f32_to_tf32", ['asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(x));']),
        ("max_nan", ['asm("max.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));']),
        ("min_nan", ['asm("min.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));']),
        ("cp_async_4", ['"cp.async.ca.shared.global [%0], [%1], 4, %2;"', '"r"(target), "l"(source), "r"(predicate ? 4 : 0)']),
        ("cp_async_8", ['"cp.async.ca.shared.global [%0], [%1], 8, %2;"', '"r"(predicate ? 8 : 0)']),
        ("cp_async_16", ['"cp.async.cg.shared.global [%0], [%1], 16, %2;"', '"r"(predicate ? 16 : 0)']),
        ("cp_async_wait", ['"cp.async.wait_group %0;" : : "n"(pending)']),
        ("ldmatrix_x2_trans", ['"ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];" : "=r"(r[0]), "=r"(r[1])']),
        ("bar_sync", ['"bar.sync %0, %1;" : : "n"(id), "n"(threads)']),
        ("cluster_sync", ['"barrier.cluster.arrive.release.aligned;\\nbarrier.cluster.wait.acquire.aligned;"']),
        ("grid_wait", ["#if __CUDA_ARCH__ >= 900\n", '"griddepcontrol.wait;"']),
        ("grid_signal", ["#if __CUDA_ARCH__ >= 900\n", '"griddepcontrol.launch_dependents;"']),
        ("mbar_init", ['"mbarrier.init.shared::cta.b64 [%0], %1;" : : "r"(barrier), "r"(count)']),
        ("mbar_init_fence", ['"fence.mbarrier_init.release.cluster;\\nfence.proxy.async.shared::cta;"']),
        ("mbar_arrive_at", ["mapa.shared::cluster.u32 remote, %0, %1;", "arrive.release.cluster.shared::cluster.b64 _, [remote];"]),
        ("mbar_expect", ['"mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" : : "r"(barrier), "r"(bytes)']),
        ("mbar_wait", ["again: mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\\n@!done bra again;"]),
        ("bulk_wait", ['"cp.async.bulk.wait_group.read %0;" : : "n"(pending)']),
        ("wgmma_wait", ['"wgmma.wait_group.sync.aligned %0;" : : "n"(pending)']),
        ("tma_load_2d", [".shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];"]),
        ("tma_load_2d_multicast", [".multicast::cluster [%0], [%1, {%2, %3}], [%4], %5;", '"h"((unsigned short)mask)']),
        ("tma_load_im2col_4d", [".im2col.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4, %5}], [%6], {%7, %8};"]),
        ("tma_store_3d", ['"cp.async.bulk.tensor.3d.global.shared::cta.tile.bulk_group [%1, {%2, %3, %4}], [%0];"']),
        ("mma_f16", ['mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0']),
        ("mma_tf32", ['"r"(f32_to_tf32(a[0]))', '"r"(f32_to_tf32(b[1]))']),
        ("wgmma_f16_n64_sw128_tb", ["m64n64k16.f32.f16.f16 ", "p, 1, 1, 0, 1;}"]),
        ("wgmma_s8_n64_sw128", ["m64n64k32.s32.s8.s8 ", "%32, %33, p;}"]),
    ],
)  # fmt: skip
def test_what_an_instruction_says(name: str, lines: list[str]) -> None:
    for line in lines:
        assert line in table()[name].text


@pytest.mark.parametrize("swizzle, code", [(128, 1), (64, 2), (32, 3)])
def test_a_descriptor_says_where_the_next_eight_rows_are(swizzle: int, code: int) -> None:
    (constant,) = re.findall(r"return (0x[0-9a-f]+)ull", table()[f"wgmma_descriptor_{swizzle}"].text)
    fixed = int(constant, 16)
    assert fixed >> 62 == code
    assert fixed >> 32 & 0x3FFF == 8 * swizzle // 16
    assert fixed & 0x3FFF == 0, "the start address is not known yet"
