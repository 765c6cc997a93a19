// RUN: trtc-opt %s -p place-shared-memory,expand-rings --split-input-file --verify-diagnostics | filecheck %s

// A ring counts the roles that release it.
// CHECK: expand-rings: kernel.ring: expected 2 roles that release {{.*}}, got 1
kernel.func @consumers() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %ring = kernel.ring -> !kernel.ring<4, mbarrier, 2>
  kernel.release %ring[%i] : !kernel.ring<4, mbarrier, 2>
  kernel.return
}

// -----

// A slot that no role releases takes one fill only.
// CHECK: expand-rings: kernel.acquire: expected fills below 1 of {{.*}}, whose slots no role releases
kernel.func @never_released() grid <2, 1, 1> warps 4 coords(%i, %j, %k) {
  %ring = kernel.ring -> !kernel.ring<1, mbarrier>
  kernel.acquire %ring[%i] : !kernel.ring<1, mbarrier>
  kernel.return
}
