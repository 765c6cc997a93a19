"""
Schedule `pointwise`: arithmetic without an anchor, and every copy: transposed, strided, sliced, broadcast, padded, concatenated.

The elements of a result form one flat space; a block takes `threads * elements` of them, a thread `vector` neighbours at once, so that
a warp moves 512 contiguous bytes per instruction. Operands are views of that space: stride 0 where they broadcast. A padded or rolled
operand has no strides: there the space is cut into rows (up to the last dim that moves) and columns, and rows are gathered, padding being
the row outside.
Padding after the last dim is what lies outside the columns of the operand's view.
Results of several shapes and the pieces of a concat are jobs of one launch, each over its own space.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

from xdsl.dialects import arith
from xdsl.dialects.builtin import i32
from xdsl.ir import SSAValue

from ....dialects import kernel, nn
from ....dialects.dims import Expr, const, maximum, product
from ....dialects.kernel.layouts import Blocked
from ....dialects.kernel.types import Choice, FragType, Target
from ....dialects.strided import Axes, row_major_strides, space_axes
from ..building.builder import Emitter, KernelBuilder
from ..building.group import COPIES, Access, Anchors, GroupView
from ..building.maps import emit_pointwise, leaves_of, refuse_tables, table_view
from ..building.pointwise import compute_type, convert, refuse_pointwise, refuse_tensors, select
from ..building.row_loads import load_moved, source_access
from ..building.schedule import OtherAnchor, Refusal
from ..building.tiling import column_threads, vector_width
from ..building.work import ACCESS_INSTRUCTIONS, ISSUE, Work, arithmetic, usual_bytes

NAME = "pointwise"


@dataclass(frozen=True)
class Job:
    """Values of one shape and where they go. `split`: dims before it are rows, the others columns (0: all flat)."""

    dims: tuple[Expr, ...]
    split: int
    values: tuple[SSAValue, ...]
    targets: tuple[Access, ...]

    @property
    def groups(self) -> tuple[list[int], list[int]]:
        return list(range(self.split)), list(range(self.split, len(self.dims)))

    @property
    def axes(self) -> Axes:
        return space_axes(self.dims, self.dims)

    @property
    def rows(self) -> Expr:
        return product(self.dims[: self.split])

    @property
    def columns(self) -> Expr:
        return product(self.dims[self.split :])


@dataclass(frozen=True)
class PointwiseProblem:
    """What one launch computes."""

    group: GroupView
    jobs: tuple[Job, ...]


def plan(group: GroupView) -> PointwiseProblem | Refusal:
    """The jobs of a group, or why they cannot be run."""
    jobs: list[Job] = []
    for number, result in enumerate(group.results):
        for value, target in _pieces(group, result, group.result_access(number)):
            dims = nn.shape_of(value)
            split = _split(group, value, dims)
            if isinstance(split, Refusal):
                return split
            job = Job(dims, split, (value,), (target,))
            if jobs and (jobs[-1].dims, jobs[-1].split) == (job.dims, job.split):
                job = Job(dims, job.split, jobs[-1].values + job.values, jobs.pop().targets + job.targets)
            jobs.append(job)
    return PointwiseProblem(group, tuple(jobs))


def _pieces(group: GroupView, value: SSAValue, target: Access) -> list[tuple[SSAValue, Access]]:
    """A result as values and the parts of the result's tensor that they fill."""
    op = group.maker(value)
    if (
        isinstance(op, nn.ReshapeOp)
        and group.access(value, space_axes(target.dims, target.dims), target.dims, flat=True) is None
    ):
        return [(op.x, target)]  # the same flat space
    if not isinstance(op, nn.ConcatOp):
        return [(value, target)]
    parts = target.parts(op.axis.value.data, [nn.shape_of(piece) for piece in op.inputs])
    return list(zip(op.inputs, parts, strict=True))


def _split(group: GroupView, value: SSAValue, dims: tuple[Expr, ...]) -> int | Refusal:
    """Number of row dims that the leaves of a value need, or why one cannot be loaded."""
    split = 0
    leaves = leaves_of([(value, space_axes(dims, dims))], {}, group.maker)
    for leaf, axes in leaves:
        op = group.maker(leaf)
        if (moved := group.moves.get(leaf)) is not None:
            if axes != space_axes(dims, dims) or source_access(group, moved) is None:
                return Refusal(f"expected {moved.ops[-1].name} of an operand, at the result's shape", op)
            split = max(split, len(dims) - moved.kept)
        elif not isinstance(op, nn.IotaOp | nn.ShapeValueOp) and group.access(leaf, axes, dims, flat=True) is None:
            return Refusal(
                f"{op.name if op else 'operand'}: expected an operand of the group or a strided view of one", op
            )
    if split:
        for leaf, axes in leaves:
            op = group.maker(leaf)
            if leaf not in group.moves and (
                isinstance(op, nn.IotaOp | nn.ShapeValueOp) or group.access(leaf, axes, dims) is None
            ):
                why = "expected only operands and strided views of them next to moved rows"
                return Refusal(f"{op.name if op else 'operand'}: {why}", op)
    return split


@dataclass(frozen=True)
class Pointwise:
    """The schedule; see the module."""

    name: str = NAME
    anchors: Sequence[Anchors] = ((),)

    def match(self, view: GroupView, target: Target) -> PointwiseProblem | Refusal:
        for op in view.anchors:
            if not isinstance(op, COPIES):
                return OtherAnchor(f"expected pointwise ops and copies only, got {op.name}", op)
        return refuse_pointwise(view.ops) or refuse_tensors(view) or refuse_tables(view) or plan(view)

    def configs(self, problem: PointwiseProblem, target: Target) -> list[Choice]:
        """
        About 8 elements per thread hide DRAM latency (8 x 128 threads x 16 blocks = 64 KB in flight per SM); where that leaves SMs idle,
        one vector per thread and small blocks spread the work.
        """
        group, jobs = problem.group, problem.jobs
        vector = min(self._vector(group, job) for job in jobs)
        total = max(group.usual(product(job.dims)) for job in jobs)
        plenty = (256, max(8, vector))
        spread = (128, vector)
        middle = (128, max(8, vector))
        order = [plenty, middle, spread] if total >= 2 * target.sms.data * 256 * 8 else [spread, middle, plenty]
        pairs = list(dict.fromkeys(order))
        return [Choice.of(NAME, {"threads": t, "elements": e, "vector": vector}) for t, e in pairs]

    def work(self, problem: PointwiseProblem, config: Choice, target: Target) -> list[Work]:
        """A block makes its tile of each job in a step of its own."""
        group, jobs = problem.group, problem.jobs
        threads, elements, vector = (int(config.values[k]) for k in ("threads", "elements", "vector"))
        tiles = [_tiles(job, self._frag(group, job, threads, elements, vector)) for job in jobs]
        blocks = max(1, max(group.usual(x) for x, _ in tiles) * max(group.usual(y) for _, y in tiles))
        moved = sum(usual_bytes(group))
        instructions = arithmetic(group.ops) + ACCESS_INSTRUCTIONS * len(group.tensors) / vector
        return [
            Work(
                blocks=blocks,
                threads=threads,
                registers=min(255, 24 + 2 * elements),
                steps=len(jobs),
                ahead=len(jobs),
                operations={ISSUE: threads * elements * instructions / len(jobs)},
                l2_bytes=moved / blocks / len(jobs),
                dram_bytes=moved,
            )
        ]

    def _vector(self, group: GroupView, job: Job) -> int:
        accesses = list(job.targets)
        width = 8
        for value in job.values:
            for leaf, axes in leaves_of([(value, job.axes)], {}, group.maker):
                op = group.maker(leaf)
                if (moved := group.moves.get(leaf)) is not None:
                    # Where padding ends a row, rows end within a vector: whole vectors for the result, single loads.
                    if not any(isinstance(o, nn.PadOp) and o.above[-1].as_int() != 0 for o in moved.ops):
                        source = cast(Access, source_access(group, moved))
                        width = min(width, vector_width(group, [source], moved.groups(len(job.groups[1]))))
                    continue
                access = (
                    None
                    if isinstance(op, nn.IotaOp | nn.ShapeValueOp)
                    else group.access(leaf, axes, job.dims, flat=job.split == 0)
                )
                if access is not None:
                    accesses.append(access)
        flat = [a for a in accesses if len(a.dims) == len(job.dims)]
        other = [a for a in accesses if len(a.dims) != len(job.dims)]  # reshaped: flat over dims of their own
        width = min(width, vector_width(group, flat, job.groups))
        for access in other:
            width = min(width, vector_width(group, [access], [[], list(range(len(access.dims)))]))
        return width

    def lower(self, problem: PointwiseProblem, config: Choice, target: Target) -> list[kernel.FuncOp]:
        group = problem.group
        threads, elements, vector = (int(config.values[k]) for k in ("threads", "elements", "vector"))
        jobs = [(job, self._frag(group, job, threads, elements, vector)) for job in problem.jobs]
        tiles = [_tiles(job, frag) for job, frag in jobs]
        b = KernelBuilder.for_group(
            group, [maximum(*(x for x, _ in tiles)), maximum(*(y for _, y in tiles)), 1], threads // 32
        )
        for job, frag in jobs:
            self._emit(b, group, job, frag)
        return [b.finish()]

    def _frag(self, group: GroupView, job: Job, threads: int, elements: int, vector: int) -> FragType:
        """The shape and layout of a job's tile (element type to be set)."""
        if not job.split:
            return FragType.of([1, threads * elements], i32, Blocked.of(1, threads, 1, vector))
        columns = column_threads(group.usual(job.columns), vector, threads)
        rows = threads // columns
        return FragType.of(
            [rows * max(1, elements // vector), columns * vector], i32, Blocked.of(rows, columns, 1, vector)
        )

    def _emit(self, b: KernelBuilder, group: GroupView, job: Job, frag: FragType) -> None:
        if job.split:
            coords = [b.mul(b.coords[0], frag.tile[0]), b.mul(b.coords[1], frag.tile[1])]
        else:
            coords = [b.index(0), b.mul(b.coords[0], frag.tile[1])]

        def load(value: SSAValue, axes: Axes) -> SSAValue:
            op = group.maker(value)
            if (moved := group.moves.get(value)) is not None:
                return load_moved(b, group, moved, len(job.groups[1]), coords, frag)
            if isinstance(op, nn.IotaOp | nn.ShapeValueOp):
                return _counted(b, op, axes, job.dims, coords[1], frag)
            access = cast(Access, group.access(value, axes, job.dims, flat=job.split == 0))
            return b.load(b.view_of(access, _flat_groups(job, access)), coords, frag)

        made = emit_pointwise(b, [(v, job.axes) for v in job.values], frag, load, table=partial(table_view, b, group))
        for value, access in zip(made, job.targets, strict=True):
            b.store(value, b.view_of(access, _flat_groups(job, access)), coords)


def _tiles(job: Job, frag: FragType) -> tuple[Expr, Expr]:
    """Tiles along the grid's x and y."""
    rows, columns = frag.tile
    if not job.split:
        return (job.columns + columns - 1) // columns, const(1)
    return (job.rows + rows - 1) // rows, (job.columns + columns - 1) // columns


def _flat_groups(job: Job, access: Access) -> Sequence[Sequence[int]]:
    return job.groups if job.split else [[], list(range(len(access.dims)))]


def _counted(
    b: KernelBuilder,
    op: nn.IotaOp | nn.ShapeValueOp,
    axes: Axes,
    dims: tuple[Expr, ...],
    first: SSAValue,
    frag: FragType,
) -> SSAValue:
    """The values of `nn.iota` or `nn.shape_value` over the flat space."""
    axis = axes[op.axis.value.data if isinstance(op, nn.IotaOp) else 0] if axes else None
    element = nn.element_of(op.result)
    position = b.coord(first, 1, frag)
    inner = const(1) if axis is None else row_major_strides(dims)[axis]
    extent = const(1) if axis is None else dims[axis]
    table = [b.cast(b.expr(e), i32) for e in op.dims.exprs] if isinstance(op, nn.ShapeValueOp) else []
    operands = [b.cast(b.expr(e), i32) for e in (inner, extent, const(1), const(0))]

    def body(
        s: Emitter,
        flat: SSAValue,
        inner: SSAValue,
        extent: SSAValue,
        step: SSAValue,
        start: SSAValue,
        *entries: SSAValue,
    ):
        place = s.emit(arith.RemSIOp(s.emit(arith.DivSIOp(flat, inner)), extent))
        value = s.emit(arith.AddiOp(s.emit(arith.MuliOp(place, step)), start))
        if entries:
            chosen = entries[0]
            for i, entry in enumerate(entries[1:], 1):
                chosen = select(s, s.emit(arith.CmpiOp(value, s.constant(i, i32), "eq")), entry, chosen)
            value = chosen
        return [convert(s, convert(s, value, compute_type(element)), element)]

    (made,) = b.map([position, *operands, *table], [frag.with_element(element)], body)
    return made


SCHEDULE = Pointwise()
