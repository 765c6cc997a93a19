"""Thread ops of warpgroups (sm_90a): wgmma, its fences and groups, setmaxnreg."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import product

from xdsl.dialects.builtin import StringAttr, UnitAttr
from xdsl.ir import Operation, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    IRDLOperation,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    var_operand_def,
)

from ...errors import TrtcError
from ..base import I64Attr, PlainOp, index, int_attr, unit
from ..instruction import (
    FUNCTION,
    Access,
    Constant,
    PreludeSection,
    Registers,
    Scope,
    SharedByte,
    Wrapper,
    asm,
    instruction,
)
from . import products
from .arrays import Local

__all__ = ["WARPGROUPS", "SetmaxnregOp", "WgmmaCommitOp", "WgmmaFenceOp", "WgmmaOp", "WgmmaWaitOp"]


def _warpgroup(
    name: str, instruction: str, operands: str = ": : ", *, template: str = "", memory: bool = True
) -> Wrapper:
    return asm(PreludeSection.WARPGROUPS, name, "", instruction, operands, template=template, memory=memory)


@irdl_op_definition
class WgmmaFenceOp(PlainOp):
    """wgmma.fence: registers written before may be read by the wgmma that follow."""

    name = "kernel.wgmma_fence"


@irdl_op_definition
class WgmmaOp(IRDLOperation):
    """
    wgmma.mma_async m64 n`n` k16 (k32 for i8, k8 for tf32): acc[i .. i + n/2 - 1] += A B^T. A and B are shared tiles at byte
    offsets within the block's shared memory, rows of `swizzle` bytes, K fastest (`b_transposed`: N fastest); A may be a local
    array instead.
    """

    name = "kernel.wgmma"
    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    kind = prop_def(StringAttr)
    n = prop_def(I64Attr)
    swizzle = prop_def(I64Attr)
    b_transposed = opt_prop_def(UnitAttr)
    acc = operand_def(Local)
    acc_position = operand_def(index)
    a_local = opt_operand_def(Local)
    a = operand_def(index)
    b = operand_def(index)
    assembly_format = (
        "$kind `n` $n `swizzle` $swizzle (`b_transposed` $b_transposed^)? $acc `[` $acc_position `]` `,` "
        "(`registers` $a_local^ `:` type($a_local) `at`)? $a `,` $b attr-dict `:` type($acc)"
    )

    def __init__(
        self, kind: str, n: int, swizzle: int, acc: SSAValue, acc_position: SSAValue, a: SSAValue, b: SSAValue,
        *, a_local: SSAValue | None = None, b_transposed: bool = False,
    ):  # fmt: skip
        """`a`, `b`: byte offsets in shared memory; with `a_local`, `a` is a position in that array."""
        super().__init__(
            operands=[acc, acc_position, a_local, a, b],
            properties={
                "kind": StringAttr(kind), "n": int_attr(n), "swizzle": int_attr(swizzle),
                "b_transposed": unit(b_transposed),
            },
        )  # fmt: skip


def _next_group(op: WgmmaFenceOp) -> Sequence[SSAValue]:
    """The register arrays of the group that follows a fence, which have to be complete before it, or ptxas serialises the group (C7510)."""
    arrays: dict[SSAValue, None] = {}
    following = op.next_op
    while following is not None and not isinstance(following, WgmmaCommitOp):
        for inner in following.walk():
            if isinstance(inner, WgmmaOp):
                arrays |= dict.fromkeys([inner.acc] if inner.a_local is None else [inner.acc, inner.a_local])
        following = following.next_op
    return list(arrays)


instruction(
    WgmmaFenceOp,
    "wgmma_fence()",
    scope=Scope.WARPGROUP,
    runs="wgmma",
    wrapper=_warpgroup("wgmma_fence", "wgmma.fence.sync.aligned;"),
    pins_before=_next_group,
)


@irdl_op_definition
class WgmmaCommitOp(PlainOp):
    """wgmma.commit_group."""

    name = "kernel.wgmma_commit"


instruction(
    WgmmaCommitOp,
    "wgmma_commit()",
    scope=Scope.WARPGROUP,
    runs="wgmma",
    wrapper=_warpgroup("wgmma_commit", "wgmma.commit_group.sync.aligned;"),
)


@irdl_op_definition
class WgmmaWaitOp(IRDLOperation):
    """wgmma.wait_group: all but the latest `pending` groups are done. Names the accumulators so that no use moves above it."""

    name = "kernel.wgmma_wait"
    pending = prop_def(I64Attr)
    accs = var_operand_def(Local)
    assembly_format = "$pending `,` $accs attr-dict `:` type($accs)"

    def __init__(self, pending: int, accs: Sequence[SSAValue]):
        super().__init__(operands=[accs], properties={"pending": int_attr(pending)})


instruction(
    WgmmaWaitOp,
    "wgmma_wait<{pending}>()",
    {"pending": Constant("pending")},
    scope=Scope.WARPGROUP,
    runs="wgmma",
    wrapper=_warpgroup("wgmma_wait", "wgmma.wait_group.sync.aligned %0;", ': : "n"(pending)', template="int pending"),
    pins_after=lambda op: op.accs,
)

PIN = Wrapper(
    "keep",
    "// No access to these registers moves across this point.\n"
    f"template <int n>\n{FUNCTION}void keep(float (&a)[n]) {{\n"
    '  #pragma unroll\n  for (int i = 0; i < n; i++) asm volatile("" : "+f"(a[i]) : : "memory");\n}\n'
    f"template <typename T, int n>\n{FUNCTION}void keep(T (&a)[n]) {{\n"
    "  #pragma unroll\n"
    '  for (int i = 0; i < n * sizeof(T) / 4; i++) asm volatile("" : "+r"(reinterpret_cast<unsigned*>(a)[i]) : : "memory");\n}',
    section=PreludeSection.WARPGROUPS,
)
"""The C function that `pins_before` and `pins_after` are printed as."""


@irdl_op_definition
class SetmaxnregOp(IRDLOperation):
    """setmaxnreg: the warpgroup's threads may use `registers` registers from now on."""

    name = "kernel.setmaxnreg"
    registers = prop_def(I64Attr)
    increase = prop_def(I64Attr)
    assembly_format = "$registers `increase` $increase attr-dict"

    def __init__(self, registers: int, *, increase: bool):
        super().__init__(properties={"registers": int_attr(registers), "increase": int_attr(increase)})


_SETMAXNREG = {
    direction: _warpgroup(
        f"setmaxnreg_{direction}",
        f"setmaxnreg.{direction}.sync.aligned.u32 %0;",
        ': : "n"(registers)',
        template="int registers",
        memory=False,
    )
    for direction in ("inc", "dec")
}


def _direction(op: SetmaxnregOp) -> str:
    return "inc" if op.increase.value.data else "dec"


instruction(
    SetmaxnregOp,
    lambda op: f"setmaxnreg_{_direction(op)}<{{registers}}>()",
    {"registers": Constant("registers")},
    runs="control",
    wrapper=lambda op: _SETMAXNREG[_direction(op)],
    forms=_SETMAXNREG.values,
)

# wgmma itself: one wrapper for each shape.

# kind -> (reduction extent of one instruction, bytes per element, PTX operand type, accumulator letter, PTX and C accumulator types).
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
    or reduction steps (N-major) of `swizzle` bytes are contiguous, so eight of them are 8 * swizzle bytes: the stride offset. The leading
    offset is not used where one swizzled row spans the operand.
    """
    fixed = _SWIZZLE_CODE[swizzle] << 62 | (8 * swizzle >> 4) << 32 | 1 << 16
    return Wrapper(
        f"wgmma_descriptor_{swizzle}",
        f"{FUNCTION}unsigned long long wgmma_descriptor_{swizzle}(unsigned address) {{\n"
        f"  return {fixed:#x}ull | (unsigned long long)((address & 0x3ffff) >> 4);\n}}",
        section=PreludeSection.WGMMA,
        place=(0, _SWIZZLE_CODE[swizzle]),
    )


_DESCRIPTORS = {swizzle: _descriptor(swizzle) for swizzle in _SWIZZLE_CODE}


@cache
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
        f"{FUNCTION}void {name}({c_type}* d, {'const unsigned*' if a_registers else 'unsigned'} a, unsigned b) {{\n"
        f'  asm volatile("{{.reg .pred p; setp.eq.b32 p, 0, 0;\\n"\n'
        f'    "wgmma.mma_async.sync.aligned.m64n{n}k{k}.{acc}.{operand}.{operand} "\n'
        f'    "{{{registers}}}, "\n'
        f'    "{a}, {b}, {tail};}}"\n'
        f"    : {outputs}\n"
        f'    : {a_inputs}, "l"(wgmma_descriptor_{swizzle}(b)));\n}}'
    )
    place = (1, list(WGMMA).index(kind), n, _SWIZZLE_CODE[swizzle], a_registers, b_transposed)
    return Wrapper(name, text, (_DESCRIPTORS[swizzle],), PreludeSection.WGMMA, place)


def _lines(items: list[str]) -> str:
    """The items, eight per line."""
    return ",\n      ".join(", ".join(items[i : i + 8]) for i in range(0, len(items), 8))


def _wgmma_of(op: WgmmaOp) -> Wrapper:
    return _wgmma(
        op.kind.data, op.n.value.data, op.swizzle.value.data, op.a_local is not None, op.b_transposed is not None
    )


def _forms() -> Iterator[Wrapper]:
    yield PIN
    for kind, n, swizzle, a_registers, b_transposed in product(
        WGMMA, range(8, 257, 8), _SWIZZLE_CODE, (False, True), (False, True)
    ):
        try:
            yield _wgmma(kind, n, swizzle, a_registers, b_transposed)
        except TrtcError:
            continue  # not a shape of the instruction


instruction(
    WgmmaOp,
    lambda op: f"{_wgmma_of(op).name}({{acc}}, {{{'a' if op.a_local is None else 'a_registers'}}}, {{b}})",
    {
        "acc": Registers(
            "acc", "acc_position", lambda op: op.n.value.data // 2, Access.UPDATE,
            lambda op: "int" if op.kind.data == "s8" else "float",
        ),
        "a": SharedByte("a"),
        "a_registers": Registers("a_local", "a", 4, Access.READ),
        "b": SharedByte("b"),
    },
    scope=Scope.WARPGROUP,
    numpy=lambda op, a, b: products.wgmma(op.kind.data, a, b),
    runs="wgmma",
    wrapper=_wgmma_of,
    forms=_forms,
)  # fmt: skip

WARPGROUPS: tuple[type[Operation], ...] = (WgmmaFenceOp, WgmmaCommitOp, WgmmaWaitOp, WgmmaOp, SetmaxnregOp)
