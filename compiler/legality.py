"""What may appear in a module at each phase boundary.

One `Boundary` per phase: for each kind of function, which dialects and which single ops are allowed in its body. The pipeline
checks the boundary when the phase ends, so a pass that leaves work undone is reported there, by op and ONNX node, and not as
a strange failure two levels below. Phase `threads` lowers kernels in steps, and what they hold after each is checked too. Ops of other
packages go no further than the phase that ought to have expanded them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from xdsl.dialects.builtin import ModuleOp, StringAttr
from xdsl.ir import Operation

from ..dialects.buffer import LaunchOp
from ..dialects.errors import PassError
from ..dialects.host.control import leaves
from ..dialects.host.structure import CONTROL_FLOW, LaunchNode, called_by, functions_of, read_structure
from ..dialects.kernel.marks import LOWERED
from ..dialects.nn import is_body
from ..dialects.provenance import describe, name_of
from ..passes.kernels.threads.placed import is_lowered

if TYPE_CHECKING:
    from ..dialects.kernel import FuncOp

VIEWS = frozenset({"nn.reshape", "nn.transpose", "nn.slice", "nn.concat", "nn.broadcast_to"})
"""Ops of `@main` that may stay outside groups: they become views of a buffer."""


_OWN = ("nn", "quant", "fusion", "buffer", "kernel", "func", "arith", "math", "scf", "memref", "builtin")
"""Dialects that trtc lowers, as far as it lowers them."""
_FIXES = {
    "tensor": "expand an op of another package by a pass of that package, before this phase",
    "kernel": "expand an op of another package in the schedule that builds the kernel",
}


@dataclass(frozen=True)
class Body:
    """What the body of a function may contain: dialects, further single ops, and exceptions to both."""

    dialects: frozenset[str] = frozenset()
    ops: frozenset[str] = frozenset()
    except_ops: frozenset[str] = frozenset()
    said: str = ""
    """What to say of what is allowed, where a list would be long."""

    def allows(self, op: Operation) -> bool:
        if op.name in self.except_ops:
            return False
        return op.name in self.ops or op.name.split(".", 1)[0] in self.dialects


def _body(*allowed: str, but: Iterable[str] = (), said: str = "") -> Body:
    """`_body("nn", "func.return", but=("nn.export",))`: names with a dot are ops, others dialects."""
    return Body(
        frozenset(name for name in allowed if "." not in name),
        frozenset(name for name in allowed if "." in name),
        frozenset(but),
        said,
    )


@dataclass(frozen=True)
class Boundary:
    """The legal module at the end of a phase.

    `main`, `weights`, `outlined` and `kernel` are the bodies of `@main`, `@weights`, other functions and `kernel.func`s; None
    means that no such function may exist. The same rule holds for ops inside regions. Outlined functions stay to the end: once they have
    kernels they are the reference semantics of these, at every level; engines do not store them.
    """

    main: Body
    weights: Body | None = None
    outlined: Body | None = None
    kernel: Body | None = None


SURVIVING_TILE_OPS = frozenset(
    f"kernel.{name}"
    for name in [
        "func",
        "return",
        "cluster_rank",
        "view",
        "im2col",
        "tensor_map",
        "grid_wait",
        "grid_signal",
        "prefetch_map",
        "fmod",
        "reciprocal",
    ]
)
"""Tile ops and scalar ops that stay at thread level: they mean the same for a thread, or the host reads tensor maps from them."""


@cache
def boundaries() -> dict[str, Boundary]:
    """The legality spec: one `Boundary` per phase. Built on first use, since it asks the `kernel` dialect for its op sets."""
    from ..dialects.kernel import THREAD_OPS, TILE_OPS

    tile_only = sorted({op.name for op in TILE_OPS} - SURVIVING_TILE_OPS)
    thread_only = sorted(op.name for op in THREAD_OPS)
    weights = _body("nn", "quant", "func.return")
    tensors = _body("nn", "quant", "func.return", but=("nn.export", "quant.observe"))
    host = _body("buffer", "func.return", *CONTROL_FLOW)
    groups = _body(
        "fusion.call",
        "nn.weight",
        "nn.constant",
        "nn.shape_value",
        "nn.read",
        "nn.if",
        "nn.loop",
        "func.return",
        *sorted(VIEWS),
    )
    tiles = _kernel_body(but=thread_only)
    threads = _kernel_body("memref.load", "memref.store", but=tile_only)
    return {
        "import": Boundary(main=_body("nn", "quant", "func.return")),
        "graph": Boundary(main=tensors, weights=weights),
        "quantize": Boundary(main=tensors, weights=weights),
        "fuse": Boundary(main=groups, weights=weights, outlined=tensors),
        "kernels": Boundary(main=groups, weights=weights, outlined=tensors, kernel=tiles),
        "memory": Boundary(main=host, weights=weights, outlined=tensors, kernel=tiles),
        "threads": Boundary(main=host, weights=weights, outlined=tensors, kernel=threads),
    }


@cache
def between_passes() -> dict[str, Body]:
    """What the kernels may hold after each pass of phase `threads` but the last, which ends at the boundary of the phase."""
    from ..dialects import kernel
    from ..dialects.kernel.thread.barriers import BARRIERS

    steps = (
        kernel.AcquireOp, kernel.CommitOp, kernel.WaitOp, kernel.ReleaseOp, kernel.StoreWaitOp, kernel.BarrierOp, kernel.FenceAsyncOp,
        kernel.ClusterBarrierOp,
    )  # fmt: skip
    made = {*BARRIERS, kernel.CpAsyncCommitOp, kernel.CpAsyncWaitOp, kernel.BulkWaitOp}
    thread_only = {op.name for op in kernel.THREAD_OPS}
    return {
        "place-shared-memory": _kernel_body(but=thread_only),
        "expand-rings": _kernel_body(but={*(op.name for op in steps), *(thread_only - {op.name for op in made})}),
    }


def _kernel_body(*allowed: str, but: Iterable[str]) -> Body:
    """Ops of `kernel` and the scalar ops and control flow that kernels compute with."""
    from ..dialects.kernel.scalars.table import SCALARS

    scalars = (op.name for op in SCALARS)
    said = "kernel.*, and of arith, math and scf what kernels compute with (dialects/kernel/scalars/table.py)"
    return _body("kernel", "arith.constant", "scf.for", "scf.if", "scf.yield", *scalars, *allowed, but=but, said=said)


def check_between(module: ModuleOp, step: str) -> None:
    """Raise `PassError` for the first op of a kernel that may not be there after this pass of phase `threads`, or that it left undone."""
    from ..dialects.kernel import FuncOp

    body = between_passes().get(step)
    if body is None:
        return
    for function in (op for op in module.body.block.ops if isinstance(op, FuncOp) and not is_lowered(op)):
        _check_body(function, body, f"after pass '{step}'", "kernel function")
        for op in function.walk():
            if _lies_in_shared_memory(op) and op.properties.get("offset") is None:
                raise PassError(
                    f"after pass '{step}': {describe(op)} of {_symbol(function)} has no offset in shared memory: expected that "
                    "place-shared-memory has given it one"
                )


def _lies_in_shared_memory(op: Operation) -> bool:
    from ..dialects.kernel import AllocOp, RingOp

    if isinstance(op, RingOp):
        return op.result.type.kind.data == "mbarrier"
    return isinstance(op, AllocOp)


def check_boundary(module: ModuleOp, phase: str) -> None:
    """Raise `PassError` for the first op that may not be there after `phase`: names the op, its ONNX nodes and the phase."""
    boundary = boundaries()[phase]
    if phase == "kernels":
        _check_calls(module, phase)
    elif boundary.kernel is not None:
        _check_launches(module, phase)
    check_bodies(module, phase)


def check_bodies(module: ModuleOp, phase: str) -> None:
    """Raise `PassError` for the first op that no function may hold after `phase`, or for a function that may not exist."""
    boundary = boundaries()[phase]
    functions = functions_of(module)
    called = called_by(functions["main"], functions) if "main" in functions else []
    for function in module.body.block.ops:
        if LOWERED in function.attributes:  # found in the cache, with no more of a body than its interface
            continue
        kind, body = ("called function", boundary.main) if function in called else _body_of(function, boundary)
        if body is None:
            raise PassError(f"after phase '{phase}': no {kind} may exist, got {_symbol(function)}")
        _check_body(function, body, f"after phase '{phase}'", kind)


def _check_body(function: Operation, body: Body, when: str, kind: str) -> None:
    """Raise `PassError` for the first op of a function that its body may not hold."""
    for op in function.walk():
        if op is function or body.allows(op):
            continue
        where = f"{kind}, {_symbol(function)}" if body.said else kind
        fix = "" if _dialect(op) in _OWN else f"; {_FIXES['kernel' if body.said else 'tensor']}"
        raise PassError(f"{when}: {describe(op)} may not appear in a {where}: allowed are {_words(body, op)}{fix}")


def _check_calls(module: ModuleOp, phase: str) -> None:
    """Check that every call is of a group that has kernels, and that every kernel belongs to a group."""
    from ..dialects.fusion import CallOp
    from ..dialects.kernel import FuncOp
    from ..dialects.kernel.marks import LAUNCHES, launches_of

    kernels = {op.sym_name.data: op for op in module.body.block.ops if isinstance(op, FuncOp)}
    functions = functions_of(module)
    for op in (op for function in functions.values() for op in function.walk() if isinstance(op, CallOp)):
        callee = functions.get(op.callee.string_value())
        if callee is None or not launches_of(callee):
            raise PassError(
                f"after phase '{phase}': {describe(op)} calls {op.callee}: expected a function with {LAUNCHES}, got none"
            )
    listed = {name: function for function in functions.values() for name in launches_of(function)}
    for name in sorted(listed.keys() - kernels.keys()):
        raise PassError(
            f"after phase '{phase}': {_symbol(listed[name])} lists @{name}: expected a kernel.func of that name, got none"
        )
    for name in sorted(kernels.keys() - listed.keys()):
        raise PassError(
            f"after phase '{phase}': kernel.func @{name} belongs to no group: expected a function with it in {LAUNCHES}"
        )


def _check_launches(module: ModuleOp, phase: str) -> None:
    """Check that every kernel is launched, so that a group of several launches loses none, and that every launch has its kernel and that
    kernel's accesses."""
    from ..dialects.kernel import FuncOp
    from ..dialects.kernel.accesses import ACCESSES, stated_accesses

    launches = [op for op in module.walk() if isinstance(op, LaunchOp)]
    launched = {op.callee.string_value(): op for op in launches}
    kernels = {op.sym_name.data: op for op in module.body.block.ops if isinstance(op, FuncOp)}
    for name in sorted(launched.keys() - kernels.keys()):
        raise PassError(
            f"after phase '{phase}': {describe(launched[name])} launches @{name}: expected a kernel.func of that name, got none"
        )
    for name in sorted(kernels.keys() - launched.keys()):
        raise PassError(
            f"after phase '{phase}': kernel.func @{name} is never launched: expected a buffer.launch of it in @main"
        )
    for op in launches:
        made = kernels[op.callee.string_value()]
        stated = stated_accesses(made)
        if (stated is None) != (op.accesses is None) or stated not in (None, op.access_list):
            raise PassError(
                f"after phase '{phase}': {describe(op)} launches {op.callee} with accesses {op.accesses}: expected those of its kernel, "
                f"{made.attributes.get(ACCESSES)}"
            )
    if phase == "memory":  # while kernels are in tile ops
        _check_kernels(module, kernels)


def _check_kernels(module: ModuleOp, kernels: Mapping[str, FuncOp]) -> None:
    """Check that kernels access memory as they state, and that those of dependent launches wait for the previous launch. A kernel without a
    body was checked by the build that lowered it."""
    from ..dialects.kernel.accesses import ACCESSES, accesses_of, stated_accesses
    from ..dialects.kernel.dependent import breaks_dependence
    from ..dialects.kernel.marks import early_of

    for name, made in kernels.items():
        stated = stated_accesses(made)
        if stated is not None and LOWERED not in made.attributes and stated != tuple(accesses_of(made)):
            raise PassError(
                f"after phase 'memory': kernel.func @{name} states {ACCESSES} {', '.join(stated)}: expected what its ops do, "
                f"{', '.join(accesses_of(made))}"
            )
    functions = functions_of(module)
    if "main" not in functions or not any(
        isinstance(op, LaunchOp) and op.dependent is not None for op in module.walk()
    ):
        return
    for node in leaves(read_structure(functions["main"], functions)):
        if isinstance(node, LaunchNode) and (early := node.early) is not None:
            made = kernels[node.op.callee.string_value()]
            why = breaks_dependence(made, early)
            if unfit := sorted((early_of(made) or early) - early):
                why = f"kernel.early of its kernel has {unfit[0]}: expected weights alone"
            if why is not None:
                raise PassError(f"after phase 'memory': dependent launch of {node.op.callee}: {why}")


def _body_of(function: Operation, boundary: Boundary) -> tuple[str, Body | None]:
    if function.name == "kernel.func":
        return "kernel function", boundary.kernel
    if function.name != "func.func":
        return "top-level op", None
    name = function.properties.get("sym_name")
    if (isinstance(name, StringAttr) and name.data == "main") or is_body(function):
        return "main function", boundary.main
    if isinstance(name, StringAttr) and name.data == "weights":
        return "weights function", boundary.weights
    return "outlined function", boundary.outlined


def _dialect(op: Operation) -> str:
    return name_of(op).split(".", 1)[0]


def _symbol(function: Operation) -> str:
    name = function.properties.get("sym_name")
    return f"{function.name} @{name.data}" if isinstance(name, StringAttr) else function.name


def _words(body: Body, op: Operation) -> str:
    allowed = body.said or ", ".join([*(f"{name}.*" for name in sorted(body.dialects)), *sorted(body.ops)])
    return f"{allowed}, but not {op.name}" if op.name in body.except_ops else allowed
