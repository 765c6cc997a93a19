// RUN: trtc-opt %s --split-input-file --verify-diagnostics | filecheck %s

// A value defined earlier in the same block is fine, also from a nested region.
// CHECK-LABEL: func.func @straight
func.func @straight(%x: i32, %c: i1) -> i32 {
  %0 = arith.addi %x, %x : i32
  %1 = scf.if %c -> (i32) {
    %2 = arith.muli %0, %x : i32
    scf.yield %2 : i32
  } else {
    scf.yield %0 : i32
  }
  func.return %1 : i32
}

// -----

// A use before its definition.
// CHECK: error: the input is not valid: operand #0 of 'arith.addi' uses %late (the result of 'arith.muli'), which does not dominate the use
func.func @late(%x: i32) -> i32 {
  %0 = arith.addi %late, %x : i32
  %late = arith.muli %x, %x : i32
  func.return %0 : i32
}

// -----

// A value of one branch is not visible in the other: the parser's own scoping refuses it.
// CHECK: error: values used but not defined: [%then]
func.func @branches(%x: i32, %c: i1) {
  "scf.if"(%c) ({
    %then = arith.muli %x, %x : i32
    scf.yield
  }, {
    %0 = arith.addi %then, %x : i32
    scf.yield
  }) : (i1) -> ()
  func.return
}

// -----

// In a graph of blocks a value is visible where its block dominates.
// CHECK-LABEL: func.func @diamond
func.func @diamond(%x: i32, %c: i1) -> i32 {
  %0 = arith.addi %x, %x : i32
  cf.cond_br %c, ^left, ^right
^left:
  %1 = arith.addi %0, %x : i32
  cf.br ^join(%1 : i32)
^right:
  cf.br ^join(%0 : i32)
^join(%2: i32):
  func.return %2 : i32
}

// -----

// A value of one arm does not dominate the join.
// CHECK: error: the input is not valid: operand #0 of 'func.return' uses %arm
func.func @join(%x: i32, %c: i1) -> i32 {
  cf.cond_br %c, ^left, ^right
^left:
  %arm = arith.addi %x, %x : i32
  cf.br ^join
^right:
  cf.br ^join
^join:
  func.return %arm : i32
}
