"""Lists that the iterations of a loop append to: `outputs.append(h)` of a scripted model. Each append is a slice of a joined result.

Inside the body such a sequence is empty, and has one tensor at the end; after the loop it is a sequence with a stack: the tensors that it
began with, and those of all iterations as one tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .node import Node
from .subgraphs import reads
from .value import Value

if TYPE_CHECKING:
    from onnx import GraphProto


def is_appended(body: GraphProto, number: int) -> bool:
    """Whether all that the body of a Loop does with a carried value is to insert one tensor at its end."""
    before, after = body.input[2 + number].name, body.output[1 + number].name
    readers = [node for node in body.node if before in reads(node)]
    outputs = [value.name for value in body.output]
    return (
        len(readers) == 1
        and readers[0].op_type == "SequenceInsert"
        and list(filter(None, readers[0].input[::2])) == [before]
        and readers[0].output[0] == after
        and outputs.count(after) == 1
        and before not in outputs
        and not any(after in reads(node) for node in body.node)
    )


@dataclass(frozen=True)
class Appended:
    """Which of the values that a loop carries are sequences that it appends to; the others are its state."""

    carried: Sequence[Value]

    @property
    def state(self) -> list[Value]:
        """The tensors."""
        return [value for value in self.carried if value.items is None]

    def woven(self, state: Sequence[Value]) -> list[Value]:
        """What an iteration starts with: the tensors, with empty sequences in their places."""
        left = list(state)
        return [left.pop(0) if value.items is None else Value("", items=[]) for value in self.carried]

    def sorted(self, made: Sequence[Value]) -> list[Value]:
        """What an iteration made: the tensors, then the slices of joined results, then those of sequences."""
        carried = list(zip(self.carried, made, strict=False))
        appended = [after.items[0] if after.items else after for before, after in carried if before.items is not None]
        return [*(after for before, after in carried if before.items is None), *made[len(carried) :], *appended]

    def results(self, node: Node, found: Sequence[Value]) -> list[Value]:
        """The results of the loop, from what `sorted` made of those of an iteration."""
        state, appended = len(self.state), len(self.carried) - len(self.state)
        tensors, slices, stacks = (
            list(found[:state]), list(found[state : len(found) - appended]), list(found[len(found) - appended :])
        )  # fmt: skip
        results: list[Value] = []
        for value in self.carried:
            if value.items is None:
                results.append(tensors.pop(0))
            elif value.stack is not None:
                node.unsupported(
                    "it carries a sequence that another loop appended to", "carry a tensor with one more dim"
                )
            else:
                results.append(Value("", items=list(value.items), stack=stacks.pop(0)))
        return [*results, *slices]
