"""
The prelude of generated kernels: one entry per PTX instruction (or small idiom), name -> CUDA C.

A kernel's prelude holds just the entries that it uses, in the order of this table, each after what it requires. Fixed entries stand in
`_FIXED`; families (mma.sync kinds, wgmma shapes, TMA ranks) are made by functions. Nothing here includes a header: NVRTC compiles
header-free code fastest. Sources: PTX ISA 8.x, chapters on the instructions named; the descriptor of wgmma operands is "Matrix
Descriptor" there.

Addresses of shared memory are 32-bit (`unsigned`); arrays in registers are passed by pointer and indexed by constants, so that they
stay in registers once inlined.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from ....dialects.errors import TrtcError

_FUNCTION = "__device__ __forceinline__ "
# Values that a kernel computes and never uses are no defect: ptxas drops them.
_HEADER = "#pragma nv_diag_suppress 177, 550\n\n"


@dataclass(frozen=True)
class Wrapper:
    """A piece of prelude: its C text and the names of the entries that must come before it."""

    text: str
    requires: tuple[str, ...] = ()


def _asm(name: str, parameters: str, instruction: str, operands: str = ": : ", *, memory: bool = True) -> Wrapper:
    """A function of one volatile instruction without a result."""
    clobber = ' : "memory"' if memory else ""
    return Wrapper(f'{_FUNCTION}void {name}({parameters}) {{\n  asm volatile("{instruction}" {operands}{clobber});\n}}')


def _since_900(name: str, instruction: str) -> Wrapper:
    """A function of one instruction that sm_90 brought; it does nothing on older architectures."""
    body = f'  asm volatile("{instruction}" : : : "memory");'
    return Wrapper(f"{_FUNCTION}void {name}() {{\n#if __CUDA_ARCH__ >= 900\n{body}\n#endif\n}}")


def _convert(name: str, result: str, operand: str, instruction: str, constraints: tuple[str, str]) -> Wrapper:
    to, of = constraints
    return Wrapper(
        f"{_FUNCTION}{result} {name}({operand} x) {{\n  {result} r;\n"
        f'  asm("{instruction} %0, %1;" : "={to}"(r) : "{of}"(x));\n  return r;\n}}'
    )


def _binary(name: str, type_: str, instruction: str, constraint: str) -> Wrapper:
    return Wrapper(
        f"{_FUNCTION}{type_} {name}({type_} a, {type_} b) {{\n  {type_} r;\n"
        f'  asm("{instruction} %0, %1, %2;" : "={constraint}"(r) : "{constraint}"(a), "{constraint}"(b));\n  return r;\n}}'
    )


def _extremum_f64(name: str, before: str, both: str) -> Wrapper:
    """The later one in order, `a != a` being NaN."""
    bits = f"__double_as_longlong(a) {both} __double_as_longlong(b)"
    return Wrapper(
        f"{_FUNCTION}double {name}(double a, double b) {{\n  if (a {before} b) return b;\n  if (b {before} a) return a;\n"
        f"  return a != a ? a : b != b ? b : __longlong_as_double({bits});\n}}"
    )


def _integer_power(name: str, type_: str, unsigned: str) -> Wrapper:
    """a ** b, wrapped around; a negative power of anything but 1 and -1 is 0."""
    return Wrapper(
        f"{_FUNCTION}{type_} {name}({type_} a, {type_} b) {{\n"
        "  if (b < 0) return a == 1 || a == -1 ? b & 1 ? a : 1 : 0;\n"
        f"  {unsigned} result = 1, square = a;\n"
        "  for (; b > 0; b >>= 1, square *= square)\n    if (b & 1) result *= square;\n"
        f"  return ({type_})result;\n}}"
    )


def _cp_async(bytes_: int) -> Wrapper:
    """cp.async of 4, 8 or 16 bytes; with a false predicate nothing is read and the target becomes zero (src-size 0)."""
    cache_operator = "cg" if bytes_ == 16 else "ca"
    return _asm(
        f"cp_async_{bytes_}",
        "unsigned target, const void* source, bool predicate",
        f"cp.async.{cache_operator}.shared.global [%0], [%1], {bytes_}, %2;",
        f': : "r"(target), "l"(source), "r"(predicate ? {bytes_} : 0)',
    )


def _ldmatrix(count: int, transposed: bool) -> Wrapper:
    registers = ", ".join(f"%{i}" for i in range(count))
    outputs = ", ".join(f'"=r"(r[{i}])' for i in range(count))
    trans = ".trans" if transposed else ""
    return _asm(
        f"ldmatrix_x{count}{'_trans' if transposed else ''}",
        "unsigned* r, unsigned address",
        f"ldmatrix.sync.aligned.m8n8.x{count}{trans}.shared.b16 {{{registers}}}, [%{count}];",
        f': {outputs} : "r"(address)',
    )


# kind -> (shape, accumulator letter and type, operand type) of mma.sync m16n8.
MMA_SYNC = {
    "f16": ("m16n8k16", "f", "f32", "f16"),
    "bf16": ("m16n8k16", "f", "f32", "bf16"),
    "tf32": ("m16n8k8", "f", "f32", "tf32"),
    "s8": ("m16n8k32", "r", "s32", "s8"),
}


def _mma_sync(kind: str) -> Wrapper:
    """c += A B, registers as PTX lays them out; tf32 operands are rounded to nearest (ties away) first."""
    shape, letter, acc, operand = MMA_SYNC[kind]
    instruction = f"mma.sync.aligned.{shape}.row.col.{acc}.{operand}.{operand}.{acc}"
    outputs = ", ".join(f'"+{letter}"(c[{i}])' for i in range(4))
    source = "const float" if kind == "tf32" else "const unsigned"
    value = "f32_to_tf32({})" if kind == "tf32" else "{}"
    inputs = ", ".join(f'"r"({value.format(name)})' for name in ("a[0]", "a[1]", "a[2]", "a[3]", "b[0]", "b[1]"))
    text = (
        f"{_FUNCTION}void mma_{kind}({'float' if letter == 'f' else 'int'}* c, {source}* a, {source}* b) {{\n"
        f'  asm volatile("{instruction} {{%0, %1, %2, %3}}, {{%4, %5, %6, %7}}, {{%8, %9}}, {{%0, %1, %2, %3}};"\n'
        f"    : {outputs}\n    : {inputs});\n}}"
    )
    return Wrapper(text, ("f32_to_tf32",) if kind == "tf32" else ())


_COORDS = {rank: ", ".join(f"int c{i}" for i in range(rank)) for rank in range(1, 6)}


def _tma_load(rank: int, window: int, multicast: bool) -> Wrapper:
    """cp.async.bulk.tensor global -> shared; `window` offsets make it im2col, `multicast` adds a mask of blocks of the cluster."""
    name = f"tma_load_{'im2col_' if window else ''}{rank}d{'_multicast' if multicast else ''}"
    parameters = f"unsigned target, const TensorMap* map, {_COORDS[rank]}"
    parameters += (
        "".join(f", int w{i}" for i in range(window)) + ", unsigned barrier" + (", int mask" if multicast else "")
    )
    coords = ", ".join(f"%{2 + i}" for i in range(rank))
    last = 2 + rank
    mode = ".im2col" if window else ".tile"
    instruction = f"cp.async.bulk.tensor.{rank}d.shared::cluster.global{mode}.mbarrier::complete_tx::bytes"
    instruction += ".multicast::cluster" if multicast else ""
    tail = f" [%0], [%1, {{{coords}}}], [%{last}]"
    inputs = ['"r"(target)', '"l"(map)', *(f'"r"(c{i})' for i in range(rank)), '"r"(barrier)']
    if window:
        tail += ", {" + ", ".join(f"%{last + 1 + i}" for i in range(window)) + "}"
        inputs += [f'"h"((unsigned short)w{i})' for i in range(window)]
    if multicast:
        tail += f", %{last + 1 + window}"
        inputs.append('"h"((unsigned short)mask)')
    wrapper = _asm(name, parameters, instruction + tail + ";", f": : {', '.join(inputs)}")
    return Wrapper(wrapper.text, ("TensorMap",))


def _tma_store(rank: int) -> Wrapper:
    coords = ", ".join(f"%{2 + i}" for i in range(rank))
    inputs = ", ".join(['"r"(source)', '"l"(map)', *(f'"r"(c{i})' for i in range(rank))])
    wrapper = _asm(
        f"tma_store_{rank}d",
        f"unsigned source, const TensorMap* map, {_COORDS[rank]}",
        f"cp.async.bulk.tensor.{rank}d.global.shared::cta.tile.bulk_group [%1, {{{coords}}}], [%0];",
        f": : {inputs}",
    )
    return Wrapper(wrapper.text, ("TensorMap",))


# kind -> (reduction extent of one instruction, bytes an element, PTX operand type, accumulator letter, PTX and C accumulator types).
WGMMA = {
    "f16": (16, 2, "f16", "f", "f32", "float"),
    "bf16": (16, 2, "bf16", "f", "f32", "float"),
    "tf32": (8, 4, "tf32", "f", "f32", "float"),
    "s8": (32, 1, "s8", "r", "s32", "int"),
}
_SWIZZLE_CODE = {128: 1, 64: 2, 32: 3}


def wgmma_name(kind: str, n: int, swizzle: int, *, a_registers: bool, b_transposed: bool) -> str:
    """The name of the wrapper of one wgmma shape. Raises TrtcError for a shape that the instruction does not have."""
    if kind not in WGMMA or swizzle not in _SWIZZLE_CODE:
        raise TrtcError(
            f"wgmma: expected a kind among {sorted(WGMMA)} and a swizzle of 32, 64 or 128 bytes, got {kind} and {swizzle}"
        )
    allowed = range(8, 257, 8) if kind != "s8" else [8, 24, *range(16, 257, 16)]
    if n not in allowed:
        raise TrtcError(f"wgmma {kind}: expected n a multiple of {8 if kind != 's8' else 16} up to 256, got {n}")
    element = WGMMA[kind][1]
    if b_transposed and (element != 2 or n * element > swizzle):
        raise TrtcError(
            f"wgmma {kind} n {n}: a transposed B needs 16-bit elements and rows of at most the swizzle of {swizzle} bytes; split n"
        )
    return f"wgmma_{kind}_n{n}_sw{swizzle}{'_ra' if a_registers else ''}{'_tb' if b_transposed else ''}"


def _descriptor(swizzle: int) -> Wrapper:
    """
    The shared-memory matrix descriptor: start address, leading and stride byte offsets in units of 16 bytes, swizzle code. Rows (K-major)
    or reduction steps (N-major) of `swizzle` bytes stand one after the other, so eight of them are 8 * swizzle bytes: the stride offset.
    The leading offset is not used where one swizzled row spans the operand.
    """
    fixed = _SWIZZLE_CODE[swizzle] << 62 | (8 * swizzle >> 4) << 32 | 1 << 16
    return Wrapper(
        f"{_FUNCTION}unsigned long long wgmma_descriptor_{swizzle}(unsigned address) {{\n"
        f"  return {fixed:#x}ull | (unsigned long long)((address & 0x3ffff) >> 4);\n}}"
    )


def _wgmma(kind: str, n: int, swizzle: int, a_registers: bool, b_transposed: bool) -> Wrapper:
    """d[0 .. n/2 - 1] += A B^T for 64 x n, one instruction; A in four registers or at a shared address, B at a shared address."""
    k, element, operand, letter, acc, c_type = WGMMA[kind]
    count = n // 2
    name = wgmma_name(kind, n, swizzle, a_registers=a_registers, b_transposed=b_transposed)
    registers = ", ".join(f"%{i}" for i in range(count))
    a_operands = 4 if a_registers else 1
    a = "{" + ", ".join(f"%{count + i}" for i in range(4)) + "}" if a_registers else f"%{count}"
    b = f"%{count + a_operands}"
    integer = kind == "s8"
    # scale-d as a predicate that is always true; then the signs of A and B, and for 16-bit types their transposition.
    tail = "p" if integer else "p, 1, 1"
    if element == 2:
        tail += f", {int(b_transposed)}" if a_registers else f", 0, {int(b_transposed)}"
    outputs = _lines([f'"+{letter}"(d[{i}])' for i in range(count)])
    a_inputs = ", ".join(f'"r"(a[{i}])' for i in range(4)) if a_registers else f'"l"(wgmma_descriptor_{swizzle}(a))'
    text = (
        f"{_FUNCTION}void {name}({c_type}* d, {'const unsigned*' if a_registers else 'unsigned'} a, unsigned b) {{\n"
        f'  asm volatile("{{.reg .pred p; setp.eq.b32 p, 0, 0;\\n"\n'
        f'    "wgmma.mma_async.sync.aligned.m64n{n}k{k}.{acc}.{operand}.{operand} "\n'
        f'    "{{{registers}}}, "\n'
        f'    "{a}, {b}, {tail};}}"\n'
        f"    : {outputs}\n"
        f'    : {a_inputs}, "l"(wgmma_descriptor_{swizzle}(b)));\n}}'
    )
    return Wrapper(text, (f"wgmma_descriptor_{swizzle}",))


def _lines(items: list[str]) -> str:
    """Eight items a line."""
    return ",\n      ".join(", ".join(items[i : i + 8]) for i in range(0, len(items), 8))


_FIXED: dict[str, Wrapper] = {
    "f16": Wrapper("typedef unsigned short f16;  // storage only: arithmetic is in float"),
    "bf16": Wrapper("typedef unsigned short bf16;  // storage only: arithmetic is in float"),
    "vec16": Wrapper("struct __align__(16) vec16 { unsigned x, y, z, w; };"),
    "vec8": Wrapper("struct __align__(8) vec8 { unsigned x, y; };"),
    "TensorMap": Wrapper("struct __align__(128) TensorMap { unsigned char bytes[128]; };"),
    # Conversions.
    "f16_to_f32": _convert("f16_to_f32", "float", "unsigned short", "cvt.f32.f16", ("f", "h")),
    "f32_to_f16": _convert("f32_to_f16", "unsigned short", "float", "cvt.rn.f16.f32", ("h", "f")),
    "bf16_to_f32": Wrapper(
        f"{_FUNCTION}float bf16_to_f32(unsigned short x) {{\n  return __uint_as_float((unsigned)x << 16);\n}}"
    ),
    "f32_to_bf16": _convert("f32_to_bf16", "unsigned short", "float", "cvt.rn.bf16.f32", ("h", "f")),
    "f32_to_tf32": _convert("f32_to_tf32", "unsigned", "float", "cvt.rna.tf32.f32", ("r", "f")),
    # Scalar arithmetic that C lacks.
    "floor_div": Wrapper(
        f"{_FUNCTION}int floor_div(int a, int b) {{\n  int q = a / b;\n  return q - (a % b != 0 && (a % b < 0) != (b < 0));\n}}"
    ),
    "ceil_div": Wrapper(
        f"{_FUNCTION}int ceil_div(int a, int b) {{\n  int q = a / b;\n  return q + (a % b != 0 && (a % b < 0) == (b < 0));\n}}"
    ),
    "max_nan": _binary("max_nan", "float", "max.NaN.f32", "f"),
    "min_nan": _binary("min_nan", "float", "min.NaN.f32", "f"),
    # Equal values have equal bits, but for zeros.
    "max_nan_f64": _extremum_f64("max_nan_f64", "<", "&"),
    "min_nan_f64": _extremum_f64("min_nan_f64", ">", "|"),
    "ipow_i32": _integer_power("ipow_i32", "int", "unsigned"),
    "ipow_i64": _integer_power("ipow_i64", "long long", "unsigned long long"),
    "tanh_approx": _convert("tanh_approx", "float", "float", "tanh.approx.f32", ("f", "f")),
    "exp2_approx": _convert("exp2_approx", "float", "float", "ex2.approx.ftz.f32", ("f", "f")),
    # Shared memory.
    "smem_address": Wrapper(
        f"{_FUNCTION}unsigned smem_address(const void* p) {{\n  return (unsigned)__cvta_generic_to_shared(p);\n}}"
    ),
    **{f"cp_async_{b}": _cp_async(b) for b in (4, 8, 16)},
    "cp_async_commit": _asm("cp_async_commit", "", "cp.async.commit_group;"),
    "cp_async_wait": Wrapper(
        f"template <int pending>\n{_FUNCTION}void cp_async_wait() {{\n"
        '  asm volatile("cp.async.wait_group %0;" : : "n"(pending) : "memory");\n}'
    ),
    **{f"ldmatrix_x{n}{'_trans' if t else ''}": _ldmatrix(n, t) for t in (False, True) for n in (1, 2, 4)},
    # Barriers of the block and the cluster.
    "bar_sync": Wrapper(
        f"template <int id, int threads>\n{_FUNCTION}void bar_sync() {{\n"
        '  asm volatile("bar.sync %0, %1;" : : "n"(id), "n"(threads) : "memory");\n}'
    ),
    "cluster_rank": Wrapper(
        f'{_FUNCTION}int cluster_rank() {{\n  int r;\n  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(r));\n  return r;\n}}'
    ),
    "cluster_sync": _asm(
        "cluster_sync", "", "barrier.cluster.arrive.release.aligned;\\nbarrier.cluster.wait.acquire.aligned;"
    ),
    # Programmatic dependent launch: nothing before sm_90.
    "grid_wait": _since_900("grid_wait", "griddepcontrol.wait;"),
    "grid_signal": _since_900("grid_signal", "griddepcontrol.launch_dependents;"),
    # mbarriers.
    "mbar_init": _asm(
        "mbar_init",
        "unsigned barrier, int count",
        "mbarrier.init.shared::cta.b64 [%0], %1;",
        ': : "r"(barrier), "r"(count)',
    ),
    "mbar_init_fence": _asm(
        "mbar_init_fence", "", "fence.mbarrier_init.release.cluster;\\nfence.proxy.async.shared::cta;"
    ),
    "mbar_arrive": _asm(
        "mbar_arrive", "unsigned barrier", "mbarrier.arrive.shared::cta.b64 _, [%0];", ': : "r"(barrier)'
    ),
    "mbar_arrive_at": _asm(
        "mbar_arrive_at",
        "unsigned barrier, int rank",
        "{.reg .b32 remote; mapa.shared::cluster.u32 remote, %0, %1;\\n"
        "mbarrier.arrive.release.cluster.shared::cluster.b64 _, [remote];}",
        ': : "r"(barrier), "r"(rank)',
    ),
    "mbar_expect": _asm(
        "mbar_expect",
        "unsigned barrier, int bytes",
        "mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;",
        ': : "r"(barrier), "r"(bytes)',
    ),
    "mbar_wait": _asm(
        "mbar_wait",
        "unsigned barrier, int parity",
        "{.reg .pred done;\\nagain: mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\\n@!done bra again;}",
        ': : "r"(barrier), "r"(parity)',
    ),
    "fence_proxy_async": _asm("fence_proxy_async", "", "fence.proxy.async.shared::cta;"),
    # TMA stores.
    "bulk_commit": _asm("bulk_commit", "", "cp.async.bulk.commit_group;"),
    "bulk_wait": Wrapper(
        f"template <int pending>\n{_FUNCTION}void bulk_wait() {{\n"
        '  asm volatile("cp.async.bulk.wait_group.read %0;" : : "n"(pending) : "memory");\n}'
    ),
    # Warpgroups.
    "wgmma_fence": _asm("wgmma_fence", "", "wgmma.fence.sync.aligned;"),
    "wgmma_commit": _asm("wgmma_commit", "", "wgmma.commit_group.sync.aligned;"),
    "wgmma_wait": Wrapper(
        f"template <int pending>\n{_FUNCTION}void wgmma_wait() {{\n"
        '  asm volatile("wgmma.wait_group.sync.aligned %0;" : : "n"(pending) : "memory");\n}'
    ),
    "keep": Wrapper(
        "// No access to these registers moves across this point.\n"
        f"template <int n>\n{_FUNCTION}void keep(float (&a)[n]) {{\n"
        '  #pragma unroll\n  for (int i = 0; i < n; i++) asm volatile("" : "+f"(a[i]) : : "memory");\n}\n'
        f"template <typename T, int n>\n{_FUNCTION}void keep(T (&a)[n]) {{\n"
        "  #pragma unroll\n"
        '  for (int i = 0; i < n * sizeof(T) / 4; i++) asm volatile("" : "+r"(reinterpret_cast<unsigned*>(a)[i]) : : "memory");\n}'
    ),
    "setmaxnreg_inc": Wrapper(
        f"template <int registers>\n{_FUNCTION}void setmaxnreg_inc() {{\n"
        '  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" : : "n"(registers));\n}'
    ),
    "setmaxnreg_dec": Wrapper(
        f"template <int registers>\n{_FUNCTION}void setmaxnreg_dec() {{\n"
        '  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" : : "n"(registers));\n}'
    ),
}


@cache
def table() -> dict[str, Wrapper]:
    """All entries by name, in the order in which a prelude prints them; wgmma shapes and TMA forms are made here."""
    entries = dict(_FIXED)
    entries |= {f"mma_{kind}": _mma_sync(kind) for kind in MMA_SYNC}
    for rank in range(1, 6):
        for multicast in (False, True):
            suffix = "_multicast" if multicast else ""
            entries[f"tma_load_{rank}d{suffix}"] = _tma_load(rank, 0, multicast)
            if rank >= 3:
                entries[f"tma_load_im2col_{rank}d{suffix}"] = _tma_load(rank, rank - 2, multicast)
        entries[f"tma_store_{rank}d"] = _tma_store(rank)
    entries |= {f"wgmma_descriptor_{swizzle}": _descriptor(swizzle) for swizzle in _SWIZZLE_CODE}
    for kind in WGMMA:
        for n in range(8, 257, 8):
            for swizzle in _SWIZZLE_CODE:
                for a_registers in (False, True):
                    for b_transposed in (False, True):
                        try:
                            name = wgmma_name(kind, n, swizzle, a_registers=a_registers, b_transposed=b_transposed)
                        except TrtcError:
                            continue
                        entries[name] = _wgmma(kind, n, swizzle, a_registers, b_transposed)
    return entries


def prelude(used: Iterable[str]) -> str:
    """The entries with these names and what they require, in the order of the table. Raises TrtcError on an unknown name."""
    entries = table()
    needed: set[str] = set()

    def need(name: str) -> None:
        if name not in entries:
            raise TrtcError(f"CUDA prelude: there is no wrapper named '{name}'; add it to compiler/codegen/cuda/ptx.py")
        if name not in needed:
            needed.add(name)
            for required in entries[name].requires:
                need(required)

    for name in used:
        need(name)
    return _HEADER + "".join(f"{wrapper.text}\n\n" for name, wrapper in entries.items() if name in needed)
