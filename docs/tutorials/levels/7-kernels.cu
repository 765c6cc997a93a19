#pragma nv_diag_suppress 177, 550

struct __align__(16) vec16 { unsigned x, y, z, w; };

struct __align__(8) vec8 { unsigned x, y; };

__device__ __forceinline__ float max_nan(float a, float b) {
  float r;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
  return r;
}

__device__ __forceinline__ unsigned smem_address(const void* p) {
  return (unsigned)__cvta_generic_to_shared(p);
}

__device__ __forceinline__ void cp_async_4(unsigned target, const void* source, bool predicate) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" : : "r"(target), "l"(source), "r"(predicate ? 4 : 0) : "memory");
}

__device__ __forceinline__ void cp_async_commit() {
  asm volatile("cp.async.commit_group;" : :  : "memory");
}

template <int pending>
__device__ __forceinline__ void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" : : "n"(pending) : "memory");
}

template <int id, int threads>
__device__ __forceinline__ void bar_sync() {
  asm volatile("bar.sync %0, %1;" : : "n"(id), "n"(threads) : "memory");
}

extern "C" __global__ void __launch_bounds__(128, 1) conv_add_relu_kernel(const float* __restrict__ x_, const float* __restrict__ w_, const float* __restrict__ rhs_, float* __restrict__ y_, int N_) {
  extern __shared__ __align__(1024) unsigned char smem[];
  const int tile_y = blockIdx.y;
  // Conv conv (Conv#0), Relu relu (Relu#1)
  const int thread_ = threadIdx.x;
  float* const a_shared_ = reinterpret_cast<float*>(smem + 0);
  float* const b_shared_ = reinterpret_cast<float*>(smem + 3840);
  __align__(16) int row_offset_[2];
  __align__(16) int row_h_[2];
  __align__(16) int row_w_[2];
  const int v0 = (unsigned)thread_ / 16u;
  const int v1 = (unsigned)thread_ % 16u;
  const int v2 = (unsigned)v0 % 4u;
  const int v3 = (unsigned)v0 / 4u;
  const int v4 = tile_y * 16;
  const int v5 = v4 + v0;
  const int v6 = N_ * 16;
  const int v7 = v2 * 2;
  const int v8 = ((tile_y * 192) + (v3 * 16)) + v7;
  const int v9 = v3 * 2;
  #pragma unroll
  for (int n_ = 0; n_ < 2; n_++) {
    row_offset_[n_] = v8 + (n_ * 32);
    row_h_[n_] = ((unsigned)(v5 + (n_ * 8)) < (unsigned)v6) ? (v9 + (n_ * 4)) : -536870912;
    row_w_[n_] = v7;
  }
  const int v10 = (unsigned)v1 % 3u;
  const int v11 = (unsigned)v1 / 3u;
  const bool v12 = (unsigned)v1 < 3u;
  const int v13 = (v11 * 8) + (v10 * 64);
  const int v14 = (v0 * 20) + v1;
  #pragma unroll
  for (int c_ = 0; c_ < 2; c_++) {
    const bool inside_ = (v12 & ((unsigned)(v11 + row_h_[c_]) < 8u)) & ((unsigned)row_w_[c_] < 8u);
    const int x_at_ = v13 + row_offset_[c_];
    const int a_shared_at_ = v14 + (c_ * 160);
    cp_async_4(smem_address(&a_shared_[a_shared_at_]), &x_[x_at_], inside_);
  }
  const int v15 = (v0 * 3) + v1;
  #pragma unroll
  for (int c_1_ = 0; c_1_ < 4; c_1_++) {
    const bool inside_1_ = v12 & ((unsigned)(v0 + (c_1_ * 8)) < 4u);
    const int w_at_ = v15 + (c_1_ * 24);
    const int b_shared_at_ = v14 + (c_1_ * 160);
    cp_async_4(smem_address(&b_shared_[b_shared_at_]), &w_[w_at_], inside_1_);
  }
  cp_async_commit();
  const int v16 = v1 + 1;
  const int v17 = (unsigned)v16 % 3u;
  const int v18 = (unsigned)v16 / 3u;
  const bool v19 = (unsigned)(v1 + 16) < 3u;
  const int v20 = (v18 * 8) + (v17 * 64);
  #pragma unroll
  for (int c_2_ = 0; c_2_ < 2; c_2_++) {
    const bool inside_2_ = (v19 & ((unsigned)((v18 + row_h_[c_2_]) + 5) < 8u)) & ((unsigned)row_w_[c_2_] < 8u);
    const int x_at_1_ = (v20 + row_offset_[c_2_]) + 40;
    const int a_shared_at_1_ = (v14 + (c_2_ * 160)) + 320;
    cp_async_4(smem_address(&a_shared_[a_shared_at_1_]), &x_[x_at_1_], inside_2_);
  }
  #pragma unroll
  for (int c_3_ = 0; c_3_ < 4; c_3_++) {
    const bool inside_3_ = v19 & ((unsigned)(v0 + (c_3_ * 8)) < 4u);
    const int w_at_1_ = (v15 + (c_3_ * 24)) + 16;
    const int b_shared_at_1_ = (v14 + (c_3_ * 160)) + 640;
    cp_async_4(smem_address(&b_shared_[b_shared_at_1_]), &w_[w_at_1_], inside_3_);
  }
  cp_async_commit();
  __align__(16) float acc_[4];
  #pragma unroll
  for (int r_ = 0; r_ < 4; r_++) {
    acc_[r_] = 0.0f;
  }
  const int v21 = v1 + 2;
  const int v22 = (unsigned)v21 % 3u;
  const int v23 = (unsigned)v21 / 3u;
  const bool v24 = (unsigned)(v1 + 32) < 3u;
  const int v25 = (v23 * 8) + (v22 * 64);
  const int v26 = (unsigned)thread_ / 8u;
  const int v27 = v26 * 20;
  const int v28 = (unsigned)thread_ % 8u;
  const int v29 = v28 * 80;
  for (int k_ = 0; k_ < 1; k_++) {
    cp_async_wait<1>();
    bar_sync<0, 128>();
    #pragma unroll
    for (int c_4_ = 0; c_4_ < 2; c_4_++) {
      const bool inside_4_ = (v24 & ((unsigned)((v23 + row_h_[c_4_]) + 10) < 8u)) & ((unsigned)row_w_[c_4_] < 8u);
      const int x_at_2_ = (v25 + row_offset_[c_4_]) + 80;
      const int a_shared_at_2_ = (v14 + (c_4_ * 160)) + 640;
      cp_async_4(smem_address(&a_shared_[a_shared_at_2_]), &x_[x_at_2_], inside_4_);
    }
    #pragma unroll
    for (int c_5_ = 0; c_5_ < 4; c_5_++) {
      const bool inside_5_ = v24 & ((unsigned)(v0 + (c_5_ * 8)) < 4u);
      const int w_at_2_ = (v15 + (c_5_ * 24)) + 32;
      const int b_shared_at_2_ = (v14 + (c_5_ * 160)) + 1280;
      cp_async_4(smem_address(&b_shared_[b_shared_at_2_]), &w_[w_at_2_], inside_5_);
    }
    cp_async_commit();
    #pragma unroll
    for (int k_block_ = 0; k_block_ < 16; k_block_ += 4) {
      __align__(16) float a_frag_[4];
      const int a_shared_at_3_ = v27 + k_block_;
      *reinterpret_cast<vec16*>(&a_frag_[0]) = *reinterpret_cast<const vec16*>(&a_shared_[a_shared_at_3_]);
      __align__(16) float b_frag_[16];
      const int v30 = v29 + k_block_;
      #pragma unroll
      for (int r_1_ = 0; r_1_ < 4; r_1_++) {
        const int b_shared_at_3_ = v30 + (r_1_ * 20);
        *reinterpret_cast<vec16*>(&b_frag_[r_1_ * 4]) = *reinterpret_cast<const vec16*>(&b_shared_[b_shared_at_3_]);
      }
      #pragma unroll
      for (int k_1_ = 0; k_1_ < 4; k_1_++) {
        #pragma unroll
        for (int n_1_ = 0; n_1_ < 4; n_1_++) {
          acc_[n_1_] = acc_[n_1_] + (a_frag_[k_1_] * b_frag_[k_1_ + (n_1_ * 4)]);
        }
      }
    }
  }
  __align__(16) float rhs_tile_[4];
  const int rhs_at_ = v28 * 4;
  const bool inside_6_ = ((unsigned)(v4 + v26) < (unsigned)v6) & ((unsigned)rhs_at_ < 4u);
  #pragma unroll
  for (int e_ = 0; e_ < 4; e_++) {
    rhs_tile_[e_] = 0.0f;
  }
  if (inside_6_) *reinterpret_cast<vec16*>(&rhs_tile_[0]) = *reinterpret_cast<const vec16*>(&rhs_[rhs_at_]);
  #pragma unroll
  for (int r_2_ = 0; r_2_ < 4; r_2_++) {
    acc_[r_2_] = max_nan(acc_[r_2_] + rhs_tile_[r_2_], 0.0f);
  }
  const int y_at_ = ((tile_y * 64) + (v26 * 4)) + rhs_at_;
  if (inside_6_) *reinterpret_cast<vec16*>(&y_[y_at_]) = *reinterpret_cast<const vec16*>(&acc_[0]);
}

extern "C" __global__ void __launch_bounds__(256, 2) reduce_reshape_matmul_kernel(const float* __restrict__ x_, const float* __restrict__ b_, float* __restrict__ y_, int N_) {
  extern __shared__ __align__(1024) unsigned char smem[];
  const int image_ = blockIdx.x;
  // GlobalAveragePool pool (GlobalAveragePool#2), MatMul fc (MatMul#3)
  const int thread_ = threadIdx.x;
  float* const vector0_ = reinterpret_cast<float*>(smem + 0);
  __align__(16) float b_tile_[4];
  const bool inside_ = (unsigned)thread_ < 2u;
  #pragma unroll
  for (int e_ = 0; e_ < 4; e_++) {
    b_tile_[e_] = 0.0f;
  }
  const int b_at_ = thread_ * 4;
  if (inside_) *reinterpret_cast<vec16*>(&b_tile_[0]) = *reinterpret_cast<const vec16*>(&b_[b_at_]);
  float* const partial_ = reinterpret_cast<float*>(smem + 32);
  __align__(16) float r[4];
  #pragma unroll
  for (int r_ = 0; r_ < 4; r_++) {
    r[r_] = 0.0f;
  }
  const bool v0 = (unsigned)image_ < (unsigned)N_;
  const int v1 = (unsigned)thread_ / 2u;
  const int v2 = (unsigned)thread_ % 2u;
  const int v3 = v2 * 4;
  const bool inside_1_ = (v0 & ((unsigned)v1 < 16u)) & ((unsigned)v3 < 4u);
  const int x_at_ = ((image_ * 64) + (v1 * 4)) + v3;
  for (int pixel_ = 0; pixel_ < 16; pixel_ += 128) {
    __align__(16) float x_tile_[4];
    #pragma unroll
    for (int e_1_ = 0; e_1_ < 4; e_1_++) {
      x_tile_[e_1_] = 0.0f;
    }
    if (inside_1_) *reinterpret_cast<vec16*>(&x_tile_[0]) = *reinterpret_cast<const vec16*>(&x_[x_at_]);
    #pragma unroll
    for (int r_1_ = 0; r_1_ < 4; r_1_++) {
      r[r_1_] = r[r_1_] + x_tile_[r_1_];
    }
  }
  const int partial_at_ = (v1 * 12) + v3;
  *reinterpret_cast<vec16*>(&partial_[partial_at_]) = *reinterpret_cast<const vec16*>(&r[0]);
  bar_sync<0, 256>();
  __align__(16) float r_1[4];
  const int warp_ = (unsigned)thread_ / 32u;
  const int lane_ = (unsigned)thread_ % 32u;
  const int v4 = (lane_ * 12) + warp_;
  #pragma unroll
  for (int r_2_ = 0; r_2_ < 4; r_2_++) {
    const int partial_at_1_ = v4 + (r_2_ * 384);
    r_1[r_2_] = partial_[partial_at_1_];
  }
  __align__(16) float r_2[1];
  r_2[0] = 0.0f;
  #pragma unroll
  for (int r_3_ = 0; r_3_ < 4; r_3_++) {
    r_2[0] = r_2[0] + r_1[r_3_];
  }
  const float v5 = r_2[0];
  const float v6 = __shfl_xor_sync(0xffffffffu, v5, 1);
  const float v7 = v5 + v6;
  const float v8 = __shfl_xor_sync(0xffffffffu, v7, 2);
  const float v9 = v7 + v8;
  const float v10 = __shfl_xor_sync(0xffffffffu, v9, 4);
  const float v11 = v9 + v10;
  const float v12 = __shfl_xor_sync(0xffffffffu, v11, 8);
  const float v13 = v11 + v12;
  const float v14 = __shfl_xor_sync(0xffffffffu, v13, 16);
  r_2[0] = v13 + v14;
  r_2[0] = r_2[0] / (float)(16);
  __align__(16) int r_3[1];
  r_3[0] = (int)warp_;
  r_2[0] = (r_3[0] < 4) ? r_2[0] : 0.0f;
  const bool inside_2_ = (unsigned)lane_ < 1u;
  if (inside_2_) vector0_[warp_] = r_2[0];
  bar_sync<0, 256>();
  __align__(16) float r_4[4];
  *reinterpret_cast<vec16*>(&r_4[0]) = *reinterpret_cast<const vec16*>(&vector0_[0]);
  #pragma unroll
  for (int r_4_ = 0; r_4_ < 4; r_4_++) {
    b_tile_[r_4_] = b_tile_[r_4_] * r_4[r_4_];
  }
  __align__(16) float r_5[1];
  r_5[0] = 0.0f;
  #pragma unroll
  for (int r_5_ = 0; r_5_ < 4; r_5_++) {
    r_5[0] = r_5[0] + b_tile_[r_5_];
  }
  const bool inside_3_ = v0 & inside_;
  const int y_at_ = (image_ * 2) + thread_;
  if (inside_3_) y_[y_at_] = r_5[0];
}

extern "C" __global__ void __launch_bounds__(128) softmax_kernel(const float* __restrict__ x_, float* __restrict__ y_, int N_) {
  const int tile_x = blockIdx.x;
  // Softmax softmax (Softmax#4)
  const int thread_ = threadIdx.x;
  __align__(16) float x_tile_[2];
  const int warp_ = (unsigned)thread_ / 32u;
  const int lane_ = (unsigned)thread_ % 32u;
  const int v0 = lane_ * 2;
  const bool inside_ = ((unsigned)((tile_x * 4) + warp_) < (unsigned)N_) & ((unsigned)v0 < 2u);
  #pragma unroll
  for (int e_ = 0; e_ < 2; e_++) {
    x_tile_[e_] = -__int_as_float(0x7f800000);
  }
  const int x_at_ = ((tile_x * 8) + (warp_ * 2)) + v0;
  if (inside_) *reinterpret_cast<vec8*>(&x_tile_[0]) = *reinterpret_cast<const vec8*>(&x_[x_at_]);
  __align__(16) float r[1];
  r[0] = -__int_as_float(0x7f800000);
  #pragma unroll
  for (int r_ = 0; r_ < 2; r_++) {
    r[0] = max_nan(r[0], x_tile_[r_]);
  }
  const float v1 = r[0];
  const float v2 = __shfl_xor_sync(0xffffffffu, v1, 1);
  const float v3 = max_nan(v1, v2);
  const float v4 = __shfl_xor_sync(0xffffffffu, v3, 2);
  const float v5 = max_nan(v3, v4);
  const float v6 = __shfl_xor_sync(0xffffffffu, v5, 4);
  const float v7 = max_nan(v5, v6);
  const float v8 = __shfl_xor_sync(0xffffffffu, v7, 8);
  const float v9 = max_nan(v7, v8);
  const float v10 = __shfl_xor_sync(0xffffffffu, v9, 16);
  r[0] = max_nan(v9, v10);
  __align__(16) float r_1[2];
  #pragma unroll
  for (int r_1_ = 0; r_1_ < 2; r_1_++) {
    r_1[r_1_] = expf(x_tile_[r_1_] - r[0]);
  }
  __align__(16) float r_2[1];
  r_2[0] = 0.0f;
  #pragma unroll
  for (int r_2_ = 0; r_2_ < 2; r_2_++) {
    r_2[0] = r_2[0] + r_1[r_2_];
  }
  const float v11 = r_2[0];
  const float v12 = __shfl_xor_sync(0xffffffffu, v11, 1);
  const float v13 = v11 + v12;
  const float v14 = __shfl_xor_sync(0xffffffffu, v13, 2);
  const float v15 = v13 + v14;
  const float v16 = __shfl_xor_sync(0xffffffffu, v15, 4);
  const float v17 = v15 + v16;
  const float v18 = __shfl_xor_sync(0xffffffffu, v17, 8);
  const float v19 = v17 + v18;
  const float v20 = __shfl_xor_sync(0xffffffffu, v19, 16);
  r_2[0] = v19 + v20;
  r_2[0] = 1.0f / r_2[0];
  __align__(16) float r_3[2];
  #pragma unroll
  for (int r_3_ = 0; r_3_ < 2; r_3_++) {
    r_3[r_3_] = r_1[r_3_] * r_2[0];
  }
  if (inside_) *reinterpret_cast<vec8*>(&y_[x_at_]) = *reinterpret_cast<const vec8*>(&r_3[0]);
}
