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

extern "C" __global__ void __launch_bounds__(128, 1) conv_add_relu(const float* __restrict__ t0, const float* __restrict__ t1, const float* __restrict__ t2, float* __restrict__ t3, int N) {
  extern __shared__ __align__(1024) unsigned char smem[];
  const int tile_y = blockIdx.y;
  // Conv conv (Conv#0), Relu relu (Relu#1)
  const int thread = threadIdx.x;
  float* const tile = reinterpret_cast<float*>(smem + 0);
  float* const tile_1 = reinterpret_cast<float*>(smem + 3840);
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
    const bool v36 = v35 & v34;
    const int v37 = v26 + v29;
    const int v38 = c * 160;
    const int v39 = v28 + v38;
    cp_async_4(smem_address(&tile[v39]), &t0[v37], v36);
  }
  const int v40 = v0 * 3;
  const int v41 = v40 + v1;
  #pragma unroll
  for (int c_1 = 0; c_1 < 4; c_1++) {
    const int v42 = c_1 * 8;
    const int v43 = v0 + v42;
    const bool v44 = (unsigned)v43 < 4u;
    const bool v45 = v23 & v44;
    const int v46 = c_1 * 24;
    const int v47 = v41 + v46;
    const int v48 = c_1 * 160;
    const int v49 = v28 + v48;
    cp_async_4(smem_address(&tile_1[v49]), &t1[v47], v45);
  }
  cp_async_commit();
  const int v50 = v1 + 1;
  const int v51 = (unsigned)v50 % 3u;
  const int v52 = (unsigned)v50 / 3u;
  const int v53 = v1 + 16;
  const bool v54 = (unsigned)v53 < 3u;
  const int v55 = v52 * 8;
  const int v56 = v51 * 64;
  const int v57 = v55 + v56;
  #pragma unroll
  for (int c_2 = 0; c_2 < 2; c_2++) {
    const int v58 = row_offset[c_2];
    const int v59 = row_h[c_2];
    const int v60 = row_w[c_2];
    const int v61 = v52 + v59;
    const int v62 = v61 + 5;
    const bool v63 = (unsigned)v62 < 8u;
    const bool v64 = (unsigned)v60 < 8u;
    const bool v65 = v54 & v63;
    const bool v66 = v65 & v64;
    const int v67 = v57 + v58;
    const int v68 = v67 + 40;
    const int v69 = c_2 * 160;
    const int v70 = v28 + v69;
    const int v71 = v70 + 320;
    cp_async_4(smem_address(&tile[v71]), &t0[v68], v66);
  }
  #pragma unroll
  for (int c_3 = 0; c_3 < 4; c_3++) {
    const int v72 = c_3 * 8;
    const int v73 = v0 + v72;
    const bool v74 = (unsigned)v73 < 4u;
    const bool v75 = v54 & v74;
    const int v76 = c_3 * 24;
    const int v77 = v41 + v76;
    const int v78 = v77 + 16;
    const int v79 = c_3 * 160;
    const int v80 = v28 + v79;
    const int v81 = v80 + 640;
    cp_async_4(smem_address(&tile_1[v81]), &t1[v78], v75);
  }
  cp_async_commit();
  __align__(16) float r[4];
  #pragma unroll
  for (int r_1 = 0; r_1 < 4; r_1++) {
    r[r_1] = 0.0f;
  }
  const int v82 = v1 + 2;
  const int v83 = (unsigned)v82 % 3u;
  const int v84 = (unsigned)v82 / 3u;
  const int v85 = v1 + 32;
  const bool v86 = (unsigned)v85 < 3u;
  const int v87 = v84 * 8;
  const int v88 = v83 * 64;
  const int v89 = v87 + v88;
  const int v90 = (unsigned)thread / 8u;
  const int v91 = v90 * 20;
  const int v92 = (unsigned)thread % 8u;
  const int v93 = v92 * 80;
  const int v94 = v91 + 4;
  const int v95 = v91 + 8;
  const int v96 = v91 + 12;
  for (int i = 0; i < 1; i++) {
    cp_async_wait<1>();
    bar_sync<0, 128>();
    #pragma unroll
    for (int c_4 = 0; c_4 < 2; c_4++) {
      const int v97 = row_offset[c_4];
      const int v98 = row_h[c_4];
      const int v99 = row_w[c_4];
      const int v100 = v84 + v98;
      const int v101 = v100 + 10;
      const bool v102 = (unsigned)v101 < 8u;
      const bool v103 = (unsigned)v99 < 8u;
      const bool v104 = v86 & v102;
      const bool v105 = v104 & v103;
      const int v106 = v89 + v97;
      const int v107 = v106 + 80;
      const int v108 = c_4 * 160;
      const int v109 = v28 + v108;
      const int v110 = v109 + 640;
      cp_async_4(smem_address(&tile[v110]), &t0[v107], v105);
    }
    #pragma unroll
    for (int c_5 = 0; c_5 < 4; c_5++) {
      const int v111 = c_5 * 8;
      const int v112 = v0 + v111;
      const bool v113 = (unsigned)v112 < 4u;
      const bool v114 = v86 & v113;
      const int v115 = c_5 * 24;
      const int v116 = v41 + v115;
      const int v117 = v116 + 32;
      const int v118 = c_5 * 160;
      const int v119 = v28 + v118;
      const int v120 = v119 + 1280;
      cp_async_4(smem_address(&tile_1[v120]), &t1[v117], v114);
    }
    cp_async_commit();
    __align__(16) float r_2[4];
    *reinterpret_cast<vec16*>(&r_2[0]) = *reinterpret_cast<const vec16*>(&tile[v91]);
    __align__(16) float r_3[16];
    #pragma unroll
    for (int r_4 = 0; r_4 < 4; r_4++) {
      const int v121 = r_4 * 20;
      const int v122 = v93 + v121;
      const int v123 = r_4 * 4;
      *reinterpret_cast<vec16*>(&r_3[v123]) = *reinterpret_cast<const vec16*>(&tile_1[v122]);
    }
    #pragma unroll
    for (int k = 0; k < 4; k++) {
      #pragma unroll
      for (int n_1 = 0; n_1 < 4; n_1++) {
        const float v124 = r_2[k];
        const int v125 = n_1 * 4;
        const int v126 = k + v125;
        const float v127 = r_3[v126];
        const float v128 = r[n_1];
        const float v129 = v124 * v127;
        const float v130 = v128 + v129;
        r[n_1] = v130;
      }
    }
    __align__(16) float r_5[4];
    *reinterpret_cast<vec16*>(&r_5[0]) = *reinterpret_cast<const vec16*>(&tile[v94]);
    __align__(16) float r_6[16];
    #pragma unroll
    for (int r_7 = 0; r_7 < 4; r_7++) {
      const int v131 = r_7 * 20;
      const int v132 = v93 + v131;
      const int v133 = v132 + 4;
      const int v134 = r_7 * 4;
      *reinterpret_cast<vec16*>(&r_6[v134]) = *reinterpret_cast<const vec16*>(&tile_1[v133]);
    }
    #pragma unroll
    for (int k_1 = 0; k_1 < 4; k_1++) {
      #pragma unroll
      for (int n_2 = 0; n_2 < 4; n_2++) {
        const float v135 = r_5[k_1];
        const int v136 = n_2 * 4;
        const int v137 = k_1 + v136;
        const float v138 = r_6[v137];
        const float v139 = r[n_2];
        const float v140 = v135 * v138;
        const float v141 = v139 + v140;
        r[n_2] = v141;
      }
    }
    __align__(16) float r_8[4];
    *reinterpret_cast<vec16*>(&r_8[0]) = *reinterpret_cast<const vec16*>(&tile[v95]);
    __align__(16) float r_9[16];
    #pragma unroll
    for (int r_10 = 0; r_10 < 4; r_10++) {
      const int v142 = r_10 * 20;
      const int v143 = v93 + v142;
      const int v144 = v143 + 8;
      const int v145 = r_10 * 4;
      *reinterpret_cast<vec16*>(&r_9[v145]) = *reinterpret_cast<const vec16*>(&tile_1[v144]);
    }
    #pragma unroll
    for (int k_2 = 0; k_2 < 4; k_2++) {
      #pragma unroll
      for (int n_3 = 0; n_3 < 4; n_3++) {
        const float v146 = r_8[k_2];
        const int v147 = n_3 * 4;
        const int v148 = k_2 + v147;
        const float v149 = r_9[v148];
        const float v150 = r[n_3];
        const float v151 = v146 * v149;
        const float v152 = v150 + v151;
        r[n_3] = v152;
      }
    }
    __align__(16) float r_11[4];
    *reinterpret_cast<vec16*>(&r_11[0]) = *reinterpret_cast<const vec16*>(&tile[v96]);
    __align__(16) float r_12[16];
    #pragma unroll
    for (int r_13 = 0; r_13 < 4; r_13++) {
      const int v153 = r_13 * 20;
      const int v154 = v93 + v153;
      const int v155 = v154 + 12;
      const int v156 = r_13 * 4;
      *reinterpret_cast<vec16*>(&r_12[v156]) = *reinterpret_cast<const vec16*>(&tile_1[v155]);
    }
    #pragma unroll
    for (int k_3 = 0; k_3 < 4; k_3++) {
      #pragma unroll
      for (int n_4 = 0; n_4 < 4; n_4++) {
        const float v157 = r_11[k_3];
        const int v158 = n_4 * 4;
        const int v159 = k_3 + v158;
        const float v160 = r_12[v159];
        const float v161 = r[n_4];
        const float v162 = v157 * v160;
        const float v163 = v161 + v162;
        r[n_4] = v163;
      }
    }
  }
  __align__(16) float r_14[4];
  const int v164 = v4 + v90;
  const bool v165 = (unsigned)v164 < (unsigned)v6;
  const int v166 = v92 * 4;
  const bool v167 = (unsigned)v166 < 4u;
  const bool v168 = v165 & v167;
  #pragma unroll
  for (int e = 0; e < 4; e++) {
    r_14[e] = 0.0f;
  }
  if (v168) *reinterpret_cast<vec16*>(&r_14[0]) = *reinterpret_cast<const vec16*>(&t2[v166]);
  #pragma unroll
  for (int r_15 = 0; r_15 < 4; r_15++) {
    const float v169 = r[r_15];
    const float v170 = r_14[r_15];
    const float v171 = v169 + v170;
    const float v172 = max_nan(v171, 0.0f);
    r[r_15] = v172;
  }
  const int v173 = tile_y * 64;
  const int v174 = v90 * 4;
  const int v175 = v173 + v174;
  const int v176 = v175 + v166;
  if (v168) *reinterpret_cast<vec16*>(&t3[v176]) = *reinterpret_cast<const vec16*>(&r[0]);
}

extern "C" __global__ void __launch_bounds__(256) reduce(const float* __restrict__ t0, float* __restrict__ t1, int N) {
  // GlobalAveragePool pool (GlobalAveragePool#2)
  const int thread = threadIdx.x;
  __align__(16) float r[2];
  #pragma unroll
  for (int r_1 = 0; r_1 < 2; r_1++) {
    r[r_1] = 0.0f;
  }
  __align__(16) int row_offset[1];
  const int v0 = (unsigned)thread / 8u;
  const int v1 = (unsigned)thread % 8u;
  const int v2 = N * 4;
  const bool v3 = (unsigned)v0 < (unsigned)v2;
  const int v4 = (unsigned)v0 % 4u;
  const int v5 = (unsigned)v0 / 4u;
  const int v6 = v5 * 64;
  const int v7 = v4 + v6;
  row_offset[0] = v7;
  const int v8 = v1 * 4;
  for (int i = 0; i < 16; i += 16) {
    __align__(16) float r_2[2];
    #pragma unroll
    for (int r_3 = 0; r_3 < 2; r_3++) {
      const int v9 = row_offset[0];
      r_2[r_3] = 0.0f;
      const int v10 = v8 + v9;
      const int v11 = r_3 * 32;
      const int v12 = v10 + v11;
      if (v3) r_2[r_3] = t0[v12];
    }
    #pragma unroll
    for (int r_4 = 0; r_4 < 2; r_4++) {
      const float v13 = r[r_4];
      const float v14 = r_2[r_4];
      const float v15 = v13 + v14;
      r[r_4] = v15;
    }
  }
  __align__(16) float r_5[1];
  r_5[0] = 0.0f;
  #pragma unroll
  for (int r_6 = 0; r_6 < 2; r_6++) {
    const float v16 = r[r_6];
    const float v17 = r_5[0];
    const float v18 = v17 + v16;
    r_5[0] = v18;
  }
  const float v19 = r_5[0];
  const float v20 = __shfl_xor_sync(0xffffffffu, v19, 1);
  const float v21 = v19 + v20;
  const float v22 = __shfl_xor_sync(0xffffffffu, v21, 2);
  const float v23 = v21 + v22;
  const float v24 = __shfl_xor_sync(0xffffffffu, v23, 4);
  const float v25 = v23 + v24;
  r_5[0] = v25;
  const float v26 = r_5[0];
  const float v27 = (float)(16);
  const float v28 = v26 / v27;
  r_5[0] = v28;
  const bool v29 = (unsigned)v1 < 1u;
  const bool v30 = v3 & v29;
  if (v30) t1[v0] = r_5[0];
}

extern "C" __global__ void __launch_bounds__(128, 1) matmul(const float* __restrict__ t0, const float* __restrict__ t1, float* __restrict__ t2, int N) {
  extern __shared__ __align__(1024) unsigned char smem[];
  // MatMul fc (MatMul#3)
  const int thread = threadIdx.x;
  float* const tile = reinterpret_cast<float*>(smem + 0);
  float* const tile_1 = reinterpret_cast<float*>(smem + 3840);
  const bool v0 = (unsigned)thread < 64u;
  const int v1 = (unsigned)thread / 4u;
  const int v2 = (unsigned)thread % 4u;
  const bool v3 = (unsigned)v1 < (unsigned)N;
  const int v4 = v2 * 4;
  const bool v5 = (unsigned)v4 < 4u;
  const bool v6 = v3 & v5;
  const int v7 = v1 * 4;
  const int v8 = v7 + v4;
  const int v9 = v1 * 20;
  const int v10 = v9 + v4;
  if (v0) {
    cp_async_16(smem_address(&tile[v10]), &t0[v8], v6);
  }
  const bool v11 = (unsigned)v1 < 2u;
  const bool v12 = v11 & v5;
  cp_async_16(smem_address(&tile_1[v10]), &t1[v8], v12);
  cp_async_commit();
  const int v13 = v4 + 16;
  const bool v14 = (unsigned)v13 < 4u;
  const bool v15 = v3 & v14;
  const int v16 = v8 + 16;
  const int v17 = v10 + 320;
  if (v0) {
    cp_async_16(smem_address(&tile[v17]), &t0[v16], v15);
  }
  const bool v18 = v11 & v14;
  const int v19 = v10 + 640;
  cp_async_16(smem_address(&tile_1[v19]), &t1[v16], v18);
  cp_async_commit();
  __align__(16) float r[4];
  #pragma unroll
  for (int r_1 = 0; r_1 < 4; r_1++) {
    r[r_1] = 0.0f;
  }
  const int v20 = v4 + 32;
  const bool v21 = (unsigned)v20 < 4u;
  const bool v22 = v3 & v21;
  const int v23 = v8 + 32;
  const bool v24 = v11 & v21;
  const int v25 = v10 + 1280;
  const int v26 = (unsigned)thread / 8u;
  const int v27 = v26 * 20;
  const int v28 = (unsigned)thread % 8u;
  const int v29 = v28 * 80;
  const int v30 = v27 + 4;
  const int v31 = v27 + 8;
  const int v32 = v27 + 12;
  for (int i = 0; i < 1; i++) {
    cp_async_wait<1>();
    bar_sync<0, 128>();
    if (v0) {
      cp_async_16(smem_address(&tile[v19]), &t0[v23], v22);
    }
    cp_async_16(smem_address(&tile_1[v25]), &t1[v23], v24);
    cp_async_commit();
    __align__(16) float r_2[4];
    *reinterpret_cast<vec16*>(&r_2[0]) = *reinterpret_cast<const vec16*>(&tile[v27]);
    __align__(16) float r_3[16];
    #pragma unroll
    for (int r_4 = 0; r_4 < 4; r_4++) {
      const int v33 = r_4 * 20;
      const int v34 = v29 + v33;
      const int v35 = r_4 * 4;
      *reinterpret_cast<vec16*>(&r_3[v35]) = *reinterpret_cast<const vec16*>(&tile_1[v34]);
    }
    #pragma unroll
    for (int k = 0; k < 4; k++) {
      #pragma unroll
      for (int n = 0; n < 4; n++) {
        const float v36 = r_2[k];
        const int v37 = n * 4;
        const int v38 = k + v37;
        const float v39 = r_3[v38];
        const float v40 = r[n];
        const float v41 = v36 * v39;
        const float v42 = v40 + v41;
        r[n] = v42;
      }
    }
    __align__(16) float r_5[4];
    *reinterpret_cast<vec16*>(&r_5[0]) = *reinterpret_cast<const vec16*>(&tile[v30]);
    __align__(16) float r_6[16];
    #pragma unroll
    for (int r_7 = 0; r_7 < 4; r_7++) {
      const int v43 = r_7 * 20;
      const int v44 = v29 + v43;
      const int v45 = v44 + 4;
      const int v46 = r_7 * 4;
      *reinterpret_cast<vec16*>(&r_6[v46]) = *reinterpret_cast<const vec16*>(&tile_1[v45]);
    }
    #pragma unroll
    for (int k_1 = 0; k_1 < 4; k_1++) {
      #pragma unroll
      for (int n_1 = 0; n_1 < 4; n_1++) {
        const float v47 = r_5[k_1];
        const int v48 = n_1 * 4;
        const int v49 = k_1 + v48;
        const float v50 = r_6[v49];
        const float v51 = r[n_1];
        const float v52 = v47 * v50;
        const float v53 = v51 + v52;
        r[n_1] = v53;
      }
    }
    __align__(16) float r_8[4];
    *reinterpret_cast<vec16*>(&r_8[0]) = *reinterpret_cast<const vec16*>(&tile[v31]);
    __align__(16) float r_9[16];
    #pragma unroll
    for (int r_10 = 0; r_10 < 4; r_10++) {
      const int v54 = r_10 * 20;
      const int v55 = v29 + v54;
      const int v56 = v55 + 8;
      const int v57 = r_10 * 4;
      *reinterpret_cast<vec16*>(&r_9[v57]) = *reinterpret_cast<const vec16*>(&tile_1[v56]);
    }
    #pragma unroll
    for (int k_2 = 0; k_2 < 4; k_2++) {
      #pragma unroll
      for (int n_2 = 0; n_2 < 4; n_2++) {
        const float v58 = r_8[k_2];
        const int v59 = n_2 * 4;
        const int v60 = k_2 + v59;
        const float v61 = r_9[v60];
        const float v62 = r[n_2];
        const float v63 = v58 * v61;
        const float v64 = v62 + v63;
        r[n_2] = v64;
      }
    }
    __align__(16) float r_11[4];
    *reinterpret_cast<vec16*>(&r_11[0]) = *reinterpret_cast<const vec16*>(&tile[v32]);
    __align__(16) float r_12[16];
    #pragma unroll
    for (int r_13 = 0; r_13 < 4; r_13++) {
      const int v65 = r_13 * 20;
      const int v66 = v29 + v65;
      const int v67 = v66 + 12;
      const int v68 = r_13 * 4;
      *reinterpret_cast<vec16*>(&r_12[v68]) = *reinterpret_cast<const vec16*>(&tile_1[v67]);
    }
    #pragma unroll
    for (int k_3 = 0; k_3 < 4; k_3++) {
      #pragma unroll
      for (int n_3 = 0; n_3 < 4; n_3++) {
        const float v69 = r_11[k_3];
        const int v70 = n_3 * 4;
        const int v71 = k_3 + v70;
        const float v72 = r_12[v71];
        const float v73 = r[n_3];
        const float v74 = v69 * v72;
        const float v75 = v73 + v74;
        r[n_3] = v75;
      }
    }
  }
  const bool v76 = (unsigned)v26 < (unsigned)N;
  const int v77 = v28 * 4;
  const int v78 = v26 * 2;
  const int v79 = v78 + v77;
  #pragma unroll
  for (int r_14 = 0; r_14 < 2; r_14++) {
    const int v80 = r_14 * 2;
    const int v81 = v77 + v80;
    const bool v82 = (unsigned)v81 < 2u;
    const bool v83 = v76 & v82;
    const int v84 = v79 + v80;
    if (v83) *reinterpret_cast<vec8*>(&t2[v84]) = *reinterpret_cast<const vec8*>(&r[v80]);
  }
}

extern "C" __global__ void __launch_bounds__(128) softmax(const float* __restrict__ t0, float* __restrict__ t1, int N) {
  const int tile_x = blockIdx.x;
  // Softmax softmax (Softmax#4)
  const int thread = threadIdx.x;
  __align__(16) float r[2];
  const int v0 = (unsigned)thread / 32u;
  const int v1 = (unsigned)thread % 32u;
  const int v2 = tile_x * 4;
  const int v3 = v2 + v0;
  const bool v4 = (unsigned)v3 < (unsigned)N;
  const int v5 = v1 * 2;
  const bool v6 = (unsigned)v5 < 2u;
  const bool v7 = v4 & v6;
  #pragma unroll
  for (int e = 0; e < 2; e++) {
    r[e] = -__int_as_float(0x7f800000);
  }
  const int v8 = tile_x * 8;
  const int v9 = v0 * 2;
  const int v10 = v8 + v9;
  const int v11 = v10 + v5;
  if (v7) *reinterpret_cast<vec8*>(&r[0]) = *reinterpret_cast<const vec8*>(&t0[v11]);
  __align__(16) float r_1[1];
  r_1[0] = -__int_as_float(0x7f800000);
  #pragma unroll
  for (int r_2 = 0; r_2 < 2; r_2++) {
    const float v12 = r[r_2];
    const float v13 = r_1[0];
    const float v14 = max_nan(v13, v12);
    r_1[0] = v14;
  }
  const float v15 = r_1[0];
  const float v16 = __shfl_xor_sync(0xffffffffu, v15, 1);
  const float v17 = max_nan(v15, v16);
  const float v18 = __shfl_xor_sync(0xffffffffu, v17, 2);
  const float v19 = max_nan(v17, v18);
  const float v20 = __shfl_xor_sync(0xffffffffu, v19, 4);
  const float v21 = max_nan(v19, v20);
  const float v22 = __shfl_xor_sync(0xffffffffu, v21, 8);
  const float v23 = max_nan(v21, v22);
  const float v24 = __shfl_xor_sync(0xffffffffu, v23, 16);
  const float v25 = max_nan(v23, v24);
  r_1[0] = v25;
  __align__(16) float r_3[2];
  #pragma unroll
  for (int r_4 = 0; r_4 < 2; r_4++) {
    const float v26 = r[r_4];
    const float v27 = r_1[0];
    const float v28 = v26 - v27;
    const float v29 = expf(v28);
    r_3[r_4] = v29;
  }
  __align__(16) float r_5[1];
  r_5[0] = 0.0f;
  #pragma unroll
  for (int r_6 = 0; r_6 < 2; r_6++) {
    const float v30 = r_3[r_6];
    const float v31 = r_5[0];
    const float v32 = v31 + v30;
    r_5[0] = v32;
  }
  const float v33 = r_5[0];
  const float v34 = __shfl_xor_sync(0xffffffffu, v33, 1);
  const float v35 = v33 + v34;
  const float v36 = __shfl_xor_sync(0xffffffffu, v35, 2);
  const float v37 = v35 + v36;
  const float v38 = __shfl_xor_sync(0xffffffffu, v37, 4);
  const float v39 = v37 + v38;
  const float v40 = __shfl_xor_sync(0xffffffffu, v39, 8);
  const float v41 = v39 + v40;
  const float v42 = __shfl_xor_sync(0xffffffffu, v41, 16);
  const float v43 = v41 + v42;
  r_5[0] = v43;
  const float v44 = r_5[0];
  const float v45 = 1.0f / v44;
  r_5[0] = v45;
  __align__(16) float r_7[2];
  #pragma unroll
  for (int r_8 = 0; r_8 < 2; r_8++) {
    const float v46 = r_3[r_8];
    const float v47 = r_5[0];
    const float v48 = v46 * v47;
    r_7[r_8] = v48;
  }
  if (v7) *reinterpret_cast<vec8*>(&t1[v11]) = *reinterpret_cast<const vec8*>(&r_7[0]);
}
