// Convolution of stride 1 by Winograd's minimal filtering (Lavin & Gray 2016, arXiv:1509.09308), as in
// winograd.hpp, but for weights that change in every step: they come as [36][inputs][outputs], and
// all sizes are known when it runs. A tile is 6 × 6 inputs; channels are whole vectors.
#pragma once

#include "training.hpp"

namespace inceptgraph::training {

struct Filter {
    long images;
    int inputs, outputs, in_height, in_width, height, width;
    int taps, top, left;  // of the kernel along an axis; padding
};

inline constexpr int SIDE = 6, PRODUCTS = SIDE * SIDE;

// Pixels times two vectors of outputs that are summed in registers.
inline constexpr int PIXELS = bytes == 64 ? 14 : 6;

// Bytes of what a block of tiles is transformed to and from, which the last cache has room for.
inline constexpr long ROOM = 4 << 20;

// The interpolation points are 0, both signs of these, and infinity, as in winograd.py.
template <class S>
inline constexpr S near = S(2) / 3;
template <class S>
inline constexpr S far = S(3) / 2;

// One column or row of the input: the products of (x - p) over all other points.
template <class S, class V>
[[gnu::always_inline]] inline void analyse(const V (&d)[SIDE], V (&t)[SIDE]) {
    constexpr S a = near<S> * near<S>, b = far<S> * far<S>;
    t[0] = a * b * d[0] - (a + b) * d[2] + d[4];
    t[5] = a * b * d[1] - (a + b) * d[3] + d[5];
    const V low = d[4] - b * d[2], low_odd = near<S> * (d[3] - b * d[1]);
    const V high = d[4] - a * d[2], high_odd = far<S> * (d[3] - a * d[1]);
    t[1] = low + low_odd;
    t[2] = low - low_odd;
    t[3] = high + high_odd;
    t[4] = high - high_odd;
}

// One column or row of outputs: the powers of the points.
template <class S, int M, class V>
[[gnu::always_inline]] inline void combine(const V (&t)[SIDE], V (&y)[M]) {
    const V low = t[1] + t[2], low_odd = t[1] - t[2], high = t[3] + t[4], high_odd = t[3] - t[4];
    S p = 1, q = 1;
#pragma GCC unroll 4
    for (int i = 0; i < M; ++i, p *= near<S>, q *= far<S>)
        y[i] = p * (i % 2 ? low_odd : low) + q * (i % 2 ? high_odd : high);
    y[0] += t[0];
    y[M - 1] += t[5];
}

// From a product's numbers to the next one's: not a multiple of what lies in one set of a cache.
template <class S>
constexpr long apart(long pixels, int channels) { return pixels * channels + Lanes<S>::width; }

// The transpose of that: gradients of one column or row of outputs.
template <class S, int M, class V>
[[gnu::always_inline]] inline void scatter(const V (&g)[M], V (&t)[SIDE]) {
    V low{}, low_odd{}, high{}, high_odd{};
    S p = 1, q = 1;
#pragma GCC unroll 4
    for (int i = 0; i < M; ++i, p *= near<S>, q *= far<S>) {
        (i % 2 ? low_odd : low) += p * g[i];
        (i % 2 ? high_odd : high) += q * g[i];
    }
    t[0] = g[0];
    t[1] = low + low_odd;
    t[2] = low - low_odd;
    t[3] = high + high_odd;
    t[4] = high - high_odd;
    t[5] = g[M - 1];
}

// sums[v][pixel] = in · weights, for PIXELS rows; both maps lie as [vector of channels][pixel][lane].
template <class S, int Vectors>
[[gnu::noinline]] void product(
    const S* in, const S* weights, S* sums, long pixels, int inputs, int outputs
) {
    typedef Lanes<S> L;
    constexpr int width = L::width;
    typename L::vec acc[PIXELS][Vectors]{};
    for (int c = 0; c < inputs; c += width, in += pixels * width)
        for (int lane = 0; lane < width; ++lane, weights += outputs) {
            typename L::vec w[Vectors];
#pragma GCC unroll 2
            for (int v = 0; v < Vectors; ++v) w[v] = L::load(weights + v * width, width);
#pragma GCC unroll 14
            for (int m = 0; m < PIXELS; ++m) {
                const auto x = L::splat(in[m * width + lane]);
#pragma GCC unroll 2
                for (int v = 0; v < Vectors; ++v) acc[m][v] += x * w[v];
            }
        }
#pragma GCC unroll 14
    for (int m = 0; m < PIXELS; ++m)
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v)
            L::store(sums + (v * pixels + m) * width, acc[m][v], width);
}

// All channels of the tile whose top left input is (y, x), to `to[product][vector][pixel]`.
template <class T, class S>
void analyse_tile(const T* image, const Filter& f, int y, int x, S* to, long pixels) {
    typedef Lanes<S> L;
    typedef typename L::vec vec;
    constexpr int width = L::width;
    const bool inside = y >= 0 && x >= 0 && y + SIDE <= f.in_height && x + SIDE <= f.in_width;
    const long row = static_cast<long>(f.in_width) * f.inputs, product = apart<S>(pixels, f.inputs);
    const T* corner = image + y * row + static_cast<long>(x) * f.inputs;
    for (int c = 0; c < f.inputs; c += width, to += pixels * width) {
        vec half[SIDE][SIDE];
#pragma GCC unroll 6
        for (int j = 0; j < SIDE; ++j) {
            vec d[SIDE], t[SIDE];
#pragma GCC unroll 6
            for (int i = 0; i < SIDE; ++i) {
                const bool on = inside || (static_cast<unsigned>(y + i) < static_cast<unsigned>(f.in_height) &&
                                           static_cast<unsigned>(x + j) < static_cast<unsigned>(f.in_width));
                d[i] = on ? Lanes<T>::load(corner + i * row + j * f.inputs + c, width) : vec{};
            }
            analyse<S>(d, t);
#pragma GCC unroll 6
            for (int i = 0; i < SIDE; ++i) half[i][j] = t[i];
        }
#pragma GCC unroll 6
        for (int i = 0; i < SIDE; ++i) {
            vec t[SIDE];
            analyse<S>(half[i], t);
#pragma GCC unroll 6
            for (int j = 0; j < SIDE; ++j) L::store(to + (i * SIDE + j) * product, t[j], width);
        }
    }
}

// All channels of the tile whose top left output is (y, x), from `from[product][vector][pixel]`.
template <int M, class T, class S>
void combine_tile(
    const S* from, long pixels, const S* bias, const Filter& f, int y, int x, T* image
) {
    typedef Lanes<S> L;
    typedef typename L::vec vec;
    constexpr int width = L::width;
    const long product = apart<S>(pixels, f.outputs);
    for (int c = 0; c < f.outputs; c += width, from += pixels * width) {
        const vec shift = bias ? L::load(bias + c, width) : vec{};
        vec half[M][SIDE];
#pragma GCC unroll 6
        for (int j = 0; j < SIDE; ++j) {
            vec t[SIDE], column[M];
#pragma GCC unroll 6
            for (int i = 0; i < SIDE; ++i) t[i] = L::load(from + (i * SIDE + j) * product, width);
            combine<S, M>(t, column);
#pragma GCC unroll 4
            for (int i = 0; i < M; ++i) half[i][j] = column[i];
        }
#pragma GCC unroll 4
        for (int i = 0; i < M; ++i) {
            if (y + i >= f.height) break;
            vec out[M];
            combine<S, M>(half[i], out);
            T* to = image + (static_cast<long>(y + i) * f.width + x) * f.outputs + c;
#pragma GCC unroll 4
            for (int j = 0; j < M; ++j)
                if (x + j < f.width) Lanes<T>::store(to + j * f.outputs, out[j] + shift, width);
        }
    }
}

// All channels of the gradients of the tile whose top left output is (y, x), to
// `to[product][vector][pixel]`.
template <int M, class T, class S>
void scatter_tile(const T* image, const Filter& f, int y, int x, S* to, long pixels) {
    typedef Lanes<S> L;
    typedef typename L::vec vec;
    constexpr int width = L::width;
    const long product = apart<S>(pixels, f.outputs);
    for (int c = 0; c < f.outputs; c += width, to += pixels * width) {
        vec half[SIDE][M];
#pragma GCC unroll 4
        for (int j = 0; j < M; ++j) {
            vec g[M], t[SIDE];
#pragma GCC unroll 4
            for (int i = 0; i < M; ++i) {
                const T* from = image + (static_cast<long>(y + i) * f.width + x + j) * f.outputs + c;
                g[i] = y + i < f.height && x + j < f.width ? Lanes<T>::load(from, width) : vec{};
            }
            scatter<S>(g, t);
#pragma GCC unroll 6
            for (int i = 0; i < SIDE; ++i) half[i][j] = t[i];
        }
#pragma GCC unroll 6
        for (int i = 0; i < SIDE; ++i) {
            vec t[SIDE];
            scatter<S>(half[i], t);
#pragma GCC unroll 6
            for (int j = 0; j < SIDE; ++j) L::store(to + (i * SIDE + j) * product, t[j], width);
        }
    }
}

// Outputs times two vectors of inputs that are summed in registers over tiles.
inline constexpr int ROWS = bytes == 64 ? 8 : 4;

// sums[output][input] += the products over some tiles, for ROWS outputs.
template <class S, int Vectors>
[[gnu::noinline]] void correlate(
    const S* gradients, const S* in, S* sums, long count, long pixels, int inputs
) {
    typedef Lanes<S> L;
    constexpr int width = L::width;
    typename L::vec acc[ROWS][Vectors];
#pragma GCC unroll 8
    for (int m = 0; m < ROWS; ++m)
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) acc[m][v] = L::load(sums + m * inputs + v * width, width);
    for (long t = 0; t < count; ++t, gradients += width, in += width) {
        typename L::vec d[Vectors];
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) d[v] = L::load(in + v * pixels * width, width);
#pragma GCC unroll 8
        for (int m = 0; m < ROWS; ++m) {
            const auto g = L::splat(gradients[m]);
#pragma GCC unroll 2
            for (int v = 0; v < Vectors; ++v) acc[m][v] += g * d[v];
        }
    }
#pragma GCC unroll 8
    for (int m = 0; m < ROWS; ++m)
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v) L::store(sums + m * inputs + v * width, acc[m][v], width);
}

// The tiles of all images, and how many of them are transformed at a time: as many as the last cache
// has room for. All threads work on one block together, so that weights are read once for it.
template <int M, class S>
struct Blocks {
    const Filter& f;
    long down, across, tiles, pixels;

    Blocks(const Filter& f, long several)
        : f(f), down((f.height + M - 1) / M), across((f.width + M - 1) / M) {
        tiles = f.images * down * across;
        const long most = std::max<long>(1, ROOM / (PRODUCTS * sizeof(S) * (f.inputs + f.outputs)));
        const long blocks = (tiles + most - 1) / most;
        pixels = ((tiles + blocks - 1) / blocks + several - 1) / several * several;
    }
    // `work(t, image, row, column)` of the outputs of the tiles of a block.
    template <class Work>
    void each_tile(long first, int threads, const Work& work) const {
        share(threads, std::min(pixels, tiles - first), [&](long t, long end, int) {
            for (; t < end; ++t) {
                const long n = (first + t) / (down * across), at = (first + t) % (down * across);
                work(t, n, static_cast<int>(at / across) * M, static_cast<int>(at % across) * M);
            }
        });
    }
};

template <int M, class T, class S>
void filter_tiles(
    const T* x, const S* weights, const S* bias, T* y, const Filter& f, int threads
) {
    constexpr int width = Lanes<S>::width;
    const Blocks<M, S> all(f, PIXELS);
    const long pixels = all.pixels, in = apart<S>(pixels, f.inputs), out = apart<S>(pixels, f.outputs);
    // what lies behind the last tile is multiplied, too, whatever it is, and goes nowhere
    static thread_local std::vector<S> room;
    room.resize(std::max<size_t>(room.size(), PRODUCTS * (in + out)));
    S *inputs = room.data(), *sums = inputs + PRODUCTS * in;
    const int panels = (f.outputs + 2 * width - 1) / (2 * width);
    for (long first = 0; first < all.tiles; first += pixels) {
        all.each_tile(first, threads, [&](long t, long n, int row, int column) {
            const T* image = x + n * f.in_height * f.in_width * f.inputs;
            analyse_tile(image, f, row - f.top, column - f.left, inputs + t * width, pixels);
        });
        share(threads, PRODUCTS * panels, [&](long item, long end, int) {
            for (; item < end; ++item) {
                const long i = item / panels, o = item % panels * 2 * width;
                const S* w = weights + i * f.inputs * f.outputs + o;
                for (long t = 0; t < std::min(pixels, all.tiles - first); t += PIXELS) {
                    const S* from = inputs + i * in + t * width;
                    S* to = sums + i * out + o * pixels + t * width;
                    if (o + 2 * width <= f.outputs)
                        product<S, 2>(from, w, to, pixels, f.inputs, f.outputs);
                    else
                        product<S, 1>(from, w, to, pixels, f.inputs, f.outputs);
                }
            }
        });
        all.each_tile(first, threads, [&](long t, long n, int row, int column) {
            T* image = y + n * f.height * f.width * f.outputs;
            combine_tile<M>(sums + t * width, pixels, bias, f, row, column, image);
        });
    }
}

// Adds to `sums`, which lie as [product][output][input].
template <int M, class T, class S>
void filter_gradient_tiles(const T* x, const T* g, S* sums, const Filter& f, int threads) {
    constexpr int width = Lanes<S>::width;
    const Blocks<M, S> all(f, 1);
    const long pixels = all.pixels, in = apart<S>(pixels, f.inputs), out = apart<S>(pixels, f.outputs);
    static thread_local std::vector<S> room;
    room.resize(std::max<size_t>(room.size(), PRODUCTS * (in + out)));
    S *inputs = room.data(), *gradients = inputs + PRODUCTS * in;
    const int panels = (f.inputs + 2 * width - 1) / (2 * width);
    for (long first = 0; first < all.tiles; first += pixels) {
        all.each_tile(first, threads, [&](long t, long n, int row, int column) {
            const T* image = x + n * f.in_height * f.in_width * f.inputs;
            analyse_tile(image, f, row - f.top, column - f.left, inputs + t * width, pixels);
            const T* made = g + n * f.height * f.width * f.outputs;
            scatter_tile<M>(made, f, row, column, gradients + t * width, pixels);
        });
        const long count = std::min(pixels, all.tiles - first);
        share(threads, PRODUCTS * panels, [&](long item, long end, int) {
            for (; item < end; ++item) {
                const long i = item / panels, c = item % panels * 2 * width;
                for (int o = 0; o < f.outputs; o += ROWS) {
                    const S* rows = gradients + i * out + o / width * width * pixels + o % width;
                    const S* columns = inputs + i * in + c * pixels;
                    S* to = sums + (i * f.outputs + o) * f.inputs + c;
                    if (c + 2 * width <= f.inputs)
                        correlate<S, 2>(rows, columns, to, count, pixels, f.inputs);
                    else
                        correlate<S, 1>(rows, columns, to, count, pixels, f.inputs);
                }
            }
        });
    }
}

template <class T, class S>
void filter(const T* x, const S* weights, const S* bias, T* y, const Filter& f, int threads) {
    if (f.taps == 3)
        filter_tiles<4>(x, weights, bias, y, f, threads);
    else
        filter_tiles<2>(x, weights, bias, y, f, threads);
}

template <class T, class S>
void filter_gradient(const T* x, const T* g, S* sums, const Filter& f, int threads) {
    if (f.taps == 3)
        filter_gradient_tiles<4>(x, g, sums, f, threads);
    else
        filter_gradient_tiles<2>(x, g, sums, f, threads);
}

}  // namespace inceptgraph::training
