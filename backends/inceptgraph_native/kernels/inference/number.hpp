// What is computed with: vectors as wide as the processor has them, and the type of activations.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "../vectors.hpp"

// With INCEPTGRAPH_BFLOAT16 activations and weights are bfloat16, which takes AVX512_BF16.
#if INCEPTGRAPH_BFLOAT16
#include <immintrin.h>
#endif

namespace inceptgraph {

inline constexpr int lanes = vector_bytes / sizeof(float);

typedef float vec __attribute__((vector_size(vector_bytes)));
typedef std::uint32_t bits __attribute__((vector_size(vector_bytes)));

// x - 0 is x for every x, negative zero included: the compiler leaves only the broadcast
inline vec splat(float x) { return x - vec{}; }

inline vec load(const float* from) {
    vec v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

inline void store(float* to, vec v) { std::memcpy(to, &v, sizeof v); }

// The first `count` lanes; nothing beyond them is touched.
inline void store(float* to, vec v, int count) {
    if (count >= lanes) return store(to, v);
    for (int i = 0; i < count; ++i) to[i] = v[i];
}

inline vec load(const float* from, int count) {
    if (count >= lanes) return load(from);
    vec v{};
    for (int i = 0; i < count; ++i) v[i] = from[i];
    return v;
}

inline float value(float x) { return x; }

#if INCEPTGRAPH_BFLOAT16
typedef std::uint16_t halves __attribute__((vector_size(lanes * sizeof(std::uint16_t))));

// The upper half of a float32.
struct number {
    std::uint16_t half;
    operator float() const {
        std::uint32_t whole = std::uint32_t{half} << 16;
        float x;
        std::memcpy(&x, &whole, sizeof x);
        return x;
    }
    number() = default;
    number(float x) {
        std::uint32_t whole;
        std::memcpy(&whole, &x, sizeof whole);
        // to the nearest, ties to even; a NaN stays one
        half = x != x ? 0x7fc0 : (whole + 0x7fff + (whole >> 16 & 1)) >> 16;
    }
};

inline vec load(const number* from) {
    halves h;
    std::memcpy(&h, from, sizeof h);
    return reinterpret_cast<vec>(__builtin_convertvector(h, bits) << 16);
}

inline void store(number* to, vec v) {
    auto h = _mm512_cvtneps_pbh(v);
    std::memcpy(to, &h, sizeof h);
}

inline void store(number* to, vec v, int count) {
    if (count >= lanes) return store(to, v);
    for (int i = 0; i < count; ++i) to[i] = number(v[i]);
}

inline vec load(const number* from, int count) {
    if (count >= lanes) return load(from);
    vec v{};
    for (int i = 0; i < count; ++i) v[i] = from[i];
    return v;
}
#else
typedef float number;
#endif

// How products are summed: `depth` inputs at a time, the same for all lanes, times as many weights a
// lane, which lie next to one another.
template <class Number>
struct Products;

template <>
struct Products<float> {
    static constexpr int depth = 1;
    typedef vec factor;
    static factor spread(const float* from) { return splat(*from); }
    static factor weights(const float* from) { return load(from); }
    static vec add(vec sum, factor x, factor w) { return sum + x * w; }
};

#if INCEPTGRAPH_BFLOAT16
template <>
struct Products<number> {
    static constexpr int depth = 2;
    typedef __m512i factor;
    static factor spread(const number* from) {
        int both;
        std::memcpy(&both, from, sizeof both);
        return _mm512_set1_epi32(both);
    }
    // a number and a zero
    static factor spread_one(const number* from) {
        unsigned short one;
        std::memcpy(&one, from, sizeof one);
        return _mm512_set1_epi32(one);
    }
    static factor weights(const float* from) { return _mm512_loadu_si512(from); }
    static vec add(vec sum, factor x, factor w) {
        return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(x), reinterpret_cast<__m512bh>(w));
    }
};
#endif

template <class T>
constexpr T min(T a, T b) { return b < a ? b : a; }
template <class T>
constexpr T max(T a, T b) { return a < b ? b : a; }

// The same for vectors; they keep a NaN in x, as torch does
inline vec at_least(vec low, vec x) { return x < low ? low : x; }
inline vec at_most(vec high, vec x) { return x > high ? high : x; }
inline vec clamp(vec x, float low, float high) {
    return at_most(splat(high), at_least(splat(low), x));
}

}  // namespace inceptgraph
