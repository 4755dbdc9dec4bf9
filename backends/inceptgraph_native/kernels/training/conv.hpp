// Convolution of stride 1 by Winograd's minimal filtering, forward and backward. Weights, which change in
// every step, come as [36][inputs][outputs], and their gradients go as [36][outputs][inputs].
#pragma once

#include <utility>

#include "tiles.hpp"

namespace inceptgraph::training {

// Parts of such a size, of which the last may be smaller.
constexpr long parts(long whole, long size) { return (whole + size - 1) / size; }

// The size of as many parts that are about equal.
constexpr long even(long whole, long most) { return whole > 0 ? parts(whole, parts(whole, most)) : 1; }

// Most tiles times two vectors of outputs that are summed in registers.
inline constexpr int MOST = vector_bytes == 64 ? 14 : 6;

// Bytes of what a thread's block of tiles is transformed to and from.
inline constexpr long ROOM = 4 << 20;

// Bytes of the sums of all threads together: fewer threads work where they would take more.
inline constexpr long SUMS = 1 << 30;

// sums[v][tile] = in · weights, for so many tiles; both maps lie as [vector of channels][tile][lane].
template <class S, int Vectors, int Tiles>
[[gnu::noinline]] void product(
    const S* in, const S* weights, S* sums, long pitch, int inputs, int outputs
) {
    typedef Lanes<S> L;
    constexpr int width = L::width;
    typename L::vec acc[Tiles][Vectors]{};
    for (int c = 0; c < inputs; c += width, in += pitch * width)
        for (int lane = 0; lane < width; ++lane, weights += outputs) {
            typename L::vec w[Vectors];
#pragma GCC unroll 2
            for (int v = 0; v < Vectors; ++v) w[v] = L::load(weights + v * width, width);
#pragma GCC unroll 14
            for (int t = 0; t < Tiles; ++t) {
                const auto x = L::splat(in[t * width + lane]);
#pragma GCC unroll 2
                for (int v = 0; v < Vectors; ++v) acc[t][v] += x * w[v];
            }
        }
#pragma GCC unroll 14
    for (int t = 0; t < Tiles; ++t)
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) L::store(sums + (v * pitch + t) * width, acc[t][v], width);
}

// The one for a multiple of two tiles.
template <class S, int Vectors>
auto product_of(int tiles) {
    return [&]<int... Half>(std::integer_sequence<int, Half...>) {
        constexpr decltype(&product<S, Vectors, 2>) found[] = {product<S, Vectors, 2 * Half + 2>...};
        return found[tiles / 2 - 1];
    }(std::make_integer_sequence<int, MOST / 2>());
}

// Outputs times two vectors of inputs that are summed in registers over tiles: they lie in one vector.
template <class S>
inline constexpr int ROWS = std::min(vector_bytes == 64 ? 8 : 4, Lanes<S>::width);

// sums[output][input] += the products over some tiles, for ROWS outputs.
template <class S, int Vectors>
[[gnu::noinline]] void correlate(
    const S* gradients, const S* in, S* sums, long count, long pitch, int inputs
) {
    typedef Lanes<S> L;
    constexpr int width = L::width;
    typename L::vec acc[ROWS<S>][Vectors];
#pragma GCC unroll 8
    for (int m = 0; m < ROWS<S>; ++m)
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) acc[m][v] = L::load(sums + m * inputs + v * width, width);
    for (long t = 0; t < count; ++t, gradients += width, in += width) {
        typename L::vec d[Vectors];
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) d[v] = L::load(in + v * pitch * width, width);
#pragma GCC unroll 8
        for (int m = 0; m < ROWS<S>; ++m) {
            const auto g = L::splat(gradients[m]);
#pragma GCC unroll 2
            for (int v = 0; v < Vectors; ++v) acc[m][v] += g * d[v];
        }
    }
#pragma GCC unroll 8
    for (int m = 0; m < ROWS<S>; ++m)
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) L::store(sums + m * inputs + v * width, acc[m][v], width);
}

// The tiles of all images, in rows.
template <int M>
struct Tiles {
    const Filter& f;
    const long down = parts(f.height, M), across = parts(f.width, M);
    const long count = f.images * down * across;

    // How many of so many a block has: it has room, and blocks are about equal.
    template <class S>
    long block(long tiles) const {
        return even(tiles, std::max<long>(1, ROOM / (PRODUCTS * sizeof(S) * (f.inputs + f.outputs))));
    }
    // `work(index, image, row, column)`, of the outputs, for each of some.
    template <class Work>
    void each(long first, long count, const Work& work) const {
        for (long t = 0; t < count; ++t) {
            const long image = (first + t) / (down * across), at = (first + t) % (down * across);
            work(t, image, static_cast<int>(at / across) * M, static_cast<int>(at % across) * M);
        }
    }
    // The inputs of some, transformed to `to[product][vector][tile]`.
    template <class T, class S>
    void analyse(const T* x, long first, long count, S* to, long pitch) const {
        each(first, count, [&](long t, long n, int row, int column) {
            const T* image = x + n * f.in_height * f.in_width * f.inputs;
            analyse_tile(image, f, row - f.top, column - f.left, to + t * Lanes<S>::width, pitch);
        });
    }
};

// Memory of a thread, kept between calls.
template <class S>
S* room(size_t numbers) {
    static thread_local std::vector<S> kept;
    if (kept.size() < numbers) kept.resize(numbers);
    return kept.data();
}

template <int M, class T, class S>
void filter_tiles(
    const T* x, const S* weights, const S* bias, T* y, const Filter& f, int threads
) {
    constexpr int width = Lanes<S>::width;
    const Tiles<M> tiles{f};
    share(threads, tiles.count, [&](long first, long last, int) {
        long block = tiles.template block<S>(last - first);
        // as few tiles as possible behind the last one: they are multiplied, too, and go nowhere
        const int some = static_cast<int>(even(block, MOST) + 1) / 2 * 2;
        block = parts(block, some) * some;
        const long in = apart<S>(block, f.inputs), out = apart<S>(block, f.outputs);
        const auto two = product_of<S, 2>(some), one = product_of<S, 1>(some);
        S *inputs = room<S>(PRODUCTS * (in + out)), *sums = inputs + PRODUCTS * in;
        for (; first < last; first += block) {
            const long count = std::min(block, last - first);
            tiles.analyse(x, first, count, inputs, block);
            for (int i = 0; i < PRODUCTS; ++i)
                for (int o = 0; o < f.outputs; o += 2 * width)
                    for (long t = 0; t < count; t += some) {
                        const S* w = weights + static_cast<long>(i) * f.inputs * f.outputs + o;
                        (o + 2 * width <= f.outputs ? two : one)(
                            inputs + i * in + t * width, w, sums + i * out + o * block + t * width,
                            block, f.inputs, f.outputs
                        );
                    }
            tiles.each(first, count, [&](long t, long n, int row, int column) {
                T* image = y + n * f.height * f.width * f.outputs;
                combine_tile<M>(sums + t * width, block, bias, f, row, column, image);
            });
        }
    });
}

// Adds to `sums`, which lie as [product][output][input].
template <int M, class T, class S>
void correlate_tiles(const T* x, const T* g, S* sums, const Filter& f, long first, long last) {
    constexpr int width = Lanes<S>::width;
    const Tiles<M> tiles{f};
    const long block = tiles.template block<S>(last - first);
    const long in = apart<S>(block, f.inputs), out = apart<S>(block, f.outputs);
    S *inputs = room<S>(PRODUCTS * (in + out)), *gradients = inputs + PRODUCTS * in;
    for (; first < last; first += block) {
        const long count = std::min(block, last - first);
        tiles.analyse(x, first, count, inputs, block);
        tiles.each(first, count, [&](long t, long n, int row, int column) {
            const T* made = g + n * f.height * f.width * f.outputs;
            scatter_tile<M>(made, f, row, column, gradients + t * width, block);
        });
        for (long i = 0; i < PRODUCTS; ++i)
            for (int c = 0; c < f.inputs; c += 2 * width)
                for (int o = 0; o < f.outputs; o += ROWS<S>)
                    (c + 2 * width <= f.inputs ? correlate<S, 2> : correlate<S, 1>)(
                        gradients + i * out + o / width * width * block + o % width,
                        inputs + i * in + c * block, sums + (i * f.outputs + o) * f.inputs + c,
                        count, block, f.inputs
                    );
    }
}

// Each thread sums over its own tiles, of which it has a block at least: what threads hand to one
// another costs more than the sums that it spares.
template <int M, class T, class S>
void filter_gradient_tiles(const T* x, const T* g, S* sums, const Filter& f, int threads) {
    const Tiles<M> tiles{f};
    const long numbers = static_cast<long>(PRODUCTS) * f.inputs * f.outputs;
    const long blocks = parts(tiles.count, tiles.template block<S>(tiles.count));
    const long most = std::min(blocks, 1 + SUMS / static_cast<long>(numbers * sizeof(S)));
    std::vector<std::vector<S>> others(std::min<long>(threads, most) - 1);
    share(static_cast<int>(others.size()) + 1, tiles.count, [&](long first, long last, int thread) {
        if (thread > 0) others[thread - 1].resize(numbers);
        S* own = thread > 0 ? others[thread - 1].data() : sums;
        correlate_tiles<M>(x, g, own, f, first, last);
    });
    share(threads, numbers, [&](long first, long last, int) {
        for (const auto& other : others)
            for (long i = first; i < last && !other.empty(); ++i) sums[i] += other[i];
    });
}

template <class T, class S>
void filter(const T* x, const S* weights, const S* bias, T* y, const Filter& f, int threads) {
    (f.taps == 3 ? filter_tiles<4, T, S> : filter_tiles<2, T, S>)(x, weights, bias, y, f, threads);
}

template <class T, class S>
void filter_gradient(const T* x, const T* g, S* sums, const Filter& f, int threads) {
    (f.taps == 3 ? filter_gradient_tiles<4, T, S> : filter_gradient_tiles<2, T, S>)(x, g, sums, f, threads);
}

template <bool Back, class S>
void kernels(S* weights, S* products, const S* points, const Kernels& k, int threads) {
    (k.taps == 3 ? transform_kernels<Back, 3, S> : transform_kernels<Back, 5, S>)(
        weights, products, points, k, threads
    );
}

}  // namespace inceptgraph::training
