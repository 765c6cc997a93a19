"""Lowers matrix products: mma.sync and FMA on fragments, wgmma on shared tiles."""

from __future__ import annotations

from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import BFloat16Type, Float16Type, Float32Type, Float64Type, IntegerType, f32, f64, i32
from xdsl.ir import Attribute, Operation, SSAValue

from ....dialects.kernel import (
    Blocked,
    FragType,
    MmaA,
    MmaAcc,
    MmaB,
    MmaOp,
    MmaSyncOp,
    MmaWaitOp,
    OuterA,
    OuterB,
    SharedType,
    SlotOp,
    WgmmaA,
    WgmmaAcc,
    WgmmaCommitOp,
    WgmmaFenceOp,
    WgmmaOp,
    WgmmaWaitOp,
)
from ....dialects.kernel.grouped import of_group
from .context import Context, sizeof
from .memory import frag_type

WGMMA_K_BYTES = 32
"""Bytes of K that one wgmma takes, for every element type."""
WGMMA_MAX_N = 256


def lower_mma(context: Context, op: MmaOp) -> None:
    """The accumulator's array is updated in place where nothing else reads the old value."""
    acc = frag_type(op.acc)
    array = context.take(op.acc, op)
    context.arrays[op.result] = array
    if op.is_async:
        _wgmma(context, op, acc, array)
        return
    # Groups of warps differ only in what they loaded.
    a, b, acc = (_part(type_) for type_ in (frag_type(op.a), frag_type(op.b), acc))
    layout = acc.layout
    if isinstance(layout, MmaAcc) and isinstance(a.layout, MmaA) and isinstance(b.layout, MmaB):
        _mma_sync(context, op, a, b, acc, array)
    elif isinstance(layout, Blocked) and isinstance(a.layout, OuterA) and isinstance(b.layout, OuterB):
        _fma(context, op, a, b, acc, array)
    else:
        raise context.em.error(
            f"expected layouts mma_a, mma_b, mma_acc or outer_a, outer_b, blocked, got {a.layout}, {b.layout}, {layout}"
        )


def _part(type_: FragType) -> FragType:
    """The fragment of one group of warps."""
    layout, shape = of_group(type_.layout, type_.tile)
    return FragType.of(shape, type_.element_type, layout)


def _kind(context: Context, element: Attribute) -> str:
    match element:
        case Float16Type():
            return "f16"
        case BFloat16Type():
            return "bf16"
        case Float32Type():
            return "tf32"
        case IntegerType() if element.width.data == 8:
            return "s8"
        case _:
            raise context.em.error(f"expected tensor core operands of f16, bf16, f32 (TF32) or i8, got {element}")


def _check_accumulator(context: Context, element: Attribute, acc: FragType) -> None:
    wanted = i32 if isinstance(element, IntegerType) else f64 if isinstance(element, Float64Type) else f32
    if acc.element_type != wanted:
        raise context.em.error(f"expected an accumulator of {wanted} for operands of {element}, got {acc.element_type}")


def _mma_sync(context: Context, op: MmaOp, a: FragType, b: FragType, acc: FragType, array: SSAValue) -> None:
    em = context.em
    wm, wn = acc.layout.values
    if a.layout.values[:2] != (wm, wn) or b.layout.values[:2] != (wm, wn) or a.layout.values[2] != b.layout.values[2]:
        raise em.error(f"expected operands for {wm} x {wn} warps, got {a.layout} and {b.layout}")
    _check_accumulator(context, a.element_type, acc)
    e = a.layout.values[2]
    kind = _kind(context, a.element_type)
    m_tiles, n_tiles, k_tiles = acc.tile[0] // wm // 16, acc.tile[1] // wn // 8, a.tile[1] // (8 * e)
    left, right = context.array(op.a), context.array(op.b)
    with em.loop(k_tiles, "k") as k, em.loop(m_tiles, "m") as m, em.loop(n_tiles, "n") as n:
        places = (m * n_tiles + n) * 4, (m * k_tiles + k) * (4 * e), (n * k_tiles + k) * (2 * e)
        at_acc, at_a, at_b = (em.value(p) for p in places)
        em.emit(MmaSyncOp(kind, array, at_acc, left, at_a, right, at_b))


def _fma(context: Context, op: MmaOp, a: FragType, b: FragType, acc: FragType, array: SSAValue) -> None:
    """acc[i, j] += a[i, k] * b[j, k] over the rows and columns that the thread holds."""
    em = context.em
    tr, tc, vr, vc = acc.layout.values
    if a.layout.values != (tr, tc, vr) or b.layout.values != (tr, tc, vc):
        raise em.error(f"expected operands laid out for {acc.layout}, got {a.layout} and {b.layout}")
    _check_accumulator(context, a.element_type, acc)
    repeats, depth = acc.tile[1] // (tc * vc), a.tile[1]
    left, right = context.array(op.a), context.array(op.b)
    with em.loop(depth, "k") as k, em.loop(acc.tile[0] // tr, "m") as m, em.loop(acc.tile[1] // tc, "n") as n:
        register = (m // vr * repeats + n // vc) * (vr * vc) + m % vr * vc + n % vc
        x = _wide(context, em.load(left, m * depth + k))
        y = _wide(context, em.load(right, n * depth + k))
        old = em.load(array, register)
        if acc.element_type == i32:
            product = em.emit(arith.MuliOp(x, y)).results[0]
            total = em.emit(arith.AddiOp(old, product)).results[0]
        else:
            product = em.emit(arith.MulfOp(x, y)).results[0]
            total = em.emit(arith.AddfOp(old, product)).results[0]
        em.store(total, array, register)


def _wide(context: Context, value: SSAValue) -> SSAValue:
    if isinstance(value.type, Float16Type | BFloat16Type):
        return context.em.emit(arith.ExtFOp(value, f32)).results[0]
    if isinstance(value.type, IntegerType) and value.type != i32:
        return context.em.emit(arith.ExtSIOp(value, i32)).results[0]
    return value


# wgmma.


def _wgmma(context: Context, op: MmaOp, acc: FragType, array: SSAValue) -> None:
    """
    One wgmma per 64 rows of the warpgroup, up to 256 columns and 32 bytes of K; one commit group for all, and for the products that no wait
    separates.
    """
    em, layout = context.em, acc.layout
    b = context.tiles[op.b]
    transposed = op.transposed_b is not None
    if not isinstance(layout, WgmmaAcc):
        raise em.error(f"expected an accumulator of layout wgmma_acc for shared operands, got {layout}")
    element = b.type.element_type
    _check_accumulator(context, element, acc)
    kind, size = _kind(context, element), sizeof(element)
    if transposed and size != 2:
        raise em.error(f"expected 16-bit elements for transposed_b, got {element}")
    (m, n), groups = acc.tile, layout.values[0]
    depth = b.type.tile[0] if transposed else b.type.tile[1]
    step = WGMMA_K_BYTES // size
    if depth % step:
        raise em.error(f"expected K to be a multiple of {step} for wgmma on {element}, got {depth}")
    width = next(w for w in range(min(n, WGMMA_MAX_N), 0, -8) if n % w == 0)
    if transposed and width != n:
        raise em.error(f"expected at most {WGMMA_MAX_N} columns for transposed_b, got {n}")
    check_swizzled_rows(context, b.type)
    group = context.role.thread // 128
    a_tile = context.tiles[op.a] if isinstance(op.a.type, SharedType) else None
    registers = None if a_tile is not None else _register_operand(context, op.a, groups)
    if not _follows_product(op):
        em.emit(WgmmaFenceOp())
    with em.loop(depth // step, "k") as k, em.loop(m // groups // 64, "m") as i, em.loop(n // width, "n") as j:
        if a_tile is not None:
            check_swizzled_rows(context, a_tile.type)
            row = group * (m // groups) + i * 64
            at_a = a_tile.byte + row * a_tile.type.row_bytes + k * WGMMA_K_BYTES
        else:
            at_a = (i * (depth // step) + k) * 8
        at_b = b.byte + (
            k * step * b.type.row_bytes if transposed else j * (width * b.type.row_bytes) + k * WGMMA_K_BYTES
        )
        at_acc = i * (n // 2) + j * (width // 2)
        em.emit(
            WgmmaOp(
                kind, width, b.type.swizzle.data, array, em.value(at_acc), em.value(at_a), em.value(at_b),
                a_local=registers, b_transposed=transposed,
            )
        )  # fmt: skip
    if not _group_goes_on(op):
        em.emit(WgmmaCommitOp())


def _follows_product(op: MmaOp) -> bool:
    """Whether no register was written since the product before, so that its fence serves: slots and constants alone stand between."""
    before = op.prev_op
    while isinstance(before, SlotOp | arith.ConstantOp):
        before = before.prev_op
    return isinstance(before, MmaOp) and before.is_async


def _group_goes_on(op: MmaOp) -> bool:
    """Whether another product comes before the next wait, which then is for both."""
    following = op.next_op
    while following is not None and not isinstance(following, MmaWaitOp | scf.ForOp | scf.IfOp):
        if isinstance(following, MmaOp) and following.is_async:
            return True
        following = following.next_op
    return False


def _register_operand(context: Context, a: SSAValue, groups: int) -> SSAValue:
    type_ = frag_type(a)
    if not isinstance(type_.layout, WgmmaA) or type_.layout.values[0] != groups or sizeof(type_.element_type) != 2:
        raise context.em.error(
            f"expected A as a 16-bit fragment of layout wgmma_a<{groups}> or a shared tile, got {type_}"
        )
    return context.array(a)


def check_swizzled_rows(context: Context, type_: SharedType) -> None:
    """wgmma and TMA know tiles whose rows are one swizzle span."""
    if type_.swizzle.data and type_.row_bytes != type_.swizzle.data:
        raise context.em.error(
            f"expected rows of {type_.swizzle.data} bytes, the swizzle of {type_}, got {type_.row_bytes}; use several tiles side by side"
        )
    if not type_.swizzle.data:
        raise context.em.error(f"expected a swizzled tile for wgmma, got {type_}; use a swizzle of 32, 64 or 128")


def lower_mma_wait(context: Context, op: MmaWaitOp) -> None:
    """Waits for several accumulators that follow one another are one."""
    before = op.prev_op
    if not (isinstance(before, MmaWaitOp) and before.pending == op.pending):
        accs: list[SSAValue] = []
        following: Operation | None = op
        while isinstance(following, MmaWaitOp) and following.pending == op.pending:
            accs.append(context.array(following.acc))
            following = following.next_op
        context.em.emit(WgmmaWaitOp(op.pending.value.data, accs))
    context.arrays[op.result] = context.take(op.acc, op)
