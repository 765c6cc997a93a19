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

__device__ __forceinline__ void cp_async_16(unsigned target, const void* source, bool predicate) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" : : "r"(target), "l"(source), "r"(predicate ? 16 : 0) : "memory");
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
  const int v7 = tile_y * 192;
  const int v8 = v3 * 16;
  const int v9 = v7 + v8;
  const int v10 = v2 * 2;
  const int v11 = v9 + v10;
  const int v12 = v3 * 2;
  #pragma unroll
  for (int n_ = 0; n_ < 2; n_++) {
    const int v13 = n_ * 8;
    const int v14 = v5 + v13;
    const bool v15 = (unsigned)v14 < (unsigned)v6;
    const int v16 = n_ * 32;
    const int v17 = v11 + v16;
    row_offset_[n_] = v17;
    const int v18 = n_ * 4;
    const int v19 = v12 + v18;
    const int v20 = v15 ? v19 : -536870912;
    row_h_[n_] = v20;
    row_w_[n_] = v10;
  }
  const int v21 = (unsigned)v1 % 3u;
  const int v22 = (unsigned)v1 / 3u;
  const bool v23 = (unsigned)v1 < 3u;
  const int v24 = v22 * 8;
  const int v25 = v21 * 64;
  const int v26 = v24 + v25;
  const int v27 = v0 * 20;
  const int v28 = v27 + v1;
  #pragma unroll
  for (int c_ = 0; c_ < 2; c_++) {
    const int v29 = row_offset_[c_];
    const int v30 = row_h_[c_];
    const int v31 = row_w_[c_];
    const int v32 = v22 + v30;
    const bool v33 = (unsigned)v32 < 8u;
    const bool v34 = (unsigned)v31 < 8u;
    const bool v35 = v23 & v33;
    const bool inside_ = v35 & v34;
    const int x_at_ = v26 + v29;
    const int v36 = c_ * 160;
    const int a_shared_at_ = v28 + v36;
    cp_async_4(smem_address(&a_shared_[a_shared_at_]), &x_[x_at_], inside_);
  }
  const int v37 = v0 * 3;
  const int v38 = v37 + v1;
  #pragma unroll
  for (int c_1_ = 0; c_1_ < 4; c_1_++) {
    const int v39 = c_1_ * 8;
    const int v40 = v0 + v39;
    const bool v41 = (unsigned)v40 < 4u;
    const bool inside_1_ = v23 & v41;
    const int v42 = c_1_ * 24;
    const int w_at_ = v38 + v42;
    const int v43 = c_1_ * 160;
    const int b_shared_at_ = v28 + v43;
    cp_async_4(smem_address(&b_shared_[b_shared_at_]), &w_[w_at_], inside_1_);
  }
  cp_async_commit();
  const int v44 = v1 + 1;
  const int v45 = (unsigned)v44 % 3u;
  const int v46 = (unsigned)v44 / 3u;
  const int v47 = v1 + 16;
  const bool v48 = (unsigned)v47 < 3u;
  const int v49 = v46 * 8;
  const int v50 = v45 * 64;
  const int v51 = v49 + v50;
  #pragma unroll
  for (int c_2_ = 0; c_2_ < 2; c_2_++) {
    const int v52 = row_offset_[c_2_];
    const int v53 = row_h_[c_2_];
    const int v54 = row_w_[c_2_];
    const int v55 = v46 + v53;
    const int v56 = v55 + 5;
    const bool v57 = (unsigned)v56 < 8u;
    const bool v58 = (unsigned)v54 < 8u;
    const bool v59 = v48 & v57;
    const bool inside_2_ = v59 & v58;
    const int v60 = v51 + v52;
    const int x_at_1_ = v60 + 40;
    const int v61 = c_2_ * 160;
    const int v62 = v28 + v61;
    const int a_shared_at_1_ = v62 + 320;
    cp_async_4(smem_address(&a_shared_[a_shared_at_1_]), &x_[x_at_1_], inside_2_);
  }
  #pragma unroll
  for (int c_3_ = 0; c_3_ < 4; c_3_++) {
    const int v63 = c_3_ * 8;
    const int v64 = v0 + v63;
    const bool v65 = (unsigned)v64 < 4u;
    const bool inside_3_ = v48 & v65;
    const int v66 = c_3_ * 24;
    const int v67 = v38 + v66;
    const int w_at_1_ = v67 + 16;
    const int v68 = c_3_ * 160;
    const int v69 = v28 + v68;
    const int b_shared_at_1_ = v69 + 640;
    cp_async_4(smem_address(&b_shared_[b_shared_at_1_]), &w_[w_at_1_], inside_3_);
  }
  cp_async_commit();
  __align__(16) float acc_[4];
  #pragma unroll
  for (int r_ = 0; r_ < 4; r_++) {
    acc_[r_] = 0.0f;
  }
  const int v70 = v1 + 2;
  const int v71 = (unsigned)v70 % 3u;
  const int v72 = (unsigned)v70 / 3u;
  const int v73 = v1 + 32;
  const bool v74 = (unsigned)v73 < 3u;
  const int v75 = v72 * 8;
  const int v76 = v71 * 64;
  const int v77 = v75 + v76;
  const int v78 = (unsigned)thread_ / 8u;
  const int a_shared_at_2_ = v78 * 20;
  const int v79 = (unsigned)thread_ % 8u;
  const int v80 = v79 * 80;
  const int a_shared_at_3_ = a_shared_at_2_ + 4;
  const int a_shared_at_4_ = a_shared_at_2_ + 8;
  const int a_shared_at_5_ = a_shared_at_2_ + 12;
  for (int k_ = 0; k_ < 1; k_++) {
    cp_async_wait<1>();
    bar_sync<0, 128>();
    #pragma unroll
    for (int c_4_ = 0; c_4_ < 2; c_4_++) {
      const int v81 = row_offset_[c_4_];
      const int v82 = row_h_[c_4_];
      const int v83 = row_w_[c_4_];
      const int v84 = v72 + v82;
      const int v85 = v84 + 10;
      const bool v86 = (unsigned)v85 < 8u;
      const bool v87 = (unsigned)v83 < 8u;
      const bool v88 = v74 & v86;
      const bool inside_4_ = v88 & v87;
      const int v89 = v77 + v81;
      const int x_at_2_ = v89 + 80;
      const int v90 = c_4_ * 160;
      const int v91 = v28 + v90;
      const int a_shared_at_6_ = v91 + 640;
      cp_async_4(smem_address(&a_shared_[a_shared_at_6_]), &x_[x_at_2_], inside_4_);
    }
    #pragma unroll
    for (int c_5_ = 0; c_5_ < 4; c_5_++) {
      const int v92 = c_5_ * 8;
      const int v93 = v0 + v92;
      const bool v94 = (unsigned)v93 < 4u;
      const bool inside_5_ = v74 & v94;
      const int v95 = c_5_ * 24;
      const int v96 = v38 + v95;
      const int w_at_2_ = v96 + 32;
      const int v97 = c_5_ * 160;
      const int v98 = v28 + v97;
      const int b_shared_at_2_ = v98 + 1280;
      cp_async_4(smem_address(&b_shared_[b_shared_at_2_]), &w_[w_at_2_], inside_5_);
    }
    cp_async_commit();
    __align__(16) float a_frag_[4];
    *reinterpret_cast<vec16*>(&a_frag_[0]) = *reinterpret_cast<const vec16*>(&a_shared_[a_shared_at_2_]);
    __align__(16) float b_frag_[16];
    #pragma unroll
    for (int r_1_ = 0; r_1_ < 4; r_1_++) {
      const int v99 = r_1_ * 20;
      const int b_shared_at_3_ = v80 + v99;
      const int v100 = r_1_ * 4;
      *reinterpret_cast<vec16*>(&b_frag_[v100]) = *reinterpret_cast<const vec16*>(&b_shared_[b_shared_at_3_]);
    }
    #pragma unroll
    for (int k_1_ = 0; k_1_ < 4; k_1_++) {
      #pragma unroll
      for (int n_1_ = 0; n_1_ < 4; n_1_++) {
        const float v101 = a_frag_[k_1_];
        const int v102 = n_1_ * 4;
        const int v103 = k_1_ + v102;
        const float v104 = b_frag_[v103];
        const float v105 = acc_[n_1_];
        const float v106 = v101 * v104;
        const float v107 = v105 + v106;
        acc_[n_1_] = v107;
      }
    }
    __align__(16) float a_frag_1_[4];
    *reinterpret_cast<vec16*>(&a_frag_1_[0]) = *reinterpret_cast<const vec16*>(&a_shared_[a_shared_at_3_]);
    __align__(16) float b_frag_1_[16];
    #pragma unroll
    for (int r_2_ = 0; r_2_ < 4; r_2_++) {
      const int v108 = r_2_ * 20;
      const int v109 = v80 + v108;
      const int b_shared_at_4_ = v109 + 4;
      const int v110 = r_2_ * 4;
      *reinterpret_cast<vec16*>(&b_frag_1_[v110]) = *reinterpret_cast<const vec16*>(&b_shared_[b_shared_at_4_]);
    }
    #pragma unroll
    for (int k_2_ = 0; k_2_ < 4; k_2_++) {
      #pragma unroll
      for (int n_2_ = 0; n_2_ < 4; n_2_++) {
        const float v111 = a_frag_1_[k_2_];
        const int v112 = n_2_ * 4;
        const int v113 = k_2_ + v112;
        const float v114 = b_frag_1_[v113];
        const float v115 = acc_[n_2_];
        const float v116 = v111 * v114;
        const float v117 = v115 + v116;
        acc_[n_2_] = v117;
      }
    }
    __align__(16) float a_frag_2_[4];
    *reinterpret_cast<vec16*>(&a_frag_2_[0]) = *reinterpret_cast<const vec16*>(&a_shared_[a_shared_at_4_]);
    __align__(16) float b_frag_2_[16];
    #pragma unroll
    for (int r_3_ = 0; r_3_ < 4; r_3_++) {
      const int v118 = r_3_ * 20;
      const int v119 = v80 + v118;
      const int b_shared_at_5_ = v119 + 8;
      const int v120 = r_3_ * 4;
      *reinterpret_cast<vec16*>(&b_frag_2_[v120]) = *reinterpret_cast<const vec16*>(&b_shared_[b_shared_at_5_]);
    }
    #pragma unroll
    for (int k_3_ = 0; k_3_ < 4; k_3_++) {
      #pragma unroll
      for (int n_3_ = 0; n_3_ < 4; n_3_++) {
        const float v121 = a_frag_2_[k_3_];
        const int v122 = n_3_ * 4;
        const int v123 = k_3_ + v122;
        const float v124 = b_frag_2_[v123];
        const float v125 = acc_[n_3_];
        const float v126 = v121 * v124;
        const float v127 = v125 + v126;
        acc_[n_3_] = v127;
      }
    }
    __align__(16) float a_frag_3_[4];
    *reinterpret_cast<vec16*>(&a_frag_3_[0]) = *reinterpret_cast<const vec16*>(&a_shared_[a_shared_at_5_]);
    __align__(16) float b_frag_3_[16];
    #pragma unroll
    for (int r_4_ = 0; r_4_ < 4; r_4_++) {
      const int v128 = r_4_ * 20;
      const int v129 = v80 + v128;
      const int b_shared_at_6_ = v129 + 12;
      const int v130 = r_4_ * 4;
      *reinterpret_cast<vec16*>(&b_frag_3_[v130]) = *reinterpret_cast<const vec16*>(&b_shared_[b_shared_at_6_]);
    }
    #pragma unroll
    for (int k_4_ = 0; k_4_ < 4; k_4_++) {
      #pragma unroll
      for (int n_4_ = 0; n_4_ < 4; n_4_++) {
        const float v131 = a_frag_3_[k_4_];
        const int v132 = n_4_ * 4;
        const int v133 = k_4_ + v132;
        const float v134 = b_frag_3_[v133];
        const float v135 = acc_[n_4_];
        const float v136 = v131 * v134;
        const float v137 = v135 + v136;
        acc_[n_4_] = v137;
      }
    }
  }
  __align__(16) float rhs_tile_[4];
  const int v138 = v4 + v78;
  const bool v139 = (unsigned)v138 < (unsigned)v6;
  const int rhs_at_ = v79 * 4;
  const bool v140 = (unsigned)rhs_at_ < 4u;
  const bool inside_6_ = v139 & v140;
  #pragma unroll
  for (int e_ = 0; e_ < 4; e_++) {
    rhs_tile_[e_] = 0.0f;
  }
  if (inside_6_) *reinterpret_cast<vec16*>(&rhs_tile_[0]) = *reinterpret_cast<const vec16*>(&rhs_[rhs_at_]);
  #pragma unroll
  for (int r_5_ = 0; r_5_ < 4; r_5_++) {
    const float v141 = acc_[r_5_];
    const float v142 = rhs_tile_[r_5_];
    const float v143 = v141 + v142;
    const float v144 = max_nan(v143, 0.0f);
    acc_[r_5_] = v144;
  }
  const int v145 = tile_y * 64;
  const int v146 = v78 * 4;
  const int v147 = v145 + v146;
  const int y_at_ = v147 + rhs_at_;
  if (inside_6_) *reinterpret_cast<vec16*>(&y_[y_at_]) = *reinterpret_cast<const vec16*>(&acc_[0]);
}

extern "C" __global__ void __launch_bounds__(256) reduce_kernel(const float* __restrict__ x_, float* __restrict__ y_, int N_) {
  // GlobalAveragePool pool (GlobalAveragePool#2)
  const int thread_ = threadIdx.x;
  __align__(16) float r[2];
  #pragma unroll
  for (int r_ = 0; r_ < 2; r_++) {
    r[r_] = 0.0f;
  }
  __align__(16) int row_offset_[1];
  const int y_at_ = (unsigned)thread_ / 8u;
  const int v0 = (unsigned)thread_ % 8u;
  const int v1 = N_ * 4;
  const bool inside_ = (unsigned)y_at_ < (unsigned)v1;
  const int v2 = (unsigned)y_at_ % 4u;
  const int v3 = (unsigned)y_at_ / 4u;
  const int v4 = v3 * 64;
  const int v5 = v2 + v4;
  row_offset_[0] = v5;
  const int v6 = v0 * 4;
  for (int column_ = 0; column_ < 16; column_ += 16) {
    __align__(16) float x_tile_[2];
    #pragma unroll
    for (int r_1_ = 0; r_1_ < 2; r_1_++) {
      const int v7 = row_offset_[0];
      x_tile_[r_1_] = 0.0f;
      const int v8 = v6 + v7;
      const int v9 = r_1_ * 32;
      const int x_at_ = v8 + v9;
      if (inside_) x_tile_[r_1_] = x_[x_at_];
    }
    #pragma unroll
    for (int r_2_ = 0; r_2_ < 2; r_2_++) {
      const float v10 = r[r_2_];
      const float v11 = x_tile_[r_2_];
      const float v12 = v10 + v11;
      r[r_2_] = v12;
    }
  }
  __align__(16) float r_1[1];
  r_1[0] = 0.0f;
  #pragma unroll
  for (int r_3_ = 0; r_3_ < 2; r_3_++) {
    const float v13 = r[r_3_];
    const float v14 = r_1[0];
    const float v15 = v14 + v13;
    r_1[0] = v15;
  }
  const float v16 = r_1[0];
  const float v17 = __shfl_xor_sync(0xffffffffu, v16, 1);
  const float v18 = v16 + v17;
  const float v19 = __shfl_xor_sync(0xffffffffu, v18, 2);
  const float v20 = v18 + v19;
  const float v21 = __shfl_xor_sync(0xffffffffu, v20, 4);
  const float v22 = v20 + v21;
  r_1[0] = v22;
  const float v23 = r_1[0];
  const float v24 = (float)(16);
  const float v25 = v23 / v24;
  r_1[0] = v25;
  const bool v26 = (unsigned)v0 < 1u;
  const bool inside_1_ = inside_ & v26;
  if (inside_1_) y_[y_at_] = r_1[0];
}

extern "C" __global__ void __launch_bounds__(128, 1) matmul_kernel(const float* __restrict__ a_, const float* __restrict__ b_, float* __restrict__ y_, int N_) {
  extern __shared__ __align__(1024) unsigned char smem[];
  // MatMul fc (MatMul#3)
  const int thread_ = threadIdx.x;
  float* const a_shared_ = reinterpret_cast<float*>(smem + 0);
  float* const b_shared_ = reinterpret_cast<float*>(smem + 3840);
  const bool v0 = (unsigned)thread_ < 64u;
  const int v1 = (unsigned)thread_ / 4u;
  const int v2 = (unsigned)thread_ % 4u;
  const bool v3 = (unsigned)v1 < (unsigned)N_;
  const int v4 = v2 * 4;
  const bool v5 = (unsigned)v4 < 4u;
  const bool inside_ = v3 & v5;
  const int v6 = v1 * 4;
  const int a_at_ = v6 + v4;
  const int v7 = v1 * 20;
  const int a_shared_at_ = v7 + v4;
  if (v0) {
    cp_async_16(smem_address(&a_shared_[a_shared_at_]), &a_[a_at_], inside_);
  }
  const bool v8 = (unsigned)v1 < 2u;
  const bool inside_1_ = v8 & v5;
  cp_async_16(smem_address(&b_shared_[a_shared_at_]), &b_[a_at_], inside_1_);
  cp_async_commit();
  const int v9 = v4 + 16;
  const bool v10 = (unsigned)v9 < 4u;
  const bool inside_2_ = v3 & v10;
  const int a_at_1_ = a_at_ + 16;
  const int a_shared_at_1_ = a_shared_at_ + 320;
  if (v0) {
    cp_async_16(smem_address(&a_shared_[a_shared_at_1_]), &a_[a_at_1_], inside_2_);
  }
  const bool inside_3_ = v8 & v10;
  const int b_shared_at_ = a_shared_at_ + 640;
  cp_async_16(smem_address(&b_shared_[b_shared_at_]), &b_[a_at_1_], inside_3_);
  cp_async_commit();
  __align__(16) float acc_[4];
  #pragma unroll
  for (int r_ = 0; r_ < 4; r_++) {
    acc_[r_] = 0.0f;
  }
  const int v11 = v4 + 32;
  const bool v12 = (unsigned)v11 < 4u;
  const bool inside_4_ = v3 & v12;
  const int a_at_2_ = a_at_ + 32;
  const bool inside_5_ = v8 & v12;
  const int b_shared_at_1_ = a_shared_at_ + 1280;
  const int v13 = (unsigned)thread_ / 8u;
  const int a_shared_at_2_ = v13 * 20;
  const int v14 = (unsigned)thread_ % 8u;
  const int v15 = v14 * 80;
  const int a_shared_at_3_ = a_shared_at_2_ + 4;
  const int a_shared_at_4_ = a_shared_at_2_ + 8;
  const int a_shared_at_5_ = a_shared_at_2_ + 12;
  for (int k_ = 0; k_ < 1; k_++) {
    cp_async_wait<1>();
    bar_sync<0, 128>();
    if (v0) {
      cp_async_16(smem_address(&a_shared_[b_shared_at_]), &a_[a_at_2_], inside_4_);
    }
    cp_async_16(smem_address(&b_shared_[b_shared_at_1_]), &b_[a_at_2_], inside_5_);
    cp_async_commit();
    __align__(16) float a_frag_[4];
    *reinterpret_cast<vec16*>(&a_frag_[0]) = *reinterpret_cast<const vec16*>(&a_shared_[a_shared_at_2_]);
    __align__(16) float b_frag_[16];
    #pragma unroll
    for (int r_1_ = 0; r_1_ < 4; r_1_++) {
      const int v16 = r_1_ * 20;
      const int b_shared_at_2_ = v15 + v16;
      const int v17 = r_1_ * 4;
      *reinterpret_cast<vec16*>(&b_frag_[v17]) = *reinterpret_cast<const vec16*>(&b_shared_[b_shared_at_2_]);
    }
    #pragma unroll
    for (int k_1_ = 0; k_1_ < 4; k_1_++) {
      #pragma unroll
      for (int n_ = 0; n_ < 4; n_++) {
        const float v18 = a_frag_[k_1_];
        const int v19 = n_ * 4;
        const int v20 = k_1_ + v19;
        const float v21 = b_frag_[v20];
        const float v22 = acc_[n_];
        const float v23 = v18 * v21;
        const float v24 = v22 + v23;
        acc_[n_] = v24;
      }
    }
    __align__(16) float a_frag_1_[4];
    *reinterpret_cast<vec16*>(&a_frag_1_[0]) = *reinterpret_cast<const vec16*>(&a_shared_[a_shared_at_3_]);
    __align__(16) float b_frag_1_[16];
    #pragma unroll
    for (int r_2_ = 0; r_2_ < 4; r_2_++) {
      const int v25 = r_2_ * 20;
      const int v26 = v15 + v25;
      const int b_shared_at_3_ = v26 + 4;
      const int v27 = r_2_ * 4;
      *reinterpret_cast<vec16*>(&b_frag_1_[v27]) = *reinterpret_cast<const vec16*>(&b_shared_[b_shared_at_3_]);
    }
    #pragma unroll
    for (int k_2_ = 0; k_2_ < 4; k_2_++) {
      #pragma unroll
      for (int n_1_ = 0; n_1_ < 4; n_1_++) {
        const float v28 = a_frag_1_[k_2_];
        const int v29 = n_1_ * 4;
        const int v30 = k_2_ + v29;
        const float v31 = b_frag_1_[v30];
        const float v32 = acc_[n_1_];
        const float v33 = v28 * v31;
        const float v34 = v32 + v33;
        acc_[n_1_] = v34;
      }
    }
    __align__(16) float a_frag_2_[4];
    *reinterpret_cast<vec16*>(&a_frag_2_[0]) = *reinterpret_cast<const vec16*>(&a_shared_[a_shared_at_4_]);
    __align__(16) float b_frag_2_[16];
    #pragma unroll
    for (int r_3_ = 0; r_3_ < 4; r_3_++) {
      const int v35 = r_3_ * 20;
      const int v36 = v15 + v35;
      const int b_shared_at_4_ = v36 + 8;
      const int v37 = r_3_ * 4;
      *reinterpret_cast<vec16*>(&b_frag_2_[v37]) = *reinterpret_cast<const vec16*>(&b_shared_[b_shared_at_4_]);
    }
    #pragma unroll
    for (int k_3_ = 0; k_3_ < 4; k_3_++) {
      #pragma unroll
      for (int n_2_ = 0; n_2_ < 4; n_2_++) {
        const float v38 = a_frag_2_[k_3_];
        const int v39 = n_2_ * 4;
        const int v40 = k_3_ + v39;
        const float v41 = b_frag_2_[v40];
        const float v42 = acc_[n_2_];
        const float v43 = v38 * v41;
        const float v44 = v42 + v43;
        acc_[n_2_] = v44;
      }
    }
    __align__(16) float a_frag_3_[4];
    *reinterpret_cast<vec16*>(&a_frag_3_[0]) = *reinterpret_cast<const vec16*>(&a_shared_[a_shared_at_5_]);
    __align__(16) float b_frag_3_[16];
    #pragma unroll
    for (int r_4_ = 0; r_4_ < 4; r_4_++) {
      const int v45 = r_4_ * 20;
      const int v46 = v15 + v45;
      const int b_shared_at_5_ = v46 + 12;
      const int v47 = r_4_ * 4;
      *reinterpret_cast<vec16*>(&b_frag_3_[v47]) = *reinterpret_cast<const vec16*>(&b_shared_[b_shared_at_5_]);
    }
    #pragma unroll
    for (int k_4_ = 0; k_4_ < 4; k_4_++) {
      #pragma unroll
      for (int n_3_ = 0; n_3_ < 4; n_3_++) {
        const float v48 = a_frag_3_[k_4_];
        const int v49 = n_3_ * 4;
        const int v50 = k_4_ + v49;
        const float v51 = b_frag_3_[v50];
        const float v52 = acc_[n_3_];
        const float v53 = v48 * v51;
        const float v54 = v52 + v53;
        acc_[n_3_] = v54;
      }
    }
  }
  const bool v55 = (unsigned)v13 < (unsigned)N_;
  const int v56 = v14 * 4;
  const int v57 = v13 * 2;
  const int v58 = v57 + v56;
  #pragma unroll
  for (int r_5_ = 0; r_5_ < 2; r_5_++) {
    const int v59 = r_5_ * 2;
    const int v60 = v56 + v59;
    const bool v61 = (unsigned)v60 < 2u;
    const bool inside_6_ = v55 & v61;
    const int y_at_ = v58 + v59;
    if (inside_6_) *reinterpret_cast<vec8*>(&y_[y_at_]) = *reinterpret_cast<const vec8*>(&acc_[v59]);
  }
}

extern "C" __global__ void __launch_bounds__(128) softmax_kernel(const float* __restrict__ x_, float* __restrict__ y_, int N_) {
  const int tile_x = blockIdx.x;
  // Softmax softmax (Softmax#4)
  const int thread_ = threadIdx.x;
  __align__(16) float x_tile_[2];
  const int warp_ = (unsigned)thread_ / 32u;
  const int lane_ = (unsigned)thread_ % 32u;
  const int v0 = tile_x * 4;
  const int v1 = v0 + warp_;
  const bool v2 = (unsigned)v1 < (unsigned)N_;
  const int v3 = lane_ * 2;
  const bool v4 = (unsigned)v3 < 2u;
  const bool inside_ = v2 & v4;
  #pragma unroll
  for (int e_ = 0; e_ < 2; e_++) {
    x_tile_[e_] = -__int_as_float(0x7f800000);
  }
  const int v5 = tile_x * 8;
  const int v6 = warp_ * 2;
  const int v7 = v5 + v6;
  const int x_at_ = v7 + v3;
  if (inside_) *reinterpret_cast<vec8*>(&x_tile_[0]) = *reinterpret_cast<const vec8*>(&x_[x_at_]);
  __align__(16) float r[1];
  r[0] = -__int_as_float(0x7f800000);
  #pragma unroll
  for (int r_ = 0; r_ < 2; r_++) {
    const float v8 = x_tile_[r_];
    const float v9 = r[0];
    const float v10 = max_nan(v9, v8);
    r[0] = v10;
  }
  const float v11 = r[0];
  const float v12 = __shfl_xor_sync(0xffffffffu, v11, 1);
  const float v13 = max_nan(v11, v12);
  const float v14 = __shfl_xor_sync(0xffffffffu, v13, 2);
  const float v15 = max_nan(v13, v14);
  const float v16 = __shfl_xor_sync(0xffffffffu, v15, 4);
  const float v17 = max_nan(v15, v16);
  const float v18 = __shfl_xor_sync(0xffffffffu, v17, 8);
  const float v19 = max_nan(v17, v18);
  const float v20 = __shfl_xor_sync(0xffffffffu, v19, 16);
  const float v21 = max_nan(v19, v20);
  r[0] = v21;
  __align__(16) float r_1[2];
  #pragma unroll
  for (int r_1_ = 0; r_1_ < 2; r_1_++) {
    const float v22 = x_tile_[r_1_];
    const float v23 = r[0];
    const float v24 = v22 - v23;
    const float v25 = expf(v24);
    r_1[r_1_] = v25;
  }
  __align__(16) float r_2[1];
  r_2[0] = 0.0f;
  #pragma unroll
  for (int r_2_ = 0; r_2_ < 2; r_2_++) {
    const float v26 = r_1[r_2_];
    const float v27 = r_2[0];
    const float v28 = v27 + v26;
    r_2[0] = v28;
  }
  const float v29 = r_2[0];
  const float v30 = __shfl_xor_sync(0xffffffffu, v29, 1);
  const float v31 = v29 + v30;
  const float v32 = __shfl_xor_sync(0xffffffffu, v31, 2);
  const float v33 = v31 + v32;
  const float v34 = __shfl_xor_sync(0xffffffffu, v33, 4);
  const float v35 = v33 + v34;
  const float v36 = __shfl_xor_sync(0xffffffffu, v35, 8);
  const float v37 = v35 + v36;
  const float v38 = __shfl_xor_sync(0xffffffffu, v37, 16);
  const float v39 = v37 + v38;
  r_2[0] = v39;
  const float v40 = r_2[0];
  const float v41 = 1.0f / v40;
  r_2[0] = v41;
  __align__(16) float r_3[2];
  #pragma unroll
  for (int r_3_ = 0; r_3_ < 2; r_3_++) {
    const float v42 = r_1[r_3_];
    const float v43 = r_2[0];
    const float v44 = v42 * v43;
    r_3[r_3_] = v44;
  }
  if (inside_) *reinterpret_cast<vec8*>(&y_[x_at_]) = *reinterpret_cast<const vec8*>(&r_3[0]);
}
