"""`materialise-storage`: casts at the boundaries of groups take the place of `nn.stored` and `math<f16>`.

    %2 = fusion.group "matmul" (%a = %x : f32, %b = %w : f32) -> (f32) {
      %0 = nn.matmul %a, %b {math = #nn.math<f16>, nn.stored = f16}
      %1 = nn.exp %0 {nn.stored = f16}
      fusion.yield %1
    }
  becomes, where %x is stored as f16,
    %2 = fusion.group "matmul" (%a = %x : f16, %b = %w' : f16) -> (f16) {
      %0 = nn.matmul %a, %b : (f16, f16) -> f32
      %1 = nn.exp %0 : f32
      %3 = nn.cast %1 : f32 -> f16
      fusion.yield %3
    }

storage.py says what becomes of the ops inside. Views between groups move narrow elements. Constants are cast by ops that `hoist-weights`
moves to the build. Where an op reads a value in another type than it is stored in, such as an output of the model that a conv reads
too, one group with a cast converts it for all such readers, with a remark. Linear.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from xdsl.context import Context
from xdsl.dialects.builtin import ModuleOp, f32
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.passes import ModulePass

from ...dialects import nn
from ...dialects.fusion import GroupOp, YieldOp
from ...dialects.nn import element_of, with_element
from ...dialects.provenance import get_names, helper_location, set_names
from ..graph.editing import (
    computed_functions,
    depends_on_initializers,
    erase_unused,
    fed_by_constants_only,
    insert_before,
    location_of,
    rebuilt,
)
from ..graph.storage_types import limits
from ..kernels.building.group import GroupView
from ..kernels.schedules.competition import Prices
from ..kernels.schedules.matching import Matcher
from ..remarks import remark
from .fuse_groups import TARGET
from .regions import is_view
from .storage import form_of, narrow_body

NAME = "materialise-storage"


@dataclass
class _Materialiser:
    """One function's change."""

    func: FuncOp
    matcher: Matcher
    prices: Prices
    narrow: dict[SSAValue, SSAValue] = field(default_factory=dict[SSAValue, SSAValue])
    """For f32 values that are stored narrow what takes their place."""
    casts: dict[tuple[SSAValue, Attribute], SSAValue] = field(
        default_factory=dict[tuple[SSAValue, Attribute], SSAValue]
    )
    replaced: list[Operation] = field(default_factory=list[Operation])

    def run(self) -> None:
        block = self.func.body.block
        self.constants = fed_by_constants_only(block)
        for op in list(block.ops):
            if isinstance(op, GroupOp):
                self._group(op)
            elif not op.results or op.results[0] not in self.constants:
                self._between(op)
        erase_unused(self.replaced)
        for op in block.ops:
            op.attributes.pop(nn.STORED, None)

    def _group(self, group: GroupOp) -> None:
        view = GroupView.of(group)
        values = [self._stored(v) for v in group.operands]
        form, decision = form_of(view, values, self.constants, self.matcher, self.prices)
        if decision is not None:
            remark(group, "analysis", NAME, str(decision))
        operands = [self._read(v, e, group) for v, e in zip(group.operands, form.operands, strict=True)]
        if form.is_plain(view):
            group.operands = operands
            for op in group.ops():
                op.attributes.pop(nn.STORED, None)
            return
        results = [with_element(result, nn.stored_of(result)) for result in view.results]
        new = GroupOp(group.anchor.data, operands, results)
        new.block.add_op(YieldOp(*narrow_body(view, new.block)))
        new.attributes.update(group.attributes)
        new.location = new.yield_op.location = group.location
        set_names(new, get_names(group))
        insert_before(group, new, location=group.location)
        self._replace(group, new)

    def _between(self, op: Operation) -> None:
        """An op between groups: a view of narrow elements moves them, of constants too, which are cast at build time; any other op
        reads its operands in their own types."""
        narrow = nn.STORED in op.attributes
        elements = {
            nn.stored_of(v) if narrow and v in self.constants else element_of(self._stored(v)) for v in op.operands
        }
        if is_view(op) and element_of(op.results[0]) == f32 and len(elements) == 1 and elements <= set(nn.NARROW):
            (element,) = elements
            operands = [self._read(v, element, op) for v in op.operands]
            new = rebuilt(op, operands, [with_element(op.results[0], element)])
            set_names(new, get_names(op))
            insert_before(op, new, location=op.location)
            self._replace(op, new)
            return
        if any(value in self.narrow for value in op.operands):
            op.operands = [self._read(value, f32, op) if value in self.narrow else value for value in op.operands]

    def _replace(self, op: Operation, new: Operation) -> None:
        for old, made in zip(op.results, new.results, strict=True):
            if old.type == made.type:
                old.replace_all_uses_with(made)
            else:
                self.narrow[old] = made
        self.replaced.append(op)

    def _stored(self, value: SSAValue) -> SSAValue:
        return self.narrow.get(value, value)

    def _read(self, value: SSAValue, element: Attribute, user: Operation) -> SSAValue:
        """A value in the type in which an op wants to find it in memory."""
        source = self._stored(value)
        if element_of(source) == element:
            return source
        if (value, element) not in self.casts:
            cast = nn.CastOp(source, element)
            cast.location = helper_location("cast", location_of([source]))
            if value in self.constants:
                if depends_on_initializers(source):  # what a refit brings is not known to fit
                    clamp = nn.ClampRangeOp(source, limits(element)[0])
                    cast.operands[0] = insert_before(user, clamp, location=cast.location).results[0]
                insert_before(user, cast, location=cast.location)
                self.casts[value, element] = cast.result
            else:
                self.casts[value, element] = self._launched(cast, user)
        return self.casts[value, element]

    def _launched(self, cast: nn.CastOp, user: Operation) -> SSAValue:
        source = cast.x
        group = GroupOp("pointwise", [source], [cast.result.type])
        cast.operands[0] = group.block.args[0]
        group.block.add_ops([cast, YieldOp(cast.result)])
        group.location = group.yield_op.location = cast.location
        insert_before(user, group, location=cast.location)
        types = f"{element_of(source)} to {element_of(cast.result)}"
        remark(group, "missed", NAME, f"a launch of its own casts {types}, as {user.name} reads it")
        return group.results[0]


@dataclass(frozen=True)
class MaterialiseStoragePass(ModulePass):
    """Cast what crosses memory in a narrow type at the boundaries of groups."""

    name = NAME
    numerics: ClassVar[str] = "changes-precision"

    def apply(self, ctx: Context, op: ModuleOp) -> None:
        matcher, prices = Matcher(op.attributes.get(TARGET)), Prices(op.attributes.get(TARGET))
        for func in computed_functions(op):
            _Materialiser(func, matcher, prices).run()
