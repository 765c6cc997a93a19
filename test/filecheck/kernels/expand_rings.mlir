// RUN: trtc-opt %s -p place-shared-memory,expand-rings --split-input-file | filecheck %s

// mbarriers: one thread initialises them, a role that only loads is one thread; its acquire waits for the empty barrier of the slot, its
// commit expects bytes on the full one. One lane of each of the two consumer warps releases. The number of steps is known at the launch only.
// CHECK-LABEL: kernel.func @roles
// CHECK: [[R:%.*]] = kernel.ring at 0
// CHECK: kernel.elect {
// CHECK: scf.for
// CHECK-NEXT: [[F:%.*]] = kernel.slot_barrier [[R]][[[S:%.*]]] : !kernel.ring<4, mbarrier>
// CHECK-NEXT: kernel.mbar_init [[F]] count 1
// CHECK-NEXT: [[E:%.*]] = kernel.slot_barrier [[R]][[[S]]] empty
// CHECK-NEXT: kernel.mbar_init [[E]] count 2
// CHECK: kernel.mbar_init_fence
// CHECK: kernel.bar_sync 0 threads 96
// CHECK: kernel.roles
// CHECK-NEXT: kernel.elect {
// CHECK-NEXT: scf.for [[T:%.*]] = %{{.*}} to %steps
// CHECK-NEXT: [[B:%.*]] = kernel.slot_barrier [[R]][[[T]]] empty
// CHECK-NEXT: [[P:%.*]] = kernel.slot_parity [[R]][[[T]]] ahead 1
// CHECK-NEXT: kernel.mbar_wait [[B]] parity [[P]]
// CHECK-NEXT: [[B:%.*]] = kernel.slot_barrier [[R]][[[T]]] :
// CHECK-NEXT: kernel.mbar_expect [[B]] bytes 512
// CHECK: [[P:%.*]] = kernel.slot_parity [[R]][[[T:%.*]]] ahead 0
// CHECK-NEXT: kernel.mbar_wait [[B:%.*]] parity [[P]]
// CHECK-NEXT: [[E:%.*]] = kernel.slot_barrier [[R]][[[T]]] empty
// CHECK-NEXT: kernel.elect per_warp {
// CHECK-NEXT: kernel.mbar_arrive [[E]]
kernel.func @roles() grid <1, 1, 1> warps 3 coords(%i, %j, %k) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %steps = kernel.expr <K floordiv 64>
  %ring = kernel.ring -> !kernel.ring<4, mbarrier>
  kernel.roles ["producer", "consumer"] warps [1, 2] registers [0, 0] {
    scf.for %t = %zero to %steps step %one {
      kernel.acquire %ring[%t] : !kernel.ring<4, mbarrier>
      kernel.commit %ring[%t] bytes 512 : !kernel.ring<4, mbarrier>
    }
  } {
    scf.for %t = %zero to %steps step %one {
      kernel.wait %ring[%t] later 0 : !kernel.ring<4, mbarrier>
      kernel.release %ring[%t] : !kernel.ring<4, mbarrier>
    }
  }
  kernel.return
}

// -----

// cp.async: groups and barriers of the block. The wait of a turn orders the slot's reuse, so its acquire makes no barrier of its own; the
// ring itself is gone.
// CHECK-LABEL: kernel.func @ahead
// CHECK-NOT: kernel.ring
// CHECK: kernel.cp_async_commit
// CHECK: scf.for
// CHECK-NEXT: kernel.cp_async_wait 0
// CHECK-NEXT: kernel.bar_sync 0 threads 128
// CHECK-NEXT: arith.addi
// CHECK-NEXT: kernel.cp_async_commit
// CHECK-NEXT: }
kernel.func @ahead() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %eight = arith.constant 8 : index
  %ring = kernel.ring -> !kernel.ring<2, cp_async>
  kernel.acquire %ring[%zero] : !kernel.ring<2, cp_async>
  kernel.commit %ring[%zero] bytes 0 : !kernel.ring<2, cp_async>
  scf.for %t = %zero to %eight step %one {
    kernel.wait %ring[%t] later 0 : !kernel.ring<2, cp_async>
    %next = arith.addi %t, %one : index
    kernel.acquire %ring[%next] : !kernel.ring<2, cp_async>
    kernel.commit %ring[%next] bytes 0 : !kernel.ring<2, cp_async>
    kernel.release %ring[%t] : !kernel.ring<2, cp_async>
  }
  kernel.return
}

// -----

// An acquire that needs a release which no barrier has followed makes one.
// CHECK-LABEL: kernel.func @unordered
// CHECK: kernel.cp_async_wait 0
// CHECK-NEXT: kernel.bar_sync 0 threads 128
// CHECK-NEXT: kernel.bar_sync 0 threads 128
// CHECK-NEXT: kernel.cp_async_commit
kernel.func @unordered() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  %zero = arith.constant 0 : index
  %one = arith.constant 1 : index
  %ring = kernel.ring -> !kernel.ring<1, cp_async>
  kernel.acquire %ring[%zero] : !kernel.ring<1, cp_async>
  kernel.commit %ring[%zero] bytes 0 : !kernel.ring<1, cp_async>
  kernel.wait %ring[%zero] later 0 : !kernel.ring<1, cp_async>
  kernel.release %ring[%zero] : !kernel.ring<1, cp_async>
  kernel.acquire %ring[%one] : !kernel.ring<1, cp_async>
  kernel.commit %ring[%one] bytes 0 : !kernel.ring<1, cp_async>
  kernel.return
}

// -----

// Barriers of a role are its own, and what follows roles waits for all of them; the thread that stored by TMA waits for it, then all do.
// CHECK-LABEL: kernel.func @barriers
// CHECK: kernel.bar_sync 1 threads 64
// CHECK-NEXT: kernel.fence_proxy_async
// CHECK-NEXT: }
// CHECK: kernel.bar_sync 0 threads 128
// CHECK-NEXT: kernel.elect {
// CHECK-NEXT: kernel.bulk_wait 1
// CHECK-NEXT: }
// CHECK-NEXT: kernel.bar_sync 0 threads 128
// CHECK-NEXT: kernel.elect {
// CHECK-NEXT: kernel.bulk_wait 0
// CHECK-NEXT: }
// CHECK-NEXT: kernel.return
kernel.func @barriers() grid <1, 1, 1> warps 4 coords(%i, %j, %k) {
  kernel.roles ["one"] warps [2] registers [0] {
    kernel.barrier
    kernel.fence_async
  }
  kernel.store_wait 1
  kernel.store_wait 0
  kernel.return
}
