"""What each tensor-level op computes, stated once, in NumPy.

`evaluate(op, operands, env)` computes one op, `run_function` a whole function of `nn`, `quant` and `fusion` ops. The same table
serves constant folding, the oracle in tests, check-numerics and machines without a GPU. A package outside the tree adds its ops to it
with `defines`, in the module of its dialect (docs/how-to/out-of-tree.md).
"""

from . import attention, data, linear, pointwise, positions, quant, rnn, rows, windows
from .erf import erf
from .execute import STRUCTURAL, OnResult, Perturb, run_function, run_module, run_weights
from .linear import round_tf32
from .registry import Env, Evaluate, defines, evaluate, has_meaning, meaning, widen

_FAMILIES = (attention, data, linear, pointwise, positions, quant, rnn, rows, windows)  # imported for their meanings

__all__ = [
    "STRUCTURAL", "Env", "Evaluate", "OnResult", "Perturb", "defines", "erf", "evaluate", "has_meaning", "meaning", "round_tf32",
    "run_function", "run_module", "run_weights", "widen",
]  # fmt: skip
