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

extern "C" __global__ void __launch_bounds__(128, 1) conv_add_relu(const float* __restrict__ x, const float* __restrict__ w, const float* __restrict__ rhs, float* __restrict__ y, int N) {
  extern __shared__ __align__(1024) unsigned char smem[];
  const int tile_y = blockIdx.y;
  // Conv conv (Conv#0), Relu relu (Relu#1)
  const int thread = threadIdx.x;
  float* const a_shared = reinterpret_cast<float*>(smem + 0);
  float* const b_shared = reinterpret_cast<float*>(smem + 3840);
  __align__(16) int row_offset[2];
  __align__(16) int row_h[2];
  __align__(16) int row_w[2];
  const int v0 = (unsigned)thread / 16u;
  const int v1 = (unsigned)thread % 16u;
  const int v2 = (unsigned)v0 % 4u;
  const int v3 = (unsigned)v0 / 4u;
  const int v4 = tile_y * 16;
  const int v5 = v4 + v0;
  const int v6 = N * 16;
  const int v7 = tile_y * 192;
  const int v8 = v3 * 16;
  const int v9 = v7 + v8;
  const int v10 = v2 * 2;
  const int v11 = v9 + v10;
  const int v12 = v3 * 2;
  #pragma unroll
  for (int n = 0; n < 2; n++) {
    const int v13 = n * 8;
    const int v14 = v5 + v13;
    const bool v15 = (unsigned)v14 < (unsigned)v6;
    const int v16 = n * 32;
    const int v17 = v11 + v16;
    row_offset[n] = v17;
    const int v18 = n * 4;
    const int v19 = v12 + v18;
    const int v20 = v15 ? v19 : -536870912;
    row_h[n] = v20;
    row_w[n] = v10;
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
  for (int c = 0; c < 2; c++) {
    const int v29 = row_offset[c];
    const int v30 = row_h[c];
    const int v31 = row_w[c];
    const int v32 = v22 + v30;
    const bool v33 = (unsigned)v32 < 8u;
    const bool v34 = (unsigned)v31 < 8u;
    const bool v35 = v23 & v33;
    const bool inside = v35 & v34;
    const int x_at = v26 + v29;
    const int v36 = c * 160;
    const int a_shared_at = v28 + v36;
    cp_async_4(smem_address(&a_shared[a_shared_at]), &x[x_at], inside);
  }
  const int v37 = v0 * 3;
  const int v38 = v37 + v1;
  #pragma unroll
  for (int c_1 = 0; c_1 < 4; c_1++) {
    const int v39 = c_1 * 8;
    const int v40 = v0 + v39;
    const bool v41 = (unsigned)v40 < 4u;
    const bool inside_1 = v23 & v41;
    const int v42 = c_1 * 24;
    const int w_at = v38 + v42;
    const int v43 = c_1 * 160;
    const int b_shared_at = v28 + v43;
    cp_async_4(smem_address(&b_shared[b_shared_at]), &w[w_at], inside_1);
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
  for (int c_2 = 0; c_2 < 2; c_2++) {
    const int v52 = row_offset[c_2];
    const int v53 = row_h[c_2];
    const int v54 = row_w[c_2];
    const int v55 = v46 + v53;
    const int v56 = v55 + 5;
    const bool v57 = (unsigned)v56 < 8u;
    const bool v58 = (unsigned)v54 < 8u;
    const bool v59 = v48 & v57;
    const bool inside_2 = v59 & v58;
    const int v60 = v51 + v52;
    const int x_at_1 = v60 + 40;
    const int v61 = c_2 * 160;
    const int v62 = v28 + v61;
    const int a_shared_at_1 = v62 + 320;
    cp_async_4(smem_address(&a_shared[a_shared_at_1]), &x[x_at_1], inside_2);
  }
  #pragma unroll
  for (int c_3 = 0; c_3 < 4; c_3++) {
    const int v63 = c_3 * 8;
    const int v64 = v0 + v63;
    const bool v65 = (unsigned)v64 < 4u;
    const bool inside_3 = v48 & v65;
    const int v66 = c_3 * 24;
    const int v67 = v38 + v66;
    const int w_at_1 = v67 + 16;
    const int v68 = c_3 * 160;
    const int v69 = v28 + v68;
    const int b_shared_at_1 = v69 + 640;
    cp_async_4(smem_address(&b_shared[b_shared_at_1]), &w[w_at_1], inside_3);
  }
  cp_async_commit();
  __align__(16) float acc[4];
  #pragma unroll
  for (int r = 0; r < 4; r++) {
    acc[r] = 0.0f;
  }
  const int v70 = v1 + 2;
  const int v71 = (unsigned)v70 % 3u;
  const int v72 = (unsigned)v70 / 3u;
  const int v73 = v1 + 32;
  const bool v74 = (unsigned)v73 < 3u;
  const int v75 = v72 * 8;
  const int v76 = v71 * 64;
  const int v77 = v75 + v76;
  const int v78 = (unsigned)thread / 8u;
  const int a_shared_at_2 = v78 * 20;
  const int v79 = (unsigned)thread % 8u;
  const int v80 = v79 * 80;
  const int a_shared_at_3 = a_shared_at_2 + 4;
  const int a_shared_at_4 = a_shared_at_2 + 8;
  const int a_shared_at_5 = a_shared_at_2 + 12;
  for (int k = 0; k < 1; k++) {
    cp_async_wait<1>();
    bar_sync<0, 128>();
    #pragma unroll
    for (int c_4 = 0; c_4 < 2; c_4++) {
      const int v81 = row_offset[c_4];
      const int v82 = row_h[c_4];
      const int v83 = row_w[c_4];
      const int v84 = v72 + v82;
      const int v85 = v84 + 10;
      const bool v86 = (unsigned)v85 < 8u;
      const bool v87 = (unsigned)v83 < 8u;
      const bool v88 = v74 & v86;
      const bool inside_4 = v88 & v87;
      const int v89 = v77 + v81;
      const int x_at_2 = v89 + 80;
      const int v90 = c_4 * 160;
      const int v91 = v28 + v90;
      const int a_shared_at_6 = v91 + 640;
      cp_async_4(smem_address(&a_shared[a_shared_at_6]), &x[x_at_2], inside_4);
    }
    #pragma unroll
    for (int c_5 = 0; c_5 < 4; c_5++) {
      const int v92 = c_5 * 8;
      const int v93 = v0 + v92;
      const bool v94 = (unsigned)v93 < 4u;
      const bool inside_5 = v74 & v94;
      const int v95 = c_5 * 24;
      const int v96 = v38 + v95;
      const int w_at_2 = v96 + 32;
      const int v97 = c_5 * 160;
      const int v98 = v28 + v97;
      const int b_shared_at_2 = v98 + 1280;
      cp_async_4(smem_address(&b_shared[b_shared_at_2]), &w[w_at_2], inside_5);
    }
    cp_async_commit();
    __align__(16) float a_frag[4];
    *reinterpret_cast<vec16*>(&a_frag[0]) = *reinterpret_cast<const vec16*>(&a_shared[a_shared_at_2]);
    __align__(16) float b_frag[16];
    #pragma unroll
    for (int r_1 = 0; r_1 < 4; r_1++) {
      const int v99 = r_1 * 20;
      const int b_shared_at_3 = v80 + v99;
      const int v100 = r_1 * 4;
      *reinterpret_cast<vec16*>(&b_frag[v100]) = *reinterpret_cast<const vec16*>(&b_shared[b_shared_at_3]);
    }
    #pragma unroll
    for (int k_1 = 0; k_1 < 4; k_1++) {
      #pragma unroll
      for (int n_1 = 0; n_1 < 4; n_1++) {
        const float v101 = a_frag[k_1];
        const int v102 = n_1 * 4;
        const int v103 = k_1 + v102;
        const float v104 = b_frag[v103];
        const float v105 = acc[n_1];
        const float v106 = v101 * v104;
        const float v107 = v105 + v106;
        acc[n_1] = v107;
      }
    }
    __align__(16) float a_frag_1[4];
    *reinterpret_cast<vec16*>(&a_frag_1[0]) = *reinterpret_cast<const vec16*>(&a_shared[a_shared_at_3]);
    __align__(16) float b_frag_1[16];
    #pragma unroll
    for (int r_2 = 0; r_2 < 4; r_2++) {
      const int v108 = r_2 * 20;
      const int v109 = v80 + v108;
      const int b_shared_at_4 = v109 + 4;
      const int v110 = r_2 * 4;
      *reinterpret_cast<vec16*>(&b_frag_1[v110]) = *reinterpret_cast<const vec16*>(&b_shared[b_shared_at_4]);
    }
    #pragma unroll
    for (int k_2 = 0; k_2 < 4; k_2++) {
      #pragma unroll
      for (int n_2 = 0; n_2 < 4; n_2++) {
        const float v111 = a_frag_1[k_2];
        const int v112 = n_2 * 4;
        const int v113 = k_2 + v112;
        const float v114 = b_frag_1[v113];
        const float v115 = acc[n_2];
        const float v116 = v111 * v114;
        const float v117 = v115 + v116;
        acc[n_2] = v117;
      }
    }
    __align__(16) float a_frag_2[4];
    *reinterpret_cast<vec16*>(&a_frag_2[0]) = *reinterpret_cast<const vec16*>(&a_shared[a_shared_at_4]);
    __align__(16) float b_frag_2[16];
    #pragma unroll
    for (int r_3 = 0; r_3 < 4; r_3++) {
      const int v118 = r_3 * 20;
      const int v119 = v80 + v118;
      const int b_shared_at_5 = v119 + 8;
      const int v120 = r_3 * 4;
      *reinterpret_cast<vec16*>(&b_frag_2[v120]) = *reinterpret_cast<const vec16*>(&b_shared[b_shared_at_5]);
    }
    #pragma unroll
    for (int k_3 = 0; k_3 < 4; k_3++) {
      #pragma unroll
      for (int n_3 = 0; n_3 < 4; n_3++) {
        const float v121 = a_frag_2[k_3];
        const int v122 = n_3 * 4;
        const int v123 = k_3 + v122;
        const float v124 = b_frag_2[v123];
        const float v125 = acc[n_3];
        const float v126 = v121 * v124;
        const float v127 = v125 + v126;
        acc[n_3] = v127;
      }
    }
    __align__(16) float a_frag_3[4];
    *reinterpret_cast<vec16*>(&a_frag_3[0]) = *reinterpret_cast<const vec16*>(&a_shared[a_shared_at_5]);
    __align__(16) float b_frag_3[16];
    #pragma unroll
    for (int r_4 = 0; r_4 < 4; r_4++) {
      const int v128 = r_4 * 20;
      const int v129 = v80 + v128;
      const int b_shared_at_6 = v129 + 12;
      const int v130 = r_4 * 4;
      *reinterpret_cast<vec16*>(&b_frag_3[v130]) = *reinterpret_cast<const vec16*>(&b_shared[b_shared_at_6]);
    }
    #pragma unroll
    for (int k_4 = 0; k_4 < 4; k_4++) {
      #pragma unroll
      for (int n_4 = 0; n_4 < 4; n_4++) {
        const float v131 = a_frag_3[k_4];
        const int v132 = n_4 * 4;
        const int v133 = k_4 + v132;
        const float v134 = b_frag_3[v133];
        const float v135 = acc[n_4];
        const float v136 = v131 * v134;
        const float v137 = v135 + v136;
        acc[n_4] = v137;
      }
    }
  }
  __align__(16) float rhs_tile[4];
  const int v138 = v4 + v78;
  const bool v139 = (unsigned)v138 < (unsigned)v6;
  const int rhs_at = v79 * 4;
  const bool v140 = (unsigned)rhs_at < 4u;
  const bool inside_6 = v139 & v140;
  #pragma unroll
  for (int e = 0; e < 4; e++) {
    rhs_tile[e] = 0.0f;
  }
  if (inside_6) *reinterpret_cast<vec16*>(&rhs_tile[0]) = *reinterpret_cast<const vec16*>(&rhs[rhs_at]);
  #pragma unroll
  for (int r_5 = 0; r_5 < 4; r_5++) {
    const float v141 = acc[r_5];
    const float v142 = rhs_tile[r_5];
    const float v143 = v141 + v142;
    const float v144 = max_nan(v143, 0.0f);
    acc[r_5] = v144;
  }
  const int v145 = tile_y * 64;
  const int v146 = v78 * 4;
  const int v147 = v145 + v146;
  const int y_at = v147 + rhs_at;
  if (inside_6) *reinterpret_cast<vec16*>(&y[y_at]) = *reinterpret_cast<const vec16*>(&acc[0]);
}

extern "C" __global__ void __launch_bounds__(256) reduce(const float* __restrict__ x, float* __restrict__ y, int N) {
  // GlobalAveragePool pool (GlobalAveragePool#2)
  const int thread = threadIdx.x;
  __align__(16) float r[2];
  #pragma unroll
  for (int r_1 = 0; r_1 < 2; r_1++) {
    r[r_1] = 0.0f;
  }
  __align__(16) int row_offset[1];
  const int y_at = (unsigned)thread / 8u;
  const int v0 = (unsigned)thread % 8u;
  const int v1 = N * 4;
  const bool inside = (unsigned)y_at < (unsigned)v1;
  const int v2 = (unsigned)y_at % 4u;
  const int v3 = (unsigned)y_at / 4u;
  const int v4 = v3 * 64;
  const int v5 = v2 + v4;
  row_offset[0] = v5;
  const int v6 = v0 * 4;
  for (int column = 0; column < 16; column += 16) {
    __align__(16) float x_tile[2];
    #pragma unroll
    for (int r_2 = 0; r_2 < 2; r_2++) {
      const int v7 = row_offset[0];
      x_tile[r_2] = 0.0f;
      const int v8 = v6 + v7;
      const int v9 = r_2 * 32;
      const int x_at = v8 + v9;
      if (inside) x_tile[r_2] = x[x_at];
    }
    #pragma unroll
    for (int r_3 = 0; r_3 < 2; r_3++) {
      const float v10 = r[r_3];
      const float v11 = x_tile[r_3];
      const float v12 = v10 + v11;
      r[r_3] = v12;
    }
  }
  __align__(16) float r_4[1];
  r_4[0] = 0.0f;
  #pragma unroll
  for (int r_5 = 0; r_5 < 2; r_5++) {
    const float v13 = r[r_5];
    const float v14 = r_4[0];
    const float v15 = v14 + v13;
    r_4[0] = v15;
  }
  const float v16 = r_4[0];
  const float v17 = __shfl_xor_sync(0xffffffffu, v16, 1);
  const float v18 = v16 + v17;
  const float v19 = __shfl_xor_sync(0xffffffffu, v18, 2);
  const float v20 = v18 + v19;
  const float v21 = __shfl_xor_sync(0xffffffffu, v20, 4);
  const float v22 = v20 + v21;
  r_4[0] = v22;
  const float v23 = r_4[0];
  const float v24 = (float)(16);
  const float v25 = v23 / v24;
  r_4[0] = v25;
  const bool v26 = (unsigned)v0 < 1u;
  const bool inside_1 = inside & v26;
  if (inside_1) y[y_at] = r_4[0];
}

extern "C" __global__ void __launch_bounds__(128, 1) matmul(const float* __restrict__ a, const float* __restrict__ b, float* __restrict__ y, int N) {
  extern __shared__ __align__(1024) unsigned char smem[];
  // MatMul fc (MatMul#3)
  const int thread = threadIdx.x;
  float* const a_shared = reinterpret_cast<float*>(smem + 0);
  float* const b_shared = reinterpret_cast<float*>(smem + 3840);
  const bool v0 = (unsigned)thread < 64u;
  const int v1 = (unsigned)thread / 4u;
  const int v2 = (unsigned)thread % 4u;
  const bool v3 = (unsigned)v1 < (unsigned)N;
  const int v4 = v2 * 4;
  const bool v5 = (unsigned)v4 < 4u;
  const bool inside = v3 & v5;
  const int v6 = v1 * 4;
  const int a_at = v6 + v4;
  const int v7 = v1 * 20;
  const int a_shared_at = v7 + v4;
  if (v0) {
    cp_async_16(smem_address(&a_shared[a_shared_at]), &a[a_at], inside);
  }
  const bool v8 = (unsigned)v1 < 2u;
  const bool inside_1 = v8 & v5;
  cp_async_16(smem_address(&b_shared[a_shared_at]), &b[a_at], inside_1);
  cp_async_commit();
  const int v9 = v4 + 16;
  const bool v10 = (unsigned)v9 < 4u;
  const bool inside_2 = v3 & v10;
  const int a_at_1 = a_at + 16;
  const int a_shared_at_1 = a_shared_at + 320;
  if (v0) {
    cp_async_16(smem_address(&a_shared[a_shared_at_1]), &a[a_at_1], inside_2);
  }
  const bool inside_3 = v8 & v10;
  const int b_shared_at = a_shared_at + 640;
  cp_async_16(smem_address(&b_shared[b_shared_at]), &b[a_at_1], inside_3);
  cp_async_commit();
  __align__(16) float acc[4];
  #pragma unroll
  for (int r = 0; r < 4; r++) {
    acc[r] = 0.0f;
  }
  const int v11 = v4 + 32;
  const bool v12 = (unsigned)v11 < 4u;
  const bool inside_4 = v3 & v12;
  const int a_at_2 = a_at + 32;
  const bool inside_5 = v8 & v12;
  const int b_shared_at_1 = a_shared_at + 1280;
  const int v13 = (unsigned)thread / 8u;
  const int a_shared_at_2 = v13 * 20;
  const int v14 = (unsigned)thread % 8u;
  const int v15 = v14 * 80;
  const int a_shared_at_3 = a_shared_at_2 + 4;
  const int a_shared_at_4 = a_shared_at_2 + 8;
  const int a_shared_at_5 = a_shared_at_2 + 12;
  for (int k = 0; k < 1; k++) {
    cp_async_wait<1>();
    bar_sync<0, 128>();
    if (v0) {
      cp_async_16(smem_address(&a_shared[b_shared_at]), &a[a_at_2], inside_4);
    }
    cp_async_16(smem_address(&b_shared[b_shared_at_1]), &b[a_at_2], inside_5);
    cp_async_commit();
    __align__(16) float a_frag[4];
    *reinterpret_cast<vec16*>(&a_frag[0]) = *reinterpret_cast<const vec16*>(&a_shared[a_shared_at_2]);
    __align__(16) float b_frag[16];
    #pragma unroll
    for (int r_1 = 0; r_1 < 4; r_1++) {
      const int v16 = r_1 * 20;
      const int b_shared_at_2 = v15 + v16;
      const int v17 = r_1 * 4;
      *reinterpret_cast<vec16*>(&b_frag[v17]) = *reinterpret_cast<const vec16*>(&b_shared[b_shared_at_2]);
    }
    #pragma unroll
    for (int k_1 = 0; k_1 < 4; k_1++) {
      #pragma unroll
      for (int n = 0; n < 4; n++) {
        const float v18 = a_frag[k_1];
        const int v19 = n * 4;
        const int v20 = k_1 + v19;
        const float v21 = b_frag[v20];
        const float v22 = acc[n];
        const float v23 = v18 * v21;
        const float v24 = v22 + v23;
        acc[n] = v24;
      }
    }
    __align__(16) float a_frag_1[4];
    *reinterpret_cast<vec16*>(&a_frag_1[0]) = *reinterpret_cast<const vec16*>(&a_shared[a_shared_at_3]);
    __align__(16) float b_frag_1[16];
    #pragma unroll
    for (int r_2 = 0; r_2 < 4; r_2++) {
      const int v25 = r_2 * 20;
      const int v26 = v15 + v25;
      const int b_shared_at_3 = v26 + 4;
      const int v27 = r_2 * 4;
      *reinterpret_cast<vec16*>(&b_frag_1[v27]) = *reinterpret_cast<const vec16*>(&b_shared[b_shared_at_3]);
    }
    #pragma unroll
    for (int k_2 = 0; k_2 < 4; k_2++) {
      #pragma unroll
      for (int n_1 = 0; n_1 < 4; n_1++) {
        const float v28 = a_frag_1[k_2];
        const int v29 = n_1 * 4;
        const int v30 = k_2 + v29;
        const float v31 = b_frag_1[v30];
        const float v32 = acc[n_1];
        const float v33 = v28 * v31;
        const float v34 = v32 + v33;
        acc[n_1] = v34;
      }
    }
    __align__(16) float a_frag_2[4];
    *reinterpret_cast<vec16*>(&a_frag_2[0]) = *reinterpret_cast<const vec16*>(&a_shared[a_shared_at_4]);
    __align__(16) float b_frag_2[16];
    #pragma unroll
    for (int r_3 = 0; r_3 < 4; r_3++) {
      const int v35 = r_3 * 20;
      const int v36 = v15 + v35;
      const int b_shared_at_4 = v36 + 8;
      const int v37 = r_3 * 4;
      *reinterpret_cast<vec16*>(&b_frag_2[v37]) = *reinterpret_cast<const vec16*>(&b_shared[b_shared_at_4]);
    }
    #pragma unroll
    for (int k_3 = 0; k_3 < 4; k_3++) {
      #pragma unroll
      for (int n_2 = 0; n_2 < 4; n_2++) {
        const float v38 = a_frag_2[k_3];
        const int v39 = n_2 * 4;
        const int v40 = k_3 + v39;
        const float v41 = b_frag_2[v40];
        const float v42 = acc[n_2];
        const float v43 = v38 * v41;
        const float v44 = v42 + v43;
        acc[n_2] = v44;
      }
    }
    __align__(16) float a_frag_3[4];
    *reinterpret_cast<vec16*>(&a_frag_3[0]) = *reinterpret_cast<const vec16*>(&a_shared[a_shared_at_5]);
    __align__(16) float b_frag_3[16];
    #pragma unroll
    for (int r_4 = 0; r_4 < 4; r_4++) {
      const int v45 = r_4 * 20;
      const int v46 = v15 + v45;
      const int b_shared_at_5 = v46 + 12;
      const int v47 = r_4 * 4;
      *reinterpret_cast<vec16*>(&b_frag_3[v47]) = *reinterpret_cast<const vec16*>(&b_shared[b_shared_at_5]);
    }
    #pragma unroll
    for (int k_4 = 0; k_4 < 4; k_4++) {
      #pragma unroll
      for (int n_3 = 0; n_3 < 4; n_3++) {
        const float v48 = a_frag_3[k_4];
        const int v49 = n_3 * 4;
        const int v50 = k_4 + v49;
        const float v51 = b_frag_3[v50];
        const float v52 = acc[n_3];
        const float v53 = v48 * v51;
        const float v54 = v52 + v53;
        acc[n_3] = v54;
      }
    }
  }
  const bool v55 = (unsigned)v13 < (unsigned)N;
  const int v56 = v14 * 4;
  const int v57 = v13 * 2;
  const int v58 = v57 + v56;
  #pragma unroll
  for (int r_5 = 0; r_5 < 2; r_5++) {
    const int v59 = r_5 * 2;
    const int v60 = v56 + v59;
    const bool v61 = (unsigned)v60 < 2u;
    const bool inside_6 = v55 & v61;
    const int y_at = v58 + v59;
    if (inside_6) *reinterpret_cast<vec8*>(&y[y_at]) = *reinterpret_cast<const vec8*>(&acc[v59]);
  }
}

extern "C" __global__ void __launch_bounds__(128) softmax(const float* __restrict__ x, float* __restrict__ y, int N) {
  const int tile_x = blockIdx.x;
  // Softmax softmax (Softmax#4)
  const int thread = threadIdx.x;
  __align__(16) float x_tile[2];
  const int warp = (unsigned)thread / 32u;
  const int lane = (unsigned)thread % 32u;
  const int v0 = tile_x * 4;
  const int v1 = v0 + warp;
  const bool v2 = (unsigned)v1 < (unsigned)N;
  const int v3 = lane * 2;
  const bool v4 = (unsigned)v3 < 2u;
  const bool inside = v2 & v4;
  #pragma unroll
  for (int e = 0; e < 2; e++) {
    x_tile[e] = -__int_as_float(0x7f800000);
  }
  const int v5 = tile_x * 8;
  const int v6 = warp * 2;
  const int v7 = v5 + v6;
  const int x_at = v7 + v3;
  if (inside) *reinterpret_cast<vec8*>(&x_tile[0]) = *reinterpret_cast<const vec8*>(&x[x_at]);
  __align__(16) float r[1];
  r[0] = -__int_as_float(0x7f800000);
  #pragma unroll
  for (int r_1 = 0; r_1 < 2; r_1++) {
    const float v8 = x_tile[r_1];
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
  __align__(16) float r_2[2];
  #pragma unroll
  for (int r_3 = 0; r_3 < 2; r_3++) {
    const float v22 = x_tile[r_3];
    const float v23 = r[0];
    const float v24 = v22 - v23;
    const float v25 = expf(v24);
    r_2[r_3] = v25;
  }
  __align__(16) float r_4[1];
  r_4[0] = 0.0f;
  #pragma unroll
  for (int r_5 = 0; r_5 < 2; r_5++) {
    const float v26 = r_2[r_5];
    const float v27 = r_4[0];
    const float v28 = v27 + v26;
    r_4[0] = v28;
  }
  const float v29 = r_4[0];
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
  r_4[0] = v39;
  const float v40 = r_4[0];
  const float v41 = 1.0f / v40;
  r_4[0] = v41;
  __align__(16) float r_6[2];
  #pragma unroll
  for (int r_7 = 0; r_7 < 2; r_7++) {
    const float v42 = r_2[r_7];
    const float v43 = r_4[0];
    const float v44 = v42 * v43;
    r_6[r_7] = v44;
  }
  if (inside) *reinterpret_cast<vec8*>(&y[x_at]) = *reinterpret_cast<const vec8*>(&r_6[0]);
}
