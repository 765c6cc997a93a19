"""A build without dependent launches, to compare with: `trtc.build(model, options, observers=[Independent()])`."""

from __future__ import annotations

from xdsl.dialects.builtin import ModuleOp
from xdsl.passes import ModulePass

from trtc.compiler.pipeline import Observer
from trtc.dialects.kernel.marks import EARLY


class Independent(Observer):
    """Kernels neither wait for the previous launch by themselves nor signal the next, as before sm_90."""

    def after_pass(self, index: int, step: ModulePass, module: ModuleOp, seconds: float) -> None:
        if step.name == "mark-early-operands":
            for op in module.body.block.ops:
                op.attributes.pop(EARLY, None)
