// What the kernels for training share. Each does one layer's work in one direction: torch calls them
// one by one, in threads of OpenMP, which are torch's own. Maps lie with their channels innermost, as
// rows of channels, a row a pixel; `pitch` is the numbers from one row to the next.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "../vectors.hpp"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace inceptgraph::training {

// The upper half of a float32.
struct bfloat16 {
    std::uint16_t half;
};

// How numbers of a type are computed with: as vectors of `sum`, which is the type itself but for
// bfloat16.
template <class T>
struct Lanes {
    typedef std::conditional_t<std::is_same_v<T, bfloat16>, float, T> sum;
    typedef std::conditional_t<sizeof(sum) == 4, std::int32_t, std::int64_t> index;
    static constexpr int width = vector_bytes / sizeof(sum);
    typedef sum vec __attribute__((vector_size(vector_bytes)));
    typedef index places __attribute__((vector_size(vector_bytes)));

    static vec splat(sum x) { return x - vec{}; }
    // The first `count` lanes, zeros behind them.
    [[gnu::always_inline]] static inline vec load(const T* from, long count) {
        vec v{};
        std::memcpy(&v, from, count >= width ? sizeof v : count * sizeof(T));
        return v;
    }
    [[gnu::always_inline]] static inline void store(T* to, vec v, long count) {
        std::memcpy(to, &v, count >= width ? sizeof v : count * sizeof(T));
    }
};

template <>
struct Lanes<bfloat16> {
    typedef float sum;
    typedef std::int32_t index;
    static constexpr int width = vector_bytes / sizeof(float);
    typedef float vec __attribute__((vector_size(vector_bytes)));
    typedef std::int32_t places __attribute__((vector_size(vector_bytes)));
    typedef std::uint32_t bits __attribute__((vector_size(vector_bytes)));
    typedef std::uint16_t halves __attribute__((vector_size(vector_bytes / 2)));

    static vec splat(float x) { return x - vec{}; }
    [[gnu::always_inline]] static inline vec load(const bfloat16* from, long count) {
        halves h{};
        std::memcpy(&h, from, count >= width ? sizeof h : count * sizeof(bfloat16));
        return reinterpret_cast<vec>(__builtin_convertvector(h, bits) << 16);
    }
    // To the nearest, ties to even; a NaN stays one.
    [[gnu::always_inline]] static inline void store(bfloat16* to, vec v, long count) {
#if defined(__AVX512BF16__)
        const auto h = _mm512_cvtneps_pbh(v);
#else
        const bits b = reinterpret_cast<bits>(v);
        bits rounded = b + 0x7fff + (b >> 16 & 1);
        rounded = v != v ? bits{} + 0x7fc00000 : rounded;
        const halves h = __builtin_convertvector(rounded >> 16, halves);
#endif
        std::memcpy(to, &h, count >= width ? sizeof h : count * sizeof(bfloat16));
    }
};

template <class T, int N>
struct Vector {
    typedef T type __attribute__((vector_size(N * sizeof(T))));
};

// Bytes to the places of vectors and back, by steps of two: at once GCC takes them one by one.
template <class T>
struct Bytes {
    typedef Lanes<T> L;
    typedef typename Vector<std::uint8_t, L::width>::type small;
    typedef typename Vector<std::uint16_t, L::width>::type middle;
    typedef typename Vector<std::int32_t, L::width>::type large;

    // The sum with more, where the byte is `wanted`.
    [[gnu::always_inline]] static inline typename L::vec add(
        typename L::vec sum, const std::uint8_t* from, int wanted, typename L::vec more, long count
    ) {
        small v{};
        std::memcpy(&v, from, count);
#if defined(__AVX512BW__) && defined(__AVX512VL__)
        if constexpr (L::width == 16) {
            const auto here = _mm_cmpeq_epi8_mask(reinterpret_cast<__m128i>(v), _mm_set1_epi8(wanted));
            return _mm512_mask_add_ps(sum, here, sum, more);
        }
#endif
        const large wide = __builtin_convertvector(__builtin_convertvector(v, middle), large);
        const auto place = __builtin_convertvector(wide, typename L::places);
        return sum + (place == wanted ? more : typename L::vec{});
    }
    [[gnu::always_inline]] static inline void store(std::uint8_t* to, typename L::places places, long count) {
        const large wide = __builtin_convertvector(places, large);
        const small v = __builtin_convertvector(__builtin_convertvector(wide, middle), small);
        std::memcpy(to, &v, count);
    }
};

// Do `work(first, last, thread)` for parts of `items` that are about equal, one a thread.
template <class Work>
void share(int threads, long items, const Work& work) {
#pragma omp parallel num_threads(threads)
    {
        const long team = omp_get_num_threads(), thread = omp_get_thread_num();
        work(items * thread / team, items * (thread + 1) / team, static_cast<int>(thread));
    }
}

// `work(c, left)` for each vector of channels: the first of them, and how many there are from it on.
// That is a constant for whole vectors: each kernel is compiled twice, and the first has no tails.
template <class T, class Work>
[[gnu::always_inline]] inline void each(long channels, const Work& work) {
    constexpr long width = Lanes<T>::width;
    long c = 0;
    for (; c + width <= channels; c += width) work(c, std::integral_constant<long, width>());
    // half a vector is common: of a family of networks all channels are multiples of 8
    if (c + width / 2 == channels) work(c, std::integral_constant<long, width / 2>());
    else if (c < channels) work(c, channels - c);
}

// As `each`, four vectors at a time where there are as many: `work(c, few, left)`. What is computed for
// one need not wait for what is computed for the others.
template <class T, class Work>
[[gnu::always_inline]] inline void each_few(long channels, const Work& work) {
    constexpr long width = Lanes<T>::width, few = 4;
    long c = 0;
    for (; c + few * width <= channels; c += few * width)
        work(c, std::integral_constant<int, few>(), std::integral_constant<long, width>());
    each<T>(channels - c, [&](long more, auto left) {
        work(c + more, std::integral_constant<int, 1>(), left);
    });
}

}  // namespace inceptgraph::training
