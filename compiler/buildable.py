"""Reports what cannot be built before the passes start, in one error for all ops: types that no schedule has kernels for, and profiles
under which a tensor would have a negative size."""

from __future__ import annotations

from collections.abc import Iterator

from xdsl.dialects.builtin import Float8E4M3FNType, Float8E5M2Type, ModuleOp
from xdsl.dialects.func import FuncOp
from xdsl.ir import Block, Operation, SSAValue

from ..dialects import nn
from ..dialects.dims import Expr, corners
from ..dialects.errors import InvalidModelError, UnsupportedOpError
from ..dialects.nn.base import symbol_ranges
from ..dialects.provenance import describe
from ..passes.graph.editing import fed_by_constants_only


def check_kernel_types(module: ModuleOp) -> None:
    """Raise UnsupportedOpError naming every op of `@main` whose types no kernel takes. What depends on constants alone is evaluated
    at build, and may have any type."""
    problems = [f"{describe(op)}: {why}" for op, why in _problems(module)]
    if problems:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        raise UnsupportedOpError(f"no kernel computes on the types of {len(problems)} of the model's ops:\n{lines}")


def check_extents(module: ModuleOp) -> None:
    """Raise InvalidModelError naming every op whose result has a negative dim at the least, the typical or the greatest sizes of the
    profiles: windows that do not fit into a small image, slices beyond a short sequence."""
    ranges = symbol_ranges(module)
    envs, seen, problems = corners(ranges), set[Expr](), list[str]()
    for op in (op for block in _main_blocks(module) for op in block.ops):
        for extent in (extent for result in op.results if nn.is_tensor(result.type) for extent in nn.shape_of(result)):
            if extent in seen or extent.bounds(ranges)[0] >= 0:
                continue
            seen.add(extent)
            env = next((env for env in envs if extent.evaluate(env) < 0), None)
            if env is not None:
                at = ", ".join(f"{name} = {env[name]}" for name in sorted(extent.symbols()))
                problems.append(
                    f"{describe(op)}: its result has a dim {extent}, which is {extent.evaluate(env)} for {at}"
                )
    if problems:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        raise InvalidModelError(f"the profiles allow sizes at which dims are negative; raise their minimum:\n{lines}")


def _main_blocks(module: ModuleOp) -> Iterator[Block]:
    for function in module.body.block.ops:
        if not isinstance(function, FuncOp) or function.is_declaration:
            continue
        if function.sym_name.data == "main" or nn.is_body(function):
            yield function.body.block


def _problems(module: ModuleOp) -> Iterator[tuple[Operation, str]]:
    for block in _main_blocks(module):
        fixed = fed_by_constants_only(block)
        for op in block.ops:
            why = _why(op, fixed)
            if why is not None:
                yield op, why


def _why(op: Operation, fixed: set[SSAValue]) -> str | None:
    values = [value for value in (*op.operands, *op.results) if value not in fixed and nn.is_tensor(value.type)]
    elements = [nn.element_of(value) for value in values]
    for element in elements:
        if isinstance(element, Float8E4M3FNType | Float8E5M2Type) and isinstance(op, nn.LINEAR):
            return f"it takes or makes {element}; trtc stores and converts 8-bit floats: cast the operands"
    return None
