"""`nn` ops that decide while the network runs: branches, loops, and values that become sizes.

    %y = nn.if %c then @then else @else (%x) : tensor<i1>, (tensor<4xf32>) -> tensor<4xf32>
    %s, %rows = nn.loop @body index "i" count #nn.dims<T> carried (%a) captures (%x) : (tensor<4xf32>), (tensor<4xf32>)
        -> (tensor<4xf32>, tensor<?x4xf32, #nn.dims<T, 4>>)
    nn.read "T" from %n : tensor<i64>

Branches and bodies are functions of the module beside `@main`, marked `nn.body` and called once each, so that passes over flat blocks work
on them unchanged; what they read from outside they take as arguments. Symbols are those of the whole module. A symbol that is no dim of an
input comes from `nn.read`, or from a loop, which counts; what uses it comes after the op that gives it. `bufferize` makes `scf` of these
ops.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xdsl.dialects.builtin import IntegerType, ModuleOp, StringAttr, SymbolRefAttr, i1
from xdsl.dialects.func import FuncOp
from xdsl.ir import Attribute, Operation, SSAValue
from xdsl.irdl import (
    AttrSizedOperandSegments,
    ParsePropInAttrDict,
    irdl_op_definition,
    operand_def,
    opt_operand_def,
    opt_prop_def,
    prop_def,
    traits_def,
    var_operand_def,
    var_result_def,
)
from xdsl.traits import Pure

from ..dims import Expr, ExprLike, as_expr, symbol
from .base import DimsAttr, NnOp, Qualified, Tensor, Value, compatible, element_of, require, shape_of, tensor_type

BODY = "nn.body"
"""On a function: it is a branch, or the body of a loop, which `nn.if` or `nn.loop` calls."""


@irdl_op_definition
class ReadOp(NnOp):
    """The host reads an integer, which is the value of a symbol from there on. `nn.symbols` bounds it."""

    name = "nn.read"

    symbol = prop_def(StringAttr)
    x = operand_def(Tensor)

    assembly_format = "$symbol `from` $x attr-dict `:` type($x)"

    def __init__(self, symbol: str, x: Value):
        super().__init__(operands=[x], properties={"symbol": StringAttr(symbol)})

    def check(self) -> None:
        _require_scalar(self, self.x, "integer", isinstance(element_of(self.x), IntegerType))


@irdl_op_definition
class IfOp(NnOp):
    """The results of one of two functions, which both take the captured values: of the first where the condition holds."""

    name = "nn.if"

    condition = operand_def(Tensor)
    then_branch = prop_def(SymbolRefAttr)
    else_branch = prop_def(SymbolRefAttr)
    captures = var_operand_def(Tensor)
    outputs = var_result_def(Tensor)

    traits = traits_def(Pure())
    assembly_format = (
        "$condition `then` $then_branch `else` $else_branch `(` $captures `)` attr-dict `:` type($condition) `,` "
        "functional-type($captures, $outputs)"
    )

    def __init__(
        self, condition: Value, branches: tuple[str, str], captures: Sequence[Value], types: Sequence[Attribute]
    ):
        then, otherwise = map(SymbolRefAttr, branches)
        super().__init__(
            operands=[condition, list(captures)],
            properties={"then_branch": then, "else_branch": otherwise},
            result_types=[list(types)],
        )

    @property
    def callees(self) -> tuple[str, ...]:
        """The branches, by name."""
        return self.then_branch.string_value(), self.else_branch.string_value()

    def check(self) -> None:
        _require_scalar(self, self.condition, "i1", element_of(self.condition) == i1)
        for name in self.callees:
            _check_callee(self, name, self.captures.types, self.result_types)


@irdl_op_definition
class LoopOp(NnOp):
    """
    A function called again and again: `count` times, or while a condition holds, at first the operand, then the body's first result.

    The body takes the carried values and the captured ones, and returns the carried values of the next iteration and then one slice of each
    further result, which joins the slices of all iterations along a new first dim. `index` is the symbol of the iteration's number, from 0
    on, known in the body; `total`, of a loop with a condition, that of the number of iterations that ran, known after the loop.
    """

    name = "nn.loop"

    body = prop_def(SymbolRefAttr)
    index = prop_def(StringAttr)
    total = opt_prop_def(StringAttr)
    count = opt_prop_def(Qualified(DimsAttr))
    condition = opt_operand_def(Tensor)
    carried = var_operand_def(Tensor)
    captures = var_operand_def(Tensor)
    outputs = var_result_def(Tensor)

    irdl_options = (AttrSizedOperandSegments(as_property=True), ParsePropInAttrDict())
    assembly_format = (
        "$body `index` $index (`count` $count^)? (`while` $condition^ `:` type($condition) `total` $total)? "
        "`carried` `(` $carried `)` `captures` `(` $captures `)` attr-dict `:` `(` type($carried) `)` `,` `(` type($captures) `)` "
        "`->` `(` type($outputs) `)`"
    )

    def __init__(
        self,
        body: str,
        index: str,
        carried: Sequence[Value],
        captures: Sequence[Value],
        types: Sequence[Attribute],
        *,
        count: ExprLike | None = None,
        condition: Value | None = None,
        total: str = "",
    ):
        super().__init__(
            operands=[condition, list(carried), list(captures)],
            properties={
                "body": SymbolRefAttr(body),
                "index": StringAttr(index),
                "total": StringAttr(total) if total else None,
                "count": None if count is None else DimsAttr((as_expr(count),)),
            },
            result_types=[list(types)],
        )

    @property
    def callees(self) -> tuple[str, ...]:
        """The body, by name."""
        return (self.body.string_value(),)

    @property
    def iterations(self) -> Expr:
        """The number of iterations that run."""
        return self.count.exprs[0] if self.count is not None else symbol(self.total.data if self.total else "")

    @property
    def slices(self) -> int:
        """How many results join slices of the iterations."""
        return len(self.outputs) - len(self.carried)

    def check(self) -> None:
        known = [self.count is not None, self.condition is not None, self.total is not None]
        require(
            known in ([True, False, False], [False, True, True]) and (self.count is None or len(self.count.exprs) == 1),
            lambda: f"{self.name}: expected a count, or a condition with a total",
        )
        if self.condition is not None:
            _require_scalar(self, self.condition, "i1", element_of(self.condition) == i1)
        kept = self.result_types[: len(self.carried)]
        require(
            len(kept) == len(self.carried) and all(map(compatible, self.carried.types, kept)),
            lambda: f"{self.name}: expected the types of the carried values, got {', '.join(map(str, kept))}",
        )
        slices = self.result_types[len(self.carried) :]
        require(
            all(shape_of(type_)[:1] == (self.iterations,) for type_ in slices),
            lambda: f"{self.name}: expected joined slices with {self.iterations} as their first dim",
        )
        first = [] if self.condition is None else [self.condition.type]
        made = [*first, *kept, *(tensor_type(shape_of(type_)[1:], element_of(type_)) for type_ in slices)]
        _check_callee(self, self.body.string_value(), (*self.carried.types, *self.captures.types), made)


def _require_scalar(op: NnOp, value: SSAValue, kind: str, fits: bool) -> None:
    single = all(extent.as_int() == 1 for extent in shape_of(value))
    require(fits and single, lambda: f"{op.name}: expected a tensor of one {kind}, got {value.type}")


def _check_callee(op: NnOp, name: str, arguments: Sequence[Attribute], results: Sequence[Attribute]) -> None:
    """Checks the signature of a function that an op calls, where the op is in a module."""
    root = op.parent_op()
    while root is not None and not isinstance(root, ModuleOp):
        root = root.parent_op()
    if root is None:
        return
    found = next((f for f in root.body.block.ops if isinstance(f, FuncOp) and f.sym_name.data == name), None)
    require(found is not None, lambda: f"{op.name}: expected a function @{name} in the module, got none")
    assert found is not None
    for what, want, got in (
        ("arguments", arguments, found.function_type.inputs.data),
        ("results", results, found.function_type.outputs.data),
    ):
        require(
            len(want) == len(got) and all(map(compatible, want, got)),
            lambda what=what, want=want, got=got: (
                f"{op.name}: expected @{name} with {what} ({', '.join(map(str, want))}), got ({', '.join(map(str, got))})"
            ),
        )


def control_ops(root: Operation) -> Iterator[IfOp | LoopOp]:
    """The branches and loops of the functions of a module, or of one function; none of them lies in a region of another."""
    if isinstance(root, FuncOp):
        yield from (op for block in root.body.blocks for op in block.ops if isinstance(op, IfOp | LoopOp))
    elif isinstance(root, ModuleOp):
        for function in root.body.block.ops:
            if isinstance(function, FuncOp):
                yield from control_ops(function)


def is_body(function: Operation) -> bool:
    """Whether a function is a branch, or the body of a loop."""
    return BODY in function.attributes


CONTROL: tuple[type[NnOp], ...] = (ReadOp, IfOp, LoopOp)

__all__ = ["BODY", "CONTROL", "IfOp", "LoopOp", "ReadOp", "control_ops", "is_body"]
