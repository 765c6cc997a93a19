"""`verify_ops` finds what xDSL's verifier finds: each op of lowered kernels and graphs is damaged in every way that is known here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from xdsl.dialects.builtin import ModuleOp, StringAttr, f64
from xdsl.ir import ErasedSSAValue, Operation

from trtc.compiler.universe import make_context
from trtc.dialects.ir_text import read_module
from trtc.dialects.verify import verify_ops

ROOT = Path(__file__).parents[3]
FILES = (
    "kernels/lower_fragments.mlir",
    "kernels/expand_rings.mlir",
    "fusion/outline_groups.mlir",
    "graph/fold_batch_norm.mlir",
)


def modules() -> Iterator[ModuleOp]:
    """The inputs of lit files, each with many kinds of ops."""
    for name in FILES:
        for case in (ROOT / "test/filecheck" / name).read_text().split("// -----"):
            try:
                yield read_module(make_context(), case, name)
            except Exception:
                continue  # a case that expects an error


def _drop_operand(op: Operation) -> Callable[[], None] | None:
    if not op.operands:
        return None
    before = list(op.operands)
    op.operands = before[:-1]
    return lambda: setattr(op, "operands", before)


def _erase_operand(op: Operation) -> Callable[[], None] | None:
    if not op.operands:
        return None
    before = list(op.operands)
    op.operands = [ErasedSSAValue(before[0].type, before[0]), *before[1:]]
    return lambda: setattr(op, "operands", before)


def _retype(op: Operation) -> Callable[[], None] | None:
    if not op.results:
        return None
    result = op.results[0]
    before, result._type = result.type, f64  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
    return lambda: setattr(result, "_type", before)


def _drop_property(op: Operation) -> Callable[[], None] | None:
    if not op.properties:
        return None
    name = next(iter(op.properties))
    before = dict(op.properties)
    del op.properties[name]
    return lambda: op.properties.update(before)


def _add_property(op: Operation) -> Callable[[], None] | None:
    op.properties["no_such"] = StringAttr("x")
    return lambda: op.properties.pop("no_such")


def _swap_property(op: Operation) -> Callable[[], None] | None:
    if not op.properties:
        return None
    name, before = next(iter(op.properties.items()))
    op.properties[name] = StringAttr("not what it should be")
    return lambda: op.properties.update({name: before})


DAMAGES = (_drop_operand, _erase_operand, _retype, _drop_property, _add_property, _swap_property)


def said(verify: Callable[[], None]) -> str | None:
    try:
        verify()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


@pytest.mark.parametrize("damage", DAMAGES)
def test_it_says_what_xdsl_says(damage: Callable[[Operation], Callable[[], None] | None]) -> None:
    broken = 0
    for module in modules():
        verify_ops(module)
        for op in list(module.walk()):
            if op is module or (mend := damage(op)) is None:
                continue
            expected = said(module.verify)
            assert said(lambda module=module: verify_ops(module)) == expected
            broken += expected is not None
            mend()
        verify_ops(module)
    assert broken > 50


def test_parents_and_terminators_are_checked() -> None:
    module = next(modules())
    block = next(op for op in module.walk() if op.parent is not None and op.regions).regions[0].blocks[0]
    last = block.last_op
    assert last is not None
    last.detach()
    assert said(lambda: verify_ops(module)) == said(module.verify) is not None
    block.add_op(last)
    first = block.first_op
    assert first is not None
    first.parent = None
    assert said(lambda: verify_ops(module)) == said(module.verify) is not None
