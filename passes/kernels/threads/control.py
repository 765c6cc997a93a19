"""Lowers structure: scf.for and scf.if that carry fragments, roles, and index arithmetic (kept as sums)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import gcd
from typing import TypeAlias

from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import IntegerAttr
from xdsl.ir import Block, Operation, Region, SSAValue

from ....dialects.kernel import (
    FragType,
    RolesOp,
    SetmaxnregOp,
)
from .compute import clone_scalar
from .context import Context, Role
from .emitter import Ix, index
from .memory import frag_type

LowerBlock: TypeAlias = Callable[[Context, Block], None]

REGISTER_FILE = 65536
MAX_REGISTERS = 255
REGISTER_UNIT = 8


# Index arithmetic.


def lower_index(context: Context, op: Operation) -> bool:
    """Whether the op computes an index that is now known as a sum."""
    if len(op.results) != 1 or op.results[0].type != index:
        return False
    value = _index_value(context, op)
    if value is None:
        return False
    context.indices[op.results[0]] = value
    return True


def _index_value(context: Context, op: Operation) -> Ix | None:
    if isinstance(op, arith.ConstantOp):
        assert isinstance(op.value, IntegerAttr)
        return context.em.ix(op.value.value.data)
    if len(op.operands) != 2:
        return None
    x, y = (context.ix(o) for o in op.operands)
    match op:
        case arith.AddiOp():
            return x + y
        case arith.SubiOp():
            return x - y
        case arith.MuliOp():
            return x * y
        case arith.DivUIOp() | arith.DivSIOp() | arith.FloorDivSIOp() if _divides(op, x, y):
            return x // y
        case arith.RemUIOp() | arith.RemSIOp() if _divides(op, x, y):
            return x % y
        case arith.CeilDivSIOp() | arith.CeilDivUIOp() if _divides(op, x, y):
            return (x + y - 1) // y
        case arith.MinSIOp():
            return context.em.extremum(x, y, least=True)
        case arith.MaxSIOp():
            return context.em.extremum(x, y, least=False)
        case _:
            return None


def _divides(op: Operation, x: Ix, y: Ix) -> bool:
    """Whether the division's operands are known to be such that signed, unsigned and floor division agree."""
    low, least = x.lo, y.lo
    return low is not None and low >= 0 and least is not None and least >= 1


def lower_scalar(context: Context, op: Operation) -> None:
    """Copy a scalar op; an index that it gives has no known bounds."""
    clone_scalar(context, op, context.scalars)
    for result in op.results:
        if result.type == index:
            context.indices[result] = context.em.atom(context.scalars[result])


# Loops and branches.


def lower_for(context: Context, op: scf.ForOp, lower_block: LowerBlock) -> None:
    """Fragments are carried in arrays that the body updates; scalars stay iteration arguments."""
    em = context.em
    body = op.body.block
    lb, ub, step = (context.ix(v) for v in (op.lb, op.ub, op.step))
    carried: dict[int, SSAValue] = {}
    for i, init in enumerate(op.iter_args):
        if isinstance(init.type, FragType):
            carried[i] = context.take(init, op)
            context.arrays[body.args[i + 1]] = context.arrays[op.results[i]] = carried[i]
    scalars = [i for i in range(len(op.iter_args)) if i not in carried]
    if not (lb.terms or ub.terms) and ub.const <= lb.const:  # its body may divide by an extent of 0
        for i in scalars:
            _bind(context, op.results[i], context.operand(op.iter_args[i]))
        return
    block = Block(arg_types=[index, *(op.iter_args[i].type for i in scalars)])
    for new, old in zip(block.args, [body.args[0], *(body.args[i + 1] for i in scalars)], strict=True):
        new.name_hint = old.name_hint
    start, end, by = (em.value(v) for v in (lb, ub, step))
    loop = scf.ForOp(start, end, by, [context.operand(op.iter_args[i]) for i in scalars], Region(block))
    loop.attributes.update(op.attributes)
    em.emit(loop)
    with em.block(block, loop):
        low, high, multiple = _range(lb, ub, step)
        context.indices[body.args[0]] = em.atom(block.args[0], low, high, multiple)
        for i, argument in zip(scalars, block.args[1:], strict=True):
            _bind(context, body.args[i + 1], argument)
        lower_block(context, body)
        assert body.last_op is not None
        yielded = body.last_op.operands
        _copy_all(
            context,
            [(context.array(yielded[i]), array, frag_type(yielded[i]).registers) for i, array in carried.items()],
        )
        em.emit(scf.YieldOp(*(context.operand(yielded[i]) for i in scalars)))
    for i, result in zip(scalars, loop.results, strict=True):
        result.name_hint = op.results[i].name_hint
        _bind(context, op.results[i], result)


def _range(lb: Ix, ub: Ix, step: Ix) -> tuple[int | None, int | None, int]:
    """Least and greatest value of an induction variable, and a divisor."""
    high = ub.hi
    if not (lb.terms or step.terms) and high is not None:
        high = lb.const + max(0, high - lb.const - 1) // step.const * step.const
    elif high is not None:
        high -= 1
    return lb.lo, high, gcd(lb.multiple, step.multiple)


def _bind(context: Context, old: SSAValue, new: SSAValue) -> None:
    context.scalars[old] = new
    if new.type == index:
        context.indices[old] = context.em.atom(new)


def _copy_all(context: Context, moves: Sequence[tuple[SSAValue, SSAValue, int]]) -> None:
    """Copies that happen at once: a source that is another's target is saved first."""
    moves = [(source, target, length) for source, target, length in moves if source is not target]
    targets = {target for _, target, _ in moves}
    ready: list[tuple[SSAValue, SSAValue, int]] = []
    for source, target, length in moves:
        if source in targets:
            saved = context.local(length, context.em.element(source))
            context.copy(source, saved, length)
            source = saved
        ready.append((source, target, length))
    for source, target, length in ready:
        context.copy(source, target, length)


def lower_if(context: Context, op: scf.IfOp, lower_block: LowerBlock) -> None:
    """Fragment results become arrays that both branches write."""
    em = context.em
    fragments = {
        i: context.new_array(frag_type(r), r.name_hint)
        for i, r in enumerate(op.results)
        if isinstance(r.type, FragType)
    }
    scalars = [i for i in range(len(op.results)) if i not in fragments]
    regions = [Region(Block()) for region in op.regions if region.blocks]
    branch = scf.IfOp(
        context.operand(op.cond),
        [op.results[i].type for i in scalars],
        regions[0],
        regions[1] if len(regions) > 1 else None,
    )
    em.emit(branch)
    for old, new in zip(op.regions, branch.regions, strict=True):
        if not old.blocks:
            continue
        with em.block(new.block, branch):
            lower_block(context, old.block)
            assert old.block.last_op is not None
            yielded = old.block.last_op.operands
            _copy_all(
                context,
                [(context.array(yielded[i]), array, frag_type(yielded[i]).registers) for i, array in fragments.items()],
            )
            em.emit(scf.YieldOp(*(context.operand(yielded[i]) for i in scalars)))
    for i, array in fragments.items():
        context.arrays[op.results[i]] = array
    for i, result in zip(scalars, branch.results, strict=True):
        _bind(context, op.results[i], result)


# Roles.


def lower_roles(context: Context, op: RolesOp, lower_block: LowerBlock) -> None:
    """One chain of branches on the thread index, one per role."""
    warps = [int(w) for w in op.warps.iter_values()]
    registers = [int(r) for r in op.registers.iter_values()]
    if sum(warps) > context.func.warps.value.data:
        raise context.em.error(f"expected roles of at most {context.func.warps.value.data} warps, got {sum(warps)}")
    _roles(context, op, warps, registers, 0, 0, lower_block)


def _roles(
    context: Context,
    op: RolesOp,
    warps: list[int],
    registers: list[int],
    number: int,
    base: int,
    lower_block: LowerBlock,
) -> None:
    em, outer = context.em, context.role
    end = base + 32 * warps[number]
    last = number + 1 == len(warps)
    condition = em.below(outer.thread, end) if end < outer.threads else None
    if condition is None:
        _role(context, op, number, base, end, registers[number], lower_block)
        return
    branch = scf.IfOp(condition, [], Region(Block()), None if last else Region(Block()))
    em.emit(branch)
    with em.block(branch.true_region.block, branch):
        _role(context, op, number, base, end, registers[number], lower_block)
        em.emit(scf.YieldOp())
    if not last:
        with em.block(branch.false_region.block, branch):
            _roles(context, op, warps, registers, number + 1, end, lower_block)
            em.emit(scf.YieldOp())


def _role(
    context: Context, op: RolesOp, number: int, base: int, end: int, registers: int, lower_block: LowerBlock
) -> None:
    em, outer = context.em, context.role
    if registers:
        share = min(MAX_REGISTERS, REGISTER_FILE // outer.threads // max(1, context.func.min_blocks.value.data))
        em.emit(SetmaxnregOp(registers, increase=registers > share // REGISTER_UNIT * REGISTER_UNIT))
    thread = context.thread_id(outer.threads)
    if base:
        thread = em.atom(em.value(thread - base), 0, end - base - 1)
    else:
        ((atom, _),) = thread.terms.items()
        atom.hi = end - 1
    context.role = Role(thread, end - base, number + 1)
    lower_block(context, op.roles[number].block)
    context.role = outer
