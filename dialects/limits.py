"""Limits on the work that a model may cause in the compiler: each is checked before the work that it bounds, and the error names the node.

They bound time and memory of a compile, not what a GPU could run; real models stay far below them.
"""

from __future__ import annotations

MAX_RANK = 32
"""Dims of a tensor: supported by every NumPy, and few enough that printing and comparing shapes takes no time."""

MAX_ELEMENTS = 2**31 - 1
"""Elements of a tensor: kernels index with 32 bits."""

MAX_CONSTANT_BYTES = 256 << 20
"""Bytes of all constants that a model does not hold but makes the compiler compute, such as a large ConstantOfShape."""
MAX_CONSTANT_GROWTH = 16
"""Weights may be computed on at build time: this many times the bytes of the model's weights are allowed in addition."""

MAX_FOLDED = 4096
"""Elements of an integer tensor that takes part in shape arithmetic: Python objects, each handled alone."""
MAX_FOLDED_FLOATS = 16
"""The same for whole floats, which are rarely shapes."""

MAX_TERMS = 256
"""Terms of a dim expression in its canonical form, a sum of products; squaring (A + B) ten times would need 1025."""
MAX_DEGREE = 64
"""Factors of one product in a dim expression."""
MAX_COEFFICIENT = 1 << 128
"""Factors of dims are 64-bit integers; differences of their products stay below this."""
MAX_NESTING = 64
"""Divisions, minima and maxima within each other in a dim expression."""
MAX_OPERANDS = 64
"""Values of one minimum or maximum: each is compared with each."""
MAX_ATOMS = 1024
"""Symbols in the text of one division, minimum or maximum: shared parts are printed each time."""

MAX_FUNCTION_DEPTH = 64
"""Model-local functions that call each other in a row."""
MAX_EXPANDED_NODES = 20_000
"""Nodes that the calls of model-local functions may expand to."""
MAX_EXPANDED_BYTES = 256 << 20
"""Bytes of these nodes, constants and names included."""

MAX_SUBGRAPH_DEPTH = 64
"""Subgraphs within each other; protobuf's own parser stops at about the same depth."""

MAX_UNROLLED_NODES = 256
"""Nodes that a loop of a known number of iterations may become in place; a longer one stays a loop."""

MAX_REPEATED_NODES = 4096
"""Nodes after an If of different ranks that its branches may take in, which imports them once for each."""

DEFAULT_BOUND = 1024
"""The most elements or iterations that data may decide, where neither shapes nor the model nor the user says more."""

MAX_READS = 32
"""Numbers of one operand that the host reads while the network runs, since each is a wait."""

MAX_POINTS = 2048
"""Sizes of dynamic dims that are tried to find the values of a dim expression."""

MAX_MODEL_BYTES = 2**31 - 1
"""Size of a model file: protobuf reads no more, and larger models keep their weights beside it."""

MAX_HOST_DEPTH = 64
"""Branches, loops and calls within each other in a host function."""
MAX_HOST_OPS = 100_000
"""Ops of a host function, those of the functions that it calls counted at each call."""
MAX_STREAM_LAUNCHES = 4096
"""Launches of a segment of several streams: each has a bitset of those before it."""
