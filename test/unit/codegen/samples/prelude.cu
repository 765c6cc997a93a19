#pragma nv_diag_suppress 177, 550

typedef unsigned short f16;  // storage only: arithmetic is in float

typedef unsigned short bf16;  // storage only: arithmetic is in float

typedef unsigned char f8e4m3;  // storage only: arithmetic is in float

typedef unsigned char f8e5m2;  // storage only: arithmetic is in float

struct __align__(16) vec16 { unsigned x, y, z, w; };

struct __align__(8) vec8 { unsigned x, y; };

struct __align__(128) TensorMap { unsigned char bytes[128]; };

__device__ __forceinline__ float f16_to_f32(unsigned short x) {
  float r;
  asm("cvt.f32.f16 %0, %1;" : "=f"(r) : "h"(x));
  return r;
}

__device__ __forceinline__ unsigned short f32_to_f16(float x) {
  unsigned short r;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(r) : "f"(x));
  return r;
}

__device__ __forceinline__ float bf16_to_f32(unsigned short x) {
  return __uint_as_float((unsigned)x << 16);
}

__device__ __forceinline__ unsigned short f32_to_bf16(float x) {
  unsigned short r;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(r) : "f"(x));
  return r;
}

__device__ __forceinline__ unsigned f32_to_tf32(float x) {
  unsigned r;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(r) : "f"(x));
  return r;
}

__device__ __forceinline__ float f8E4M3FN_to_f32(unsigned char x) {
  unsigned a = x & 0x7f;
  if (a == 0x7f) return __int_as_float(0x7fffffff);
  float r = a < 8 ? a * 0.001953125f : __uint_as_float((a << 20) + 0x3c000000);
  return x & 0x80 ? -r : r;
}

__device__ __forceinline__ unsigned char f32_to_f8E4M3FN(float x) {
  unsigned u = __float_as_uint(x), sign = u >> 24 & 0x80, a = u & 0x7fffffff;
  if (a > 0x7f800000) return sign | 0x7f;
  if (a < 0x3c800000) return sign | (__float_as_uint(__uint_as_float(a) + 16384.0f) - 0x46800000);
  a = (a + 0x7ffff + (a >> 20 & 1) >> 20) - 960;
  return sign | (a > 0x7e ? 0x7f : a);
}

__device__ __forceinline__ float f8E5M2_to_f32(unsigned char x) {
  unsigned a = x & 0x7f;
  float r = a < 4 ? a * 0.0000152587890625f : __uint_as_float(a < 0x7c ? (a << 21) + 0x38000000 : 0x7f800000 | (a & 3) << 21);
  return x & 0x80 ? -r : r;
}

__device__ __forceinline__ unsigned char f32_to_f8E5M2(float x) {
  unsigned u = __float_as_uint(x), sign = u >> 24 & 0x80, a = u & 0x7fffffff;
  if (a > 0x7f800000) return sign | 0x7e;
  if (a < 0x38800000) return sign | (__float_as_uint(__uint_as_float(a) + 128.0f) - 0x43000000);
  a = (a + 0xfffff + (a >> 21 & 1) >> 21) - 448;
  return sign | (a > 0x7b ? 0x7c : a);
}

__device__ __forceinline__ int floor_div(int a, int b) {
  int q = a / b;
  return q - (a % b != 0 && (a % b < 0) != (b < 0));
}

__device__ __forceinline__ int ceil_div(int a, int b) {
  int q = a / b;
  return q + (a % b != 0 && (a % b < 0) == (b < 0));
}

__device__ __forceinline__ float max_nan(float a, float b) {
  float r;
  asm("max.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
  return r;
}

__device__ __forceinline__ float min_nan(float a, float b) {
  float r;
  asm("min.NaN.f32 %0, %1, %2;" : "=f"(r) : "f"(a), "f"(b));
  return r;
}

__device__ __forceinline__ double max_nan_f64(double a, double b) {
  if (a < b) return b;
  if (b < a) return a;
  return a != a ? a : b != b ? b : __longlong_as_double(__double_as_longlong(a) & __double_as_longlong(b));
}

__device__ __forceinline__ double min_nan_f64(double a, double b) {
  if (a > b) return b;
  if (b > a) return a;
  return a != a ? a : b != b ? b : __longlong_as_double(__double_as_longlong(a) | __double_as_longlong(b));
}

__device__ __forceinline__ int ipow_i32(int a, int b) {
  if (b < 0) return a == 1 || a == -1 ? b & 1 ? a : 1 : 0;
  unsigned result = 1, square = a;
  for (; b > 0; b >>= 1, square *= square)
    if (b & 1) result *= square;
  return (int)result;
}

__device__ __forceinline__ long long ipow_i64(long long a, long long b) {
  if (b < 0) return a == 1 || a == -1 ? b & 1 ? a : 1 : 0;
  unsigned long long result = 1, square = a;
  for (; b > 0; b >>= 1, square *= square)
    if (b & 1) result *= square;
  return (long long)result;
}

__device__ __forceinline__ float tanh_approx(float x) {
  float r;
  asm("tanh.approx.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
}

__device__ __forceinline__ float exp2_approx(float x) {
  float r;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
}

__device__ __forceinline__ float rcp_approx(float x) {
  float r;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(r) : "f"(x));
  return r;
}

__device__ __forceinline__ void atomic_add_f64(double* p, double b) {
  atomicAdd(p, b);
}

__device__ __forceinline__ void atomic_add_f32(float* p, float b) {
  atomicAdd(p, b);
}

__device__ __forceinline__ void atomic_add_f16(unsigned short* p, unsigned short b) {
  unsigned short* word = (unsigned short*)p;
  unsigned short seen = *word, expected;
  do {
    expected = seen;
    unsigned short a = (unsigned short)expected;
    seen = atomicCAS(word, expected, (unsigned short)(f32_to_f16(f16_to_f32(a) + f16_to_f32(b))));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_add_bf16(unsigned short* p, unsigned short b) {
  unsigned short* word = (unsigned short*)p;
  unsigned short seen = *word, expected;
  do {
    expected = seen;
    unsigned short a = (unsigned short)expected;
    seen = atomicCAS(word, expected, (unsigned short)(f32_to_bf16(bf16_to_f32(a) + bf16_to_f32(b))));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_add_i64(long long* p, long long b) {
  unsigned long long* word = (unsigned long long*)p;
  unsigned long long seen = *word, expected;
  do {
    expected = seen;
    long long a = (long long)expected;
    seen = atomicCAS(word, expected, (unsigned long long)((long long)((unsigned long long)a + (unsigned long long)b)));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_add_i32(int* p, int b) {
  atomicAdd(p, b);
}

__device__ __forceinline__ void atomic_add_i16(short* p, short b) {
  unsigned short* word = (unsigned short*)p;
  unsigned short seen = *word, expected;
  do {
    expected = seen;
    short a = (short)expected;
    seen = atomicCAS(word, expected, (unsigned short)((short)(a + b)));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_add_i8(signed char* p, signed char b) {
  unsigned* word = (unsigned*)((unsigned long long)p & ~3ull);
  int shift = ((unsigned long long)p & 3) * 8;
  unsigned seen = *word, expected;
  do {
    expected = seen;
    signed char a = (signed char)(expected >> shift);
    unsigned made = ((unsigned)((signed char)(a + b)) & 255u) << shift;
    seen = atomicCAS(word, expected, (expected & ~(255u << shift)) | made);
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_add_ui64(unsigned long long* p, unsigned long long b) {
  unsigned long long* word = (unsigned long long*)p;
  unsigned long long seen = *word, expected;
  do {
    expected = seen;
    unsigned long long a = (unsigned long long)expected;
    seen = atomicCAS(word, expected, (unsigned long long)((unsigned long long)(a + b)));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_add_ui32(unsigned* p, unsigned b) {
  unsigned* word = (unsigned*)p;
  unsigned seen = *word, expected;
  do {
    expected = seen;
    unsigned a = (unsigned)expected;
    seen = atomicCAS(word, expected, (unsigned)((unsigned)(a + b)));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_add_ui16(unsigned short* p, unsigned short b) {
  unsigned short* word = (unsigned short*)p;
  unsigned short seen = *word, expected;
  do {
    expected = seen;
    unsigned short a = (unsigned short)expected;
    seen = atomicCAS(word, expected, (unsigned short)((unsigned short)(a + b)));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_add_ui8(unsigned char* p, unsigned char b) {
  unsigned* word = (unsigned*)((unsigned long long)p & ~3ull);
  int shift = ((unsigned long long)p & 3) * 8;
  unsigned seen = *word, expected;
  do {
    expected = seen;
    unsigned char a = (unsigned char)(expected >> shift);
    unsigned made = ((unsigned)((unsigned char)(a + b)) & 255u) << shift;
    seen = atomicCAS(word, expected, (expected & ~(255u << shift)) | made);
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_mul_f64(double* p, double b) {
  unsigned long long* word = (unsigned long long*)p;
  unsigned long long seen = *word, expected;
  do {
    expected = seen;
    double a = __longlong_as_double(expected);
    seen = atomicCAS(word, expected, (unsigned long long)__double_as_longlong((a * b)));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_mul_f32(float* p, float b) {
  unsigned* word = (unsigned*)p;
  unsigned seen = *word, expected;
  do {
    expected = seen;
    float a = __uint_as_float(expected);
    seen = atomicCAS(word, expected, (unsigned)__float_as_uint((a * b)));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_mul_f16(unsigned short* p, unsigned short b) {
  unsigned short* word = (unsigned short*)p;
  unsigned short seen = *word, expected;
  do {
    expected = seen;
    unsigned short a = (unsigned short)expected;
    seen = atomicCAS(word, expected, (unsigned short)(f32_to_f16(f16_to_f32(a) * f16_to_f32(b))));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_mul_bf16(unsigned short* p, unsigned short b) {
  unsigned short* word = (unsigned short*)p;
  unsigned short seen = *word, expected;
  do {
    expected = seen;
    unsigned short a = (unsigned short)expected;
    seen = atomicCAS(word, expected, (unsigned short)(f32_to_bf16(bf16_to_f32(a) * bf16_to_f32(b))));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_mul_i64(long long* p, long long b) {
  unsigned long long* word = (unsigned long long*)p;
  unsigned long long seen = *word, expected;
  do {
    expected = seen;
    long long a = (long long)expected;
    seen = atomicCAS(word, expected, (unsigned long long)((long long)((unsigned long long)a * (unsigned long long)b)));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_mul_i32(int* p, int b) {
  unsigned* word = (unsigned*)p;
  unsigned seen = *word, expected;
  do {
    expected = seen;
    int a = (int)expected;
    seen = atomicCAS(word, expected, (unsigned)((int)((unsigned)a * (unsigned)b)));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_mul_i16(short* p, short b) {
  unsigned short* word = (unsigned short*)p;
  unsigned short seen = *word, expected;
  do {
    expected = seen;
    short a = (short)expected;
    seen = atomicCAS(word, expected, (unsigned short)((short)(a * b)));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_mul_i8(signed char* p, signed char b) {
  unsigned* word = (unsigned*)((unsigned long long)p & ~3ull);
  int shift = ((unsigned long long)p & 3) * 8;
  unsigned seen = *word, expected;
  do {
    expected = seen;
    signed char a = (signed char)(expected >> shift);
    unsigned made = ((unsigned)((signed char)(a * b)) & 255u) << shift;
    seen = atomicCAS(word, expected, (expected & ~(255u << shift)) | made);
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_mul_ui64(unsigned long long* p, unsigned long long b) {
  unsigned long long* word = (unsigned long long*)p;
  unsigned long long seen = *word, expected;
  do {
    expected = seen;
    unsigned long long a = (unsigned long long)expected;
    seen = atomicCAS(word, expected, (unsigned long long)((unsigned long long)(a * b)));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_mul_ui32(unsigned* p, unsigned b) {
  unsigned* word = (unsigned*)p;
  unsigned seen = *word, expected;
  do {
    expected = seen;
    unsigned a = (unsigned)expected;
    seen = atomicCAS(word, expected, (unsigned)((unsigned)(a * b)));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_mul_ui16(unsigned short* p, unsigned short b) {
  unsigned short* word = (unsigned short*)p;
  unsigned short seen = *word, expected;
  do {
    expected = seen;
    unsigned short a = (unsigned short)expected;
    seen = atomicCAS(word, expected, (unsigned short)((unsigned short)(a * b)));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_mul_ui8(unsigned char* p, unsigned char b) {
  unsigned* word = (unsigned*)((unsigned long long)p & ~3ull);
  int shift = ((unsigned long long)p & 3) * 8;
  unsigned seen = *word, expected;
  do {
    expected = seen;
    unsigned char a = (unsigned char)(expected >> shift);
    unsigned made = ((unsigned)((unsigned char)(a * b)) & 255u) << shift;
    seen = atomicCAS(word, expected, (expected & ~(255u << shift)) | made);
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_max_f64(double* p, double b) {
  unsigned long long* word = (unsigned long long*)p;
  unsigned long long seen = *word, expected;
  do {
    expected = seen;
    double a = __longlong_as_double(expected);
    seen = atomicCAS(word, expected, (unsigned long long)__double_as_longlong((max_nan_f64(a, b))));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_max_f32(float* p, float b) {
  unsigned* word = (unsigned*)p;
  unsigned seen = *word, expected;
  do {
    expected = seen;
    float a = __uint_as_float(expected);
    seen = atomicCAS(word, expected, (unsigned)__float_as_uint((max_nan(a, b))));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_max_f16(unsigned short* p, unsigned short b) {
  unsigned short* word = (unsigned short*)p;
  unsigned short seen = *word, expected;
  do {
    expected = seen;
    unsigned short a = (unsigned short)expected;
    seen = atomicCAS(word, expected, (unsigned short)(f32_to_f16(max_nan(f16_to_f32(a), f16_to_f32(b)))));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_max_bf16(unsigned short* p, unsigned short b) {
  unsigned short* word = (unsigned short*)p;
  unsigned short seen = *word, expected;
  do {
    expected = seen;
    unsigned short a = (unsigned short)expected;
    seen = atomicCAS(word, expected, (unsigned short)(f32_to_bf16(max_nan(bf16_to_f32(a), bf16_to_f32(b)))));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_max_i64(long long* p, long long b) {
  atomicMax(p, b);
}

__device__ __forceinline__ void atomic_max_i32(int* p, int b) {
  atomicMax(p, b);
}

__device__ __forceinline__ void atomic_max_i16(short* p, short b) {
  unsigned short* word = (unsigned short*)p;
  unsigned short seen = *word, expected;
  do {
    expected = seen;
    short a = (short)expected;
    seen = atomicCAS(word, expected, (unsigned short)(a < b ? b : a));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_max_i8(signed char* p, signed char b) {
  unsigned* word = (unsigned*)((unsigned long long)p & ~3ull);
  int shift = ((unsigned long long)p & 3) * 8;
  unsigned seen = *word, expected;
  do {
    expected = seen;
    signed char a = (signed char)(expected >> shift);
    unsigned made = ((unsigned)(a < b ? b : a) & 255u) << shift;
    seen = atomicCAS(word, expected, (expected & ~(255u << shift)) | made);
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_max_ui64(unsigned long long* p, unsigned long long b) {
  unsigned long long* word = (unsigned long long*)p;
  unsigned long long seen = *word, expected;
  do {
    expected = seen;
    unsigned long long a = (unsigned long long)expected;
    seen = atomicCAS(word, expected, (unsigned long long)(a < b ? b : a));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_max_ui32(unsigned* p, unsigned b) {
  unsigned* word = (unsigned*)p;
  unsigned seen = *word, expected;
  do {
    expected = seen;
    unsigned a = (unsigned)expected;
    seen = atomicCAS(word, expected, (unsigned)(a < b ? b : a));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_max_ui16(unsigned short* p, unsigned short b) {
  unsigned short* word = (unsigned short*)p;
  unsigned short seen = *word, expected;
  do {
    expected = seen;
    unsigned short a = (unsigned short)expected;
    seen = atomicCAS(word, expected, (unsigned short)(a < b ? b : a));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_max_ui8(unsigned char* p, unsigned char b) {
  unsigned* word = (unsigned*)((unsigned long long)p & ~3ull);
  int shift = ((unsigned long long)p & 3) * 8;
  unsigned seen = *word, expected;
  do {
    expected = seen;
    unsigned char a = (unsigned char)(expected >> shift);
    unsigned made = ((unsigned)(a < b ? b : a) & 255u) << shift;
    seen = atomicCAS(word, expected, (expected & ~(255u << shift)) | made);
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_min_f64(double* p, double b) {
  unsigned long long* word = (unsigned long long*)p;
  unsigned long long seen = *word, expected;
  do {
    expected = seen;
    double a = __longlong_as_double(expected);
    seen = atomicCAS(word, expected, (unsigned long long)__double_as_longlong((min_nan_f64(a, b))));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_min_f32(float* p, float b) {
  unsigned* word = (unsigned*)p;
  unsigned seen = *word, expected;
  do {
    expected = seen;
    float a = __uint_as_float(expected);
    seen = atomicCAS(word, expected, (unsigned)__float_as_uint((min_nan(a, b))));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_min_f16(unsigned short* p, unsigned short b) {
  unsigned short* word = (unsigned short*)p;
  unsigned short seen = *word, expected;
  do {
    expected = seen;
    unsigned short a = (unsigned short)expected;
    seen = atomicCAS(word, expected, (unsigned short)(f32_to_f16(min_nan(f16_to_f32(a), f16_to_f32(b)))));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_min_bf16(unsigned short* p, unsigned short b) {
  unsigned short* word = (unsigned short*)p;
  unsigned short seen = *word, expected;
  do {
    expected = seen;
    unsigned short a = (unsigned short)expected;
    seen = atomicCAS(word, expected, (unsigned short)(f32_to_bf16(min_nan(bf16_to_f32(a), bf16_to_f32(b)))));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_min_i64(long long* p, long long b) {
  atomicMin(p, b);
}

__device__ __forceinline__ void atomic_min_i32(int* p, int b) {
  atomicMin(p, b);
}

__device__ __forceinline__ void atomic_min_i16(short* p, short b) {
  unsigned short* word = (unsigned short*)p;
  unsigned short seen = *word, expected;
  do {
    expected = seen;
    short a = (short)expected;
    seen = atomicCAS(word, expected, (unsigned short)(a > b ? b : a));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_min_i8(signed char* p, signed char b) {
  unsigned* word = (unsigned*)((unsigned long long)p & ~3ull);
  int shift = ((unsigned long long)p & 3) * 8;
  unsigned seen = *word, expected;
  do {
    expected = seen;
    signed char a = (signed char)(expected >> shift);
    unsigned made = ((unsigned)(a > b ? b : a) & 255u) << shift;
    seen = atomicCAS(word, expected, (expected & ~(255u << shift)) | made);
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_min_ui64(unsigned long long* p, unsigned long long b) {
  unsigned long long* word = (unsigned long long*)p;
  unsigned long long seen = *word, expected;
  do {
    expected = seen;
    unsigned long long a = (unsigned long long)expected;
    seen = atomicCAS(word, expected, (unsigned long long)(a > b ? b : a));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_min_ui32(unsigned* p, unsigned b) {
  unsigned* word = (unsigned*)p;
  unsigned seen = *word, expected;
  do {
    expected = seen;
    unsigned a = (unsigned)expected;
    seen = atomicCAS(word, expected, (unsigned)(a > b ? b : a));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_min_ui16(unsigned short* p, unsigned short b) {
  unsigned short* word = (unsigned short*)p;
  unsigned short seen = *word, expected;
  do {
    expected = seen;
    unsigned short a = (unsigned short)expected;
    seen = atomicCAS(word, expected, (unsigned short)(a > b ? b : a));
  } while (seen != expected);
}

__device__ __forceinline__ void atomic_min_ui8(unsigned char* p, unsigned char b) {
  unsigned* word = (unsigned*)((unsigned long long)p & ~3ull);
  int shift = ((unsigned long long)p & 3) * 8;
  unsigned seen = *word, expected;
  do {
    expected = seen;
    unsigned char a = (unsigned char)(expected >> shift);
    unsigned made = ((unsigned)(a > b ? b : a) & 255u) << shift;
    seen = atomicCAS(word, expected, (expected & ~(255u << shift)) | made);
  } while (seen != expected);
}

__device__ __forceinline__ unsigned smem_address(const void* p) {
  return (unsigned)__cvta_generic_to_shared(p);
}

__device__ __forceinline__ void cp_async_4(unsigned target, const void* source, bool predicate) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" : : "r"(target), "l"(source), "r"(predicate ? 4 : 0) : "memory");
}

__device__ __forceinline__ void cp_async_8(unsigned target, const void* source, bool predicate) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" : : "r"(target), "l"(source), "r"(predicate ? 8 : 0) : "memory");
}

__device__ __forceinline__ void cp_async_16(unsigned target, const void* source, bool predicate) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" : : "r"(target), "l"(source), "r"(predicate ? 16 : 0) : "memory");
}

__device__ __forceinline__ void prefetch_l2(const void* source, int bytes) {
  asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" : : "l"(source), "r"(bytes) : "memory");
}

__device__ __forceinline__ void cp_async_commit() {
  asm volatile("cp.async.commit_group;" : :  : "memory");
}

template <int pending>
__device__ __forceinline__ void cp_async_wait() {
  asm volatile("cp.async.wait_group %0;" : : "n"(pending) : "memory");
}

__device__ __forceinline__ void ldmatrix_x1(unsigned* r, unsigned address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(r[0]) : "r"(address) : "memory");
}

__device__ __forceinline__ void ldmatrix_x2(unsigned* r, unsigned address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0, %1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(address) : "memory");
}

__device__ __forceinline__ void ldmatrix_x4(unsigned* r, unsigned address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
}

__device__ __forceinline__ void ldmatrix_x1_trans(unsigned* r, unsigned address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];" : "=r"(r[0]) : "r"(address) : "memory");
}

__device__ __forceinline__ void ldmatrix_x2_trans(unsigned* r, unsigned address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0, %1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(address) : "memory");
}

__device__ __forceinline__ void ldmatrix_x4_trans(unsigned* r, unsigned address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];" : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
}

__device__ __forceinline__ void st_cluster_2(unsigned address, int rank, const unsigned short* from) {
#if __CUDA_ARCH__ >= 900
  asm volatile("{.reg .b32 remote; mapa.shared::cluster.u32 remote, %0, %1;\n"
               "st.shared::cluster.u16 [remote], %2;}" : : "r"(address), "r"(rank), "h"(from[0]) : "memory");
#endif
}

__device__ __forceinline__ void st_cluster_4(unsigned address, int rank, const unsigned* from) {
#if __CUDA_ARCH__ >= 900
  asm volatile("{.reg .b32 remote; mapa.shared::cluster.u32 remote, %0, %1;\n"
               "st.shared::cluster.u32 [remote], %2;}" : : "r"(address), "r"(rank), "r"(from[0]) : "memory");
#endif
}

__device__ __forceinline__ void st_cluster_8(unsigned address, int rank, const unsigned* from) {
#if __CUDA_ARCH__ >= 900
  asm volatile("{.reg .b32 remote; mapa.shared::cluster.u32 remote, %0, %1;\n"
               "st.shared::cluster.v2.u32 [remote], {%2, %3};}" : : "r"(address), "r"(rank), "r"(from[0]), "r"(from[1]) : "memory");
#endif
}

__device__ __forceinline__ void st_cluster_16(unsigned address, int rank, const unsigned* from) {
#if __CUDA_ARCH__ >= 900
  asm volatile("{.reg .b32 remote; mapa.shared::cluster.u32 remote, %0, %1;\n"
               "st.shared::cluster.v4.u32 [remote], {%2, %3, %4, %5};}" : : "r"(address), "r"(rank), "r"(from[0]), "r"(from[1]), "r"(from[2]), "r"(from[3]) : "memory");
#endif
}

template <int id, int threads>
__device__ __forceinline__ void bar_sync() {
  asm volatile("bar.sync %0, %1;" : : "n"(id), "n"(threads) : "memory");
}

__device__ __forceinline__ int cluster_rank() {
  int r;
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(r));
  return r;
}

__device__ __forceinline__ void cluster_sync() {
  asm volatile("barrier.cluster.arrive.release.aligned;\nbarrier.cluster.wait.acquire.aligned;" : :  : "memory");
}

__device__ __forceinline__ void grid_sync(int* counter, int target) {
  asm volatile("bar.sync 0;" : : : "memory");
  if (threadIdx.x == 0) {
    int seen;
    asm volatile("red.release.gpu.global.add.s32 [%0], 1;" : : "l"(counter) : "memory");
    do {
      asm volatile("ld.acquire.gpu.global.s32 %0, [%1];" : "=r"(seen) : "l"(counter) : "memory");
    } while (seen < target);
  }
  asm volatile("bar.sync 0;" : : : "memory");
}

__device__ __forceinline__ void grid_wait() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" : : : "memory");
#endif
}

__device__ __forceinline__ void grid_signal() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" : : : "memory");
#endif
}

__device__ __forceinline__ void mbar_init(unsigned barrier, int count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" : : "r"(barrier), "r"(count) : "memory");
}

__device__ __forceinline__ void mbar_init_fence() {
  asm volatile("fence.mbarrier_init.release.cluster;\nfence.proxy.async.shared::cta;" : :  : "memory");
}

__device__ __forceinline__ void mbar_arrive(unsigned barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" : : "r"(barrier) : "memory");
}

__device__ __forceinline__ void mbar_arrive_at(unsigned barrier, int rank) {
  asm volatile("{.reg .b32 remote; mapa.shared::cluster.u32 remote, %0, %1;\nmbarrier.arrive.release.cluster.shared::cluster.b64 _, [remote];}" : : "r"(barrier), "r"(rank) : "memory");
}

__device__ __forceinline__ void mbar_expect(unsigned barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" : : "r"(barrier), "r"(bytes) : "memory");
}

__device__ __forceinline__ void mbar_wait(unsigned barrier, int parity) {
  asm volatile("{.reg .pred done;\nagain: mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n@!done bra again;}" : : "r"(barrier), "r"(parity) : "memory");
}

__device__ __forceinline__ void fence_proxy_async() {
  asm volatile("fence.proxy.async.shared::cta;" : :  : "memory");
}

__device__ __forceinline__ void bulk_commit() {
  asm volatile("cp.async.bulk.commit_group;" : :  : "memory");
}

template <int pending>
__device__ __forceinline__ void bulk_wait() {
  asm volatile("cp.async.bulk.wait_group.read %0;" : : "n"(pending) : "memory");
}

__device__ __forceinline__ void wgmma_fence() {
  asm volatile("wgmma.fence.sync.aligned;" : :  : "memory");
}

__device__ __forceinline__ void wgmma_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;" : :  : "memory");
}

template <int pending>
__device__ __forceinline__ void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" : : "n"(pending) : "memory");
}

// No access to these registers moves across this point.
template <int n>
__device__ __forceinline__ void keep(float (&a)[n]) {
  #pragma unroll
  for (int i = 0; i < n; i++) asm volatile("" : "+f"(a[i]) : : "memory");
}
template <typename T, int n>
__device__ __forceinline__ void keep(T (&a)[n]) {
  #pragma unroll
  for (int i = 0; i < n * sizeof(T) / 4; i++) asm volatile("" : "+r"(reinterpret_cast<unsigned*>(a)[i]) : : "memory");
}

template <int registers>
__device__ __forceinline__ void setmaxnreg_inc() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" : : "n"(registers));
}

template <int registers>
__device__ __forceinline__ void setmaxnreg_dec() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" : : "n"(registers));
}

__device__ __forceinline__ void mma_f16(float* c, const unsigned* a, const unsigned* b) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
    : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ __forceinline__ void mma_bf16(float* c, const unsigned* a, const unsigned* b) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
    : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ __forceinline__ void mma_tf32(float* c, const float* a, const float* b) {
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
    : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
    : "r"(f32_to_tf32(a[0])), "r"(f32_to_tf32(a[1])), "r"(f32_to_tf32(a[2])), "r"(f32_to_tf32(a[3])), "r"(f32_to_tf32(b[0])), "r"(f32_to_tf32(b[1])));
}

__device__ __forceinline__ void mma_s8(int* c, const unsigned* a, const unsigned* b) {
  asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
    : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ __forceinline__ void prefetch_map(const TensorMap* map) {
  asm volatile("prefetch.tensormap [%0];" : : "l"(map) : "memory");
}

__device__ __forceinline__ void tma_load_1d(unsigned target, const TensorMap* map, int c0, unsigned barrier) {
  asm volatile("cp.async.bulk.tensor.1d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2}], [%3];" : : "r"(target), "l"(map), "r"(c0), "r"(barrier) : "memory");
}

__device__ __forceinline__ void tma_load_1d_multicast(unsigned target, const TensorMap* map, int c0, unsigned barrier, int mask) {
  asm volatile("cp.async.bulk.tensor.1d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%2}], [%3], %4;" : : "r"(target), "l"(map), "r"(c0), "r"(barrier), "h"((unsigned short)mask) : "memory");
}

__device__ __forceinline__ void tma_store_1d(unsigned source, const TensorMap* map, int c0) {
  asm volatile("cp.async.bulk.tensor.1d.global.shared::cta.tile.bulk_group [%1, {%2}], [%0];" : : "r"(source), "l"(map), "r"(c0) : "memory");
}

__device__ __forceinline__ void tma_load_2d(unsigned target, const TensorMap* map, int c0, int c1, unsigned barrier) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3}], [%4];" : : "r"(target), "l"(map), "r"(c0), "r"(c1), "r"(barrier) : "memory");
}

__device__ __forceinline__ void tma_load_2d_multicast(unsigned target, const TensorMap* map, int c0, int c1, unsigned barrier, int mask) {
  asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%2, %3}], [%4], %5;" : : "r"(target), "l"(map), "r"(c0), "r"(c1), "r"(barrier), "h"((unsigned short)mask) : "memory");
}

__device__ __forceinline__ void tma_store_2d(unsigned source, const TensorMap* map, int c0, int c1) {
  asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.tile.bulk_group [%1, {%2, %3}], [%0];" : : "r"(source), "l"(map), "r"(c0), "r"(c1) : "memory");
}

__device__ __forceinline__ void tma_load_3d(unsigned target, const TensorMap* map, int c0, int c1, int c2, unsigned barrier) {
  asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4}], [%5];" : : "r"(target), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(barrier) : "memory");
}

__device__ __forceinline__ void tma_load_im2col_3d(unsigned target, const TensorMap* map, int c0, int c1, int c2, int w0, unsigned barrier) {
  asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4}], [%5], {%6};" : : "r"(target), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(barrier), "h"((unsigned short)w0) : "memory");
}

__device__ __forceinline__ void tma_load_3d_multicast(unsigned target, const TensorMap* map, int c0, int c1, int c2, unsigned barrier, int mask) {
  asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%2, %3, %4}], [%5], %6;" : : "r"(target), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(barrier), "h"((unsigned short)mask) : "memory");
}

__device__ __forceinline__ void tma_load_im2col_3d_multicast(unsigned target, const TensorMap* map, int c0, int c1, int c2, int w0, unsigned barrier, int mask) {
  asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%2, %3, %4}], [%5], {%6}, %7;" : : "r"(target), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(barrier), "h"((unsigned short)w0), "h"((unsigned short)mask) : "memory");
}

__device__ __forceinline__ void tma_store_3d(unsigned source, const TensorMap* map, int c0, int c1, int c2) {
  asm volatile("cp.async.bulk.tensor.3d.global.shared::cta.tile.bulk_group [%1, {%2, %3, %4}], [%0];" : : "r"(source), "l"(map), "r"(c0), "r"(c1), "r"(c2) : "memory");
}

__device__ __forceinline__ void tma_load_4d(unsigned target, const TensorMap* map, int c0, int c1, int c2, int c3, unsigned barrier) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4, %5}], [%6];" : : "r"(target), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(barrier) : "memory");
}

__device__ __forceinline__ void tma_load_im2col_4d(unsigned target, const TensorMap* map, int c0, int c1, int c2, int c3, int w0, int w1, unsigned barrier) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4, %5}], [%6], {%7, %8};" : : "r"(target), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(barrier), "h"((unsigned short)w0), "h"((unsigned short)w1) : "memory");
}

__device__ __forceinline__ void tma_load_4d_multicast(unsigned target, const TensorMap* map, int c0, int c1, int c2, int c3, unsigned barrier, int mask) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%2, %3, %4, %5}], [%6], %7;" : : "r"(target), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(barrier), "h"((unsigned short)mask) : "memory");
}

__device__ __forceinline__ void tma_load_im2col_4d_multicast(unsigned target, const TensorMap* map, int c0, int c1, int c2, int c3, int w0, int w1, unsigned barrier, int mask) {
  asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%2, %3, %4, %5}], [%6], {%7, %8}, %9;" : : "r"(target), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(barrier), "h"((unsigned short)w0), "h"((unsigned short)w1), "h"((unsigned short)mask) : "memory");
}

__device__ __forceinline__ void tma_store_4d(unsigned source, const TensorMap* map, int c0, int c1, int c2, int c3) {
  asm volatile("cp.async.bulk.tensor.4d.global.shared::cta.tile.bulk_group [%1, {%2, %3, %4, %5}], [%0];" : : "r"(source), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(c3) : "memory");
}

__device__ __forceinline__ void tma_load_5d(unsigned target, const TensorMap* map, int c0, int c1, int c2, int c3, int c4, unsigned barrier) {
  asm volatile("cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4, %5, %6}], [%7];" : : "r"(target), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4), "r"(barrier) : "memory");
}

__device__ __forceinline__ void tma_load_im2col_5d(unsigned target, const TensorMap* map, int c0, int c1, int c2, int c3, int c4, int w0, int w1, int w2, unsigned barrier) {
  asm volatile("cp.async.bulk.tensor.5d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4, %5, %6}], [%7], {%8, %9, %10};" : : "r"(target), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4), "r"(barrier), "h"((unsigned short)w0), "h"((unsigned short)w1), "h"((unsigned short)w2) : "memory");
}

__device__ __forceinline__ void tma_load_5d_multicast(unsigned target, const TensorMap* map, int c0, int c1, int c2, int c3, int c4, unsigned barrier, int mask) {
  asm volatile("cp.async.bulk.tensor.5d.shared::cluster.global.tile.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%2, %3, %4, %5, %6}], [%7], %8;" : : "r"(target), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4), "r"(barrier), "h"((unsigned short)mask) : "memory");
}

__device__ __forceinline__ void tma_load_im2col_5d_multicast(unsigned target, const TensorMap* map, int c0, int c1, int c2, int c3, int c4, int w0, int w1, int w2, unsigned barrier, int mask) {
  asm volatile("cp.async.bulk.tensor.5d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes.multicast::cluster [%0], [%1, {%2, %3, %4, %5, %6}], [%7], {%8, %9, %10}, %11;" : : "r"(target), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4), "r"(barrier), "h"((unsigned short)w0), "h"((unsigned short)w1), "h"((unsigned short)w2), "h"((unsigned short)mask) : "memory");
}

__device__ __forceinline__ void tma_store_5d(unsigned source, const TensorMap* map, int c0, int c1, int c2, int c3, int c4) {
  asm volatile("cp.async.bulk.tensor.5d.global.shared::cta.tile.bulk_group [%1, {%2, %3, %4, %5, %6}], [%0];" : : "r"(source), "l"(map), "r"(c0), "r"(c1), "r"(c2), "r"(c3), "r"(c4) : "memory");
}

__device__ __forceinline__ unsigned long long wgmma_descriptor_128(unsigned address) {
  return 0x4000004000010000ull | (unsigned long long)((address & 0x3ffff) >> 4);
}

__device__ __forceinline__ unsigned long long wgmma_descriptor_64(unsigned address) {
  return 0x8000002000010000ull | (unsigned long long)((address & 0x3ffff) >> 4);
}

__device__ __forceinline__ unsigned long long wgmma_descriptor_32(unsigned address) {
  return 0xc000001000010000ull | (unsigned long long)((address & 0x3ffff) >> 4);
}

__device__ __forceinline__ void wgmma_f16_n16_sw128(float* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p, 1, 1, 0, 0;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "l"(wgmma_descriptor_128(a)), "l"(wgmma_descriptor_128(b)));
}

__device__ __forceinline__ void wgmma_f16_n16_sw128_tb(float* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p, 1, 1, 0, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "l"(wgmma_descriptor_128(a)), "l"(wgmma_descriptor_128(b)));
}

__device__ __forceinline__ void wgmma_f16_n16_sw128_ra(float* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p, 1, 1, 0;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_128(b)));
}

__device__ __forceinline__ void wgmma_f16_n16_sw128_ra_tb(float* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p, 1, 1, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_128(b)));
}

__device__ __forceinline__ void wgmma_f16_n16_sw64(float* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p, 1, 1, 0, 0;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "l"(wgmma_descriptor_64(a)), "l"(wgmma_descriptor_64(b)));
}

__device__ __forceinline__ void wgmma_f16_n16_sw64_tb(float* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p, 1, 1, 0, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "l"(wgmma_descriptor_64(a)), "l"(wgmma_descriptor_64(b)));
}

__device__ __forceinline__ void wgmma_f16_n16_sw64_ra(float* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p, 1, 1, 0;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_64(b)));
}

__device__ __forceinline__ void wgmma_f16_n16_sw64_ra_tb(float* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p, 1, 1, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_64(b)));
}

__device__ __forceinline__ void wgmma_f16_n16_sw32(float* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p, 1, 1, 0, 0;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "l"(wgmma_descriptor_32(a)), "l"(wgmma_descriptor_32(b)));
}

__device__ __forceinline__ void wgmma_f16_n16_sw32_tb(float* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p, 1, 1, 0, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "l"(wgmma_descriptor_32(a)), "l"(wgmma_descriptor_32(b)));
}

__device__ __forceinline__ void wgmma_f16_n16_sw32_ra(float* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p, 1, 1, 0;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_32(b)));
}

__device__ __forceinline__ void wgmma_f16_n16_sw32_ra_tb(float* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.f16.f16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p, 1, 1, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_32(b)));
}

__device__ __forceinline__ void wgmma_bf16_n16_sw128(float* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p, 1, 1, 0, 0;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "l"(wgmma_descriptor_128(a)), "l"(wgmma_descriptor_128(b)));
}

__device__ __forceinline__ void wgmma_bf16_n16_sw128_tb(float* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p, 1, 1, 0, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "l"(wgmma_descriptor_128(a)), "l"(wgmma_descriptor_128(b)));
}

__device__ __forceinline__ void wgmma_bf16_n16_sw128_ra(float* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p, 1, 1, 0;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_128(b)));
}

__device__ __forceinline__ void wgmma_bf16_n16_sw128_ra_tb(float* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p, 1, 1, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_128(b)));
}

__device__ __forceinline__ void wgmma_bf16_n16_sw64(float* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p, 1, 1, 0, 0;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "l"(wgmma_descriptor_64(a)), "l"(wgmma_descriptor_64(b)));
}

__device__ __forceinline__ void wgmma_bf16_n16_sw64_tb(float* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p, 1, 1, 0, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "l"(wgmma_descriptor_64(a)), "l"(wgmma_descriptor_64(b)));
}

__device__ __forceinline__ void wgmma_bf16_n16_sw64_ra(float* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p, 1, 1, 0;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_64(b)));
}

__device__ __forceinline__ void wgmma_bf16_n16_sw64_ra_tb(float* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p, 1, 1, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_64(b)));
}

__device__ __forceinline__ void wgmma_bf16_n16_sw32(float* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p, 1, 1, 0, 0;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "l"(wgmma_descriptor_32(a)), "l"(wgmma_descriptor_32(b)));
}

__device__ __forceinline__ void wgmma_bf16_n16_sw32_tb(float* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p, 1, 1, 0, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "l"(wgmma_descriptor_32(a)), "l"(wgmma_descriptor_32(b)));
}

__device__ __forceinline__ void wgmma_bf16_n16_sw32_ra(float* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p, 1, 1, 0;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_32(b)));
}

__device__ __forceinline__ void wgmma_bf16_n16_sw32_ra_tb(float* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p, 1, 1, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_32(b)));
}

__device__ __forceinline__ void wgmma_tf32_n16_sw128(float* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k8.f32.tf32.tf32 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p, 1, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "l"(wgmma_descriptor_128(a)), "l"(wgmma_descriptor_128(b)));
}

__device__ __forceinline__ void wgmma_tf32_n16_sw128_ra(float* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k8.f32.tf32.tf32 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p, 1, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_128(b)));
}

__device__ __forceinline__ void wgmma_tf32_n16_sw64(float* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k8.f32.tf32.tf32 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p, 1, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "l"(wgmma_descriptor_64(a)), "l"(wgmma_descriptor_64(b)));
}

__device__ __forceinline__ void wgmma_tf32_n16_sw64_ra(float* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k8.f32.tf32.tf32 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p, 1, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_64(b)));
}

__device__ __forceinline__ void wgmma_tf32_n16_sw32(float* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k8.f32.tf32.tf32 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p, 1, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "l"(wgmma_descriptor_32(a)), "l"(wgmma_descriptor_32(b)));
}

__device__ __forceinline__ void wgmma_tf32_n16_sw32_ra(float* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k8.f32.tf32.tf32 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p, 1, 1;}"
    : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_32(b)));
}

__device__ __forceinline__ void wgmma_s8_n16_sw128(int* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k32.s32.s8.s8 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p;}"
    : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]), "+r"(d[4]), "+r"(d[5]), "+r"(d[6]), "+r"(d[7])
    : "l"(wgmma_descriptor_128(a)), "l"(wgmma_descriptor_128(b)));
}

__device__ __forceinline__ void wgmma_s8_n16_sw128_ra(int* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k32.s32.s8.s8 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p;}"
    : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]), "+r"(d[4]), "+r"(d[5]), "+r"(d[6]), "+r"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_128(b)));
}

__device__ __forceinline__ void wgmma_s8_n16_sw64(int* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k32.s32.s8.s8 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p;}"
    : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]), "+r"(d[4]), "+r"(d[5]), "+r"(d[6]), "+r"(d[7])
    : "l"(wgmma_descriptor_64(a)), "l"(wgmma_descriptor_64(b)));
}

__device__ __forceinline__ void wgmma_s8_n16_sw64_ra(int* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k32.s32.s8.s8 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p;}"
    : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]), "+r"(d[4]), "+r"(d[5]), "+r"(d[6]), "+r"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_64(b)));
}

__device__ __forceinline__ void wgmma_s8_n16_sw32(int* d, unsigned a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k32.s32.s8.s8 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "%8, %9, p;}"
    : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]), "+r"(d[4]), "+r"(d[5]), "+r"(d[6]), "+r"(d[7])
    : "l"(wgmma_descriptor_32(a)), "l"(wgmma_descriptor_32(b)));
}

__device__ __forceinline__ void wgmma_s8_n16_sw32_ra(int* d, const unsigned* a, unsigned b) {
  asm volatile("{.reg .pred p; setp.eq.b32 p, 0, 0;\n"
    "wgmma.mma_async.sync.aligned.m64n16k32.s32.s8.s8 "
    "{%0, %1, %2, %3, %4, %5, %6, %7}, "
    "{%8, %9, %10, %11}, %12, p;}"
    : "+r"(d[0]), "+r"(d[1]), "+r"(d[2]), "+r"(d[3]), "+r"(d[4]), "+r"(d[5]), "+r"(d[6]), "+r"(d[7])
    : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(wgmma_descriptor_32(b)));
}

// 882 entries, SHA-256 336083ca392f263cd3a5b1e9950e51ec3035c1cb5dbc37ccb53ee1a35de32012
