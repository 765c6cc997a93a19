// RUN: trtc-opt %s -p place-shared-memory --split-input-file --verify-diagnostics | filecheck %s

// A kernel that does not fit the target.
// CHECK: place-shared-memory: @big: expected at most 49152 bytes of shared memory on this target, got 65536; choose smaller tiles or fewer stages
builtin.module attributes {kernel.target = #kernel.target<"sm_80", sms = 108, smem = 49152>} {
  kernel.func @big() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
    %s = kernel.alloc -> !kernel.shared<4x128x64xf16, swizzle 128>
    kernel.return
  }
}
