// RUN: trtc-opt %s -p plan-arena --split-input-file --verify-diagnostics | filecheck %s

// A branch has no results: it writes to a destination outside.
// CHECK: host program: scf.if: expected no results and no carried values; branches and bodies write to memrefs outside.
func.func @main(%x : memref<4xf32>, %c : memref<1xi1>) {
  %go = buffer.read "go" from %c : memref<1xi1> to i1
  %y = scf.if %go -> (memref<4xf32>) {
    scf.yield %x : memref<4xf32>
  } else {
    scf.yield %x : memref<4xf32>
  }
  func.return
}

// -----

// A loop carries no values: a carried tensor is a buffer of two slots.
// CHECK: host program: scf.for: expected no results and no carried values
func.func @main(%x : memref<4xf32>) {
  %one = arith.constant 1 : index
  %y = scf.for %i = %one to %one step %one iter_args(%z = %x) -> (memref<4xf32>) {
    scf.yield %z : memref<4xf32>
  }
  func.return
}

// -----

// Iterations are counted from 0.
// CHECK: host program: scf.for: expected a loop from 0 in steps of 1.
func.func @main(%x : memref<4xf32>) {
  %one = arith.constant 1 : index
  scf.for %i = %one to %one step %one {
  }
  func.return
}

// -----

// A loop that nothing bounds could go on for ever.
// CHECK: host program: scf.while: expected buffer.total, a symbol whose range bounds the iterations.
func.func @main(%c : memref<1xi1>) {
  scf.while () : () -> () {
    %go = buffer.read "go" from %c : memref<1xi1> to i1
    scf.condition(%go)
  } do {
    scf.yield
  }
  func.return
}

// -----

// A condition is something that the host has read or counted, not a constant.
// CHECK: host program: a condition is not known to the host: expected an i1 of buffer.read, or a signed arith.cmpi of indices, got
func.func @main(%x : memref<4xf32>) {
  %go = arith.constant true
  scf.if %go {
  }
  func.return
}

// -----

// A condition compares indices as signed numbers, not unsigned ones.
// CHECK: host program: a condition is not known to the host
func.func @main(%x : memref<4xf32>) {
  %one = arith.constant 1 : index
  %go = arith.cmpi ult, %one, %one : index
  scf.if %go {
  }
  func.return
}

// -----

// The host does no arithmetic.
// CHECK: host program: op arith.addi is not expected in @main after bufferize, nor in a function that it calls.
func.func @main(%x : memref<4xf32>) {
  %one = arith.constant 1 : index
  %two = arith.addi %one, %one : index
  func.return
}

// -----

// The variable of a loop is known by the name that the loop gives it.
// CHECK: host program: arith.cmpi: expected an index that the host knows: of buffer.symbol, buffer.read, buffer.value, a constant or a loop.
func.func @main(%x : memref<4xf32>) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  scf.for %i = %zero to %one step %one {
    %early = arith.cmpi slt, %i, %one : index
    scf.if %early {
    }
  }
  func.return
}

// -----

// A symbol is read once.
// CHECK: host program: buffer.read: symbol 'K' has another definition already.
func.func @main(%k : memref<1xi64>) {
  %K = buffer.read "K" from %k : memref<1xi64> to index
  %L = buffer.read "K" from %k : memref<1xi64> to index
  func.return
}

// -----

// Memory is that of @main.
// CHECK: host program: buffer.alloc: expected it in the block of @main itself, got it in a branch, loop or called function.
func.func @main(%c : memref<1xi1>) {
  %go = buffer.read "go" from %c : memref<1xi1> to i1
  scf.if %go {
    %a = buffer.alloc #nn.dims<4> : memref<4xf32>
  }
  func.return
}

// -----

// Nothing calls itself, directly or not.
// CHECK: host program: func.call: @a calls itself; expected no recursion.
func.func @main(%x : memref<4xf32>) {
  func.call @a(%x) : (memref<4xf32>) -> ()
  func.return
}
func.func private @a(%x : memref<4xf32>) {
  func.call @b(%x) : (memref<4xf32>) -> ()
  func.return
}
func.func private @b(%x : memref<4xf32>) {
  func.call @a(%x) : (memref<4xf32>) -> ()
  func.return
}

// -----

// A body names its symbols as its caller does.
// CHECK: host program: func.call: expected L as @a has it, got K.
func.func @main(%k : memref<1xi64>) {
  %K = buffer.read "K" from %k : memref<1xi64> to index
  func.call @a(%K) : (index) -> ()
  func.return
}
func.func private @a(%L : index) attributes {buffer.arg_dims = [#nn.dims<L>]} {
  func.return
}

// -----

// A body takes an index only where buffer.arg_dims names its symbol.
// CHECK: host program: func.call: expected memrefs, and indices that buffer.arg_dims of @a gives.
func.func @main(%k : memref<1xi64>) {
  %K = buffer.read "K" from %k : memref<1xi64> to index
  func.call @a(%K) : (index) -> ()
  func.return
}
func.func private @a(%L : index) {
  func.return
}

// -----

// A declaration has no body to run.
// CHECK: host program: func.call: expected a function @a with a body in the module.
func.func @main(%x : memref<4xf32>) {
  func.call @a(%x) : (memref<4xf32>) -> ()
  func.return
}
func.func private @a(memref<4xf32>) -> ()

// -----

// What only one branch writes may not be there after the scf.if.
// CHECK: plan-arena: launch of @k reads buffer.alloc before any launch writes it.
func.func @main(%x : memref<4xf32>, %c : memref<1xi1>, %y : memref<4xf32>) {
  %t = buffer.alloc #nn.dims<4> : memref<4xf32>
  %go = buffer.read "go" from %c : memref<1xi1> to i1
  scf.if %go {
    buffer.launch @k ins(%x : memref<4xf32>) outs(%t : memref<4xf32>)
  }
  buffer.launch @k ins(%t : memref<4xf32>) outs(%y : memref<4xf32>)
  func.return
}

// -----

// Nor does the host read what nothing wrote.
// CHECK: plan-arena: buffer.read reads buffer.alloc before any launch writes it.
func.func @main(%y : memref<4xf32>) {
  %k = buffer.alloc #nn.dims<1> : memref<1xi64>
  %K = buffer.read "K" from %k : memref<1xi64> to index
  func.return
}
