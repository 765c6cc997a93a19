"""
The `buffer` dialect: the host function of an engine, where tensors have become memory.

`bufferize` turns `@main` into a straight line of ops over memrefs; its arguments are the inputs, then the outputs, whose dims
the attribute `buffer.arg_dims` gives. Sizes are dim expressions over symbols, which `buffer.symbol` reads off the inputs' shapes and
`buffer.read` off what was computed.

- Every memref belongs to one *owner*: an argument, a weight, an `alloc` or a `slot`. A `view` is a view of an owner, never of a view, so
  the bytes that an op touches are known without following a chain.
- `launch` reads its `ins`, writes its `outs` and may use its `workspace`, or does with them what its `accesses` say; nothing else touches
  memory. Launches of a `stream` run in order, a `dependent` one by waiting itself; `record` and `wait` order those of several
  (`host/order.py`).
- `read` waits for what was launched before it and copies one integer to the host; `nn.symbols` bounds it, and buffers whose dims
  depend on it are sized for the bound.
- Control flow is `scf.if`, `scf.for` and `scf.while` without results, decided on the host: branches write to destinations outside, a
  loop's carried tensor is one buffer of two slots, views of which start at `(i mod 2) * size`, where `buffer.index` on the loop names `i`
  and `buffer.total` the number of iterations, known after it. `func.call` runs a body: a function of memrefs and symbols.
- `plan-arena` replaces every `alloc` by a `slot` at a fixed offset of the one `arena`; `insert-pdl` marks which launches are `dependent`.

```
func.func @main(%x: memref<?x64xf16>, %y: memref<?x64xf16>) attributes {buffer.arg_dims = [#nn.dims<N, 64>, #nn.dims<N, 64>]} {
  %N = buffer.symbol "N" from %x[0] : memref<?x64xf16>
  %w = buffer.weight "fc.weight" : memref<64x64xf16>
  %t = buffer.alloc #nn.dims<N, 64> : memref<?x64xf16>
  buffer.launch @fc_0[%N] ins(%x, %w : memref<?x64xf16>, memref<64x64xf16>) outs(%t : memref<?x64xf16>)
  buffer.launch @softmax_1[%N] ins(%t : memref<?x64xf16>) outs(%y : memref<?x64xf16>)
  func.return
}
```
"""

from xdsl.ir import Dialect

from .launches import OUT_NAMES, Access, EventType, LaunchOp, RecordOp, WaitOp
from .memory import (
    ALIGNMENT,
    ARG_DIMS,
    INDEX,
    TOTAL,
    AllocOp,
    ArenaOp,
    ReadOp,
    SlotOp,
    SymbolOp,
    ValueOp,
    ViewOp,
    WeightOp,
    argument_dims,
    host_value,
    loop_symbol,
    memref_type,
    owner_of,
    size_in_bytes,
)

__all__ = [
    "ALIGNMENT", "ARG_DIMS", "INDEX", "OUT_NAMES", "TOTAL", "Access", "AllocOp", "ArenaOp", "EventType", "LaunchOp", "ReadOp",
    "RecordOp", "SlotOp", "SymbolOp", "ValueOp", "ViewOp", "WaitOp", "WeightOp", "argument_dims", "host_value", "loop_symbol",
    "memref_type", "owner_of", "size_in_bytes",
]  # fmt: skip

Buffer = Dialect(
    "buffer",
    [SymbolOp, ReadOp, ValueOp, AllocOp, WeightOp, ArenaOp, SlotOp, ViewOp, LaunchOp, RecordOp, WaitOp],
    [EventType],
)
