"""Scalars, control flow, thread and block numbers, and parameters."""

from __future__ import annotations

import numpy as np
from xdsl.dialects import arith, scf
from xdsl.dialects.builtin import IndexType
from xdsl.ir import Operation

from ....dialects import kernel
from ....dialects.kernel.scalars.numerics import constant, dtype_of
from ..clocks import RuleBroken
from ..strands import Code, Steps, Strand, Value, varying
from .table import Step, decode, decodes


@decodes(arith.ConstantOp)
def _(op: arith.ConstantOp) -> Step:
    value, result = constant(op), op.result

    def step(s: Strand) -> None:
        s.env[result] = value

    return step


@decodes(arith.SelectOp)
def _(op: arith.SelectOp) -> Step:
    condition, a, b, result = op.cond, op.lhs, op.rhs, op.result

    def step(s: Strand) -> None:
        chosen = s[condition]
        s.env[result] = np.where(chosen, s[a], s[b]) if varying(chosen) else s[a if chosen else b]

    return step


@decodes(arith.DivUIOp, arith.RemUIOp)
def _(op: arith.DivUIOp | arith.RemUIOp) -> Step:
    """As on the GPU, where index has 32 bits: negative operands are large."""
    a, b, result, divide = op.lhs, op.rhs, op.result, isinstance(op, arith.DivUIOp)
    dtype = dtype_of(result.type)
    bits = 4 if isinstance(result.type, IndexType) else dtype.itemsize
    signed, unsigned = np.dtype(f"i{bits}"), np.dtype(f"u{bits}")

    def step(s: Strand) -> None:
        left, right = (np.asarray(s[x]).astype(unsigned) for x in (a, b))
        right = np.maximum(right, 1)  # the result of dividing by zero is undefined, and nothing may depend on it
        s.env[result] = (left // right if divide else left % right).astype(signed).astype(dtype)

    return step


@decodes(scf.ForOp)
def _(op: scf.ForOp) -> Step:
    code, counter, arguments = decode(op.body.block), op.body.block.args[0], op.body.block.args[1:]
    bounds, initial, results = (op.lb, op.ub, op.step), tuple(op.iter_args), tuple(op.results)
    dtype = dtype_of(counter.type).type

    def step(s: Strand) -> Steps:
        low, high, by = (s[b] for b in bounds)
        values = [s[v] for v in initial]
        if varying(low) or varying(high) or varying(by):
            low, high, by = s.uniform(bounds[0]), s.uniform(bounds[1]), s.uniform(bounds[2])
        for i in range(int(low), int(high), int(by)):
            s.env[counter] = dtype(i)
            for argument, value in zip(arguments, values, strict=True):
                s.env[argument] = value
            yield from s.execute(code)
            values = [s[v] for v in code.yields]
        s.env.update(zip(results, values, strict=True))

    def varying_step(s: Strand) -> Steps:
        """Threads with different bounds: those still in the loop form a strand for each iteration."""
        low, high, by = (s.each(b) for b in bounds)
        values = [s[v] for v in initial]
        now = low.copy()
        while (active := np.flatnonzero(now < high)).size:
            turn = s.child(active)
            turn.env[counter] = now[active].astype(dtype)
            for argument, value in zip(arguments, values, strict=True):
                turn.env[argument] = value[active] if varying(value) else value
            yield from turn.execute(code)
            values = [_merge(s.n, [(active, turn[y])], old) for y, old in zip(code.yields, values, strict=True)]
            now = np.where(now < high, now + by, now)
        s.env.update(zip(results, values, strict=True))

    def choose(s: Strand) -> Steps:
        ranges = [s[b] for b in bounds]
        same = all(not varying(b) or (b == b[0]).all() for b in ranges)
        return step(s) if same else varying_step(s)

    return choose


def _merge(n: int, parts: list[tuple[np.ndarray, Value]], old: Value | None = None) -> Value:
    """One array from the values of parts of a strand; the rest keeps `old`."""
    sample = np.asarray(parts[0][1])
    merged = np.empty(n, sample.dtype) if old is None else np.broadcast_to(old, (n,)).copy()
    for rows, value in parts:
        merged[rows] = value
    return merged


@decodes(scf.IfOp)
def _(op: scf.IfOp) -> Step:
    condition, results = op.cond, tuple(op.results)
    then = decode(op.true_region.block)
    otherwise = decode(op.false_region.block) if op.false_region.blocks else Code([], False, [])

    def step(s: Strand) -> Steps:
        chosen = s[condition]
        if varying(chosen) and (chosen.all() or not chosen.any()):
            chosen = chosen[0]
        if not varying(chosen):
            code = then if chosen else otherwise
            yield from s.execute(code)
            s.env.update(zip(results, [s[y] for y in code.yields], strict=True))
            return
        rows = np.flatnonzero(chosen), np.flatnonzero(~chosen)
        halves = [(s.child(rows[0]), then), (s.child(rows[1]), otherwise)]
        if then.blocking or otherwise.blocking:
            yield from s.block.cluster.both(s, halves)
        else:
            for half, code in halves:
                yield from half.execute(code)
        for result, a, b in zip(results, then.yields, otherwise.yields, strict=True):
            s.env[result] = _merge(s.n, [(rows[0], halves[0][0][a]), (rows[1], halves[1][0][b])])

    return step


@decodes(kernel.ThreadIdOp)
def _(op: kernel.ThreadIdOp) -> Step:
    result = op.result

    def step(s: Strand) -> None:
        s.env[result] = s.threads.astype(np.int64)

    return step


@decodes(kernel.ParamOp)
def _(op: kernel.ParamOp) -> Step:
    result, symbol = op.result, op.symbol.data

    def step(s: Strand) -> None:
        if symbol not in s.block.cluster.symbols:
            raise RuleBroken(f"symbol {symbol} is not bound; expected one of {sorted(s.block.cluster.symbols)}")
        s.env[result] = np.int64(s.block.cluster.symbols[symbol])

    return step


@decodes(kernel.ClusterRankOp)
def _(op: kernel.ClusterRankOp) -> Step:
    result = op.result

    def step(s: Strand) -> None:
        s.env[result] = np.int64(s.block.rank)

    return step


@decodes(kernel.GridWaitOp)
def _(op: kernel.GridWaitOp) -> Step:
    def step(s: Strand) -> None:
        s.block.waited[s.threads] = True

    return step


@decodes(kernel.PrefetchMapOp)
def _(op: Operation) -> Step:
    return lambda s: s.single()


@decodes(kernel.SetmaxnregOp, kernel.GridSignalOp)
def _(op: Operation) -> Step:
    return lambda s: None
