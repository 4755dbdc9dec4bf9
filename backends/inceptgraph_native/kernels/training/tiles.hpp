// Tiles of Winograd's minimal filtering (Lavin & Gray 2016, arXiv:1509.09308), as in inference/winograd.hpp, but
// of sizes that are known when it runs, and with the transpose for gradients. A tile is 6 × 6 inputs;
// channels are whole vectors.
#pragma once

#include "lanes.hpp"

namespace inceptgraph::training {

struct Filter {
    long images;
    int inputs, outputs, in_height, in_width, height, width;
    int taps, top, left;  // of the kernel along an axis; padding
};

inline constexpr int SIDE = 6, PRODUCTS = SIDE * SIDE;

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

// From a product's numbers to the next one's: not a multiple of what lies in one set of a cache.
template <class S>
constexpr long apart(long pitch, int channels) { return pitch * channels + Lanes<S>::width; }

// Along columns, then along rows: SIDE × SIDE products of a vector of channels of a tile of N × N, of
// which `load(i, j)` gives one, to `to` and what lies `product` numbers apart.
template <int N, class S, class Load, class Along>
[[gnu::always_inline]] inline void both_axes(
    const Load& load, const Along& along, S* to, long product
) {
    typedef typename Lanes<S>::vec vec;
    vec half[SIDE][N];
#pragma GCC unroll 6
    for (int j = 0; j < N; ++j) {
        vec d[N], t[SIDE];
#pragma GCC unroll 6
        for (int i = 0; i < N; ++i) d[i] = load(i, j);
        along(d, t);
#pragma GCC unroll 6
        for (int i = 0; i < SIDE; ++i) half[i][j] = t[i];
    }
#pragma GCC unroll 6
    for (int i = 0; i < SIDE; ++i) {
        vec t[SIDE];
        along(half[i], t);
#pragma GCC unroll 6
        for (int j = 0; j < SIDE; ++j)
            Lanes<S>::store(to + (i * SIDE + j) * product, t[j], Lanes<S>::width);
    }
}

// All channels of the tile whose top left input is (y, x), to `to[product][vector][tile]`.
template <class T, class S>
void analyse_tile(const T* image, const Filter& f, int y, int x, S* to, long pitch) {
    constexpr int width = Lanes<S>::width;
    typedef typename Lanes<S>::vec vec;
    const bool inside = y >= 0 && x >= 0 && y + SIDE <= f.in_height && x + SIDE <= f.in_width;
    const long row = static_cast<long>(f.in_width) * f.inputs, product = apart<S>(pitch, f.inputs);
    const T* corner = image + y * row + static_cast<long>(x) * f.inputs;
    for (int c = 0; c < f.inputs; c += width, to += pitch * width) {
        auto load = [&](int i, int j) {
            const bool on = inside || (static_cast<unsigned>(y + i) < static_cast<unsigned>(f.in_height) &&
                                       static_cast<unsigned>(x + j) < static_cast<unsigned>(f.in_width));
            return on ? Lanes<T>::load(corner + i * row + j * f.inputs + c, width) : vec{};
        };
        both_axes<SIDE>(load, [](const auto& d, auto& t) { analyse<S>(d, t); }, to, product);
    }
}

// All channels of the tile whose top left output is (y, x), from `from[product][vector][tile]`.
template <int M, class T, class S>
void combine_tile(
    const S* from, long pitch, const S* bias, const Filter& f, int y, int x, T* image
) {
    typedef Lanes<S> L;
    typedef typename L::vec vec;
    constexpr int width = L::width;
    const long product = apart<S>(pitch, f.outputs);
    for (int c = 0; c < f.outputs; c += width, from += pitch * width) {
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
// `to[product][vector][tile]`.
template <int M, class T, class S>
void scatter_tile(const T* image, const Filter& f, int y, int x, S* to, long pitch) {
    constexpr int width = Lanes<S>::width;
    typedef typename Lanes<S>::vec vec;
    for (int c = 0; c < f.outputs; c += width, to += pitch * width) {
        auto load = [&](int i, int j) {
            const T* from = image + (static_cast<long>(y + i) * f.width + x + j) * f.outputs + c;
            return y + i < f.height && x + j < f.width ? Lanes<T>::load(from, width) : vec{};
        };
        const auto along = [](const auto& g, auto& t) { scatter<S>(g, t); };
        both_axes<M>(load, along, to, apart<S>(pitch, f.outputs));
    }
}

// Weights of one kernel for each pair of an input and an output, in rows and columns of such pairs.
struct Kernels {
    int rows, columns, taps;
    long start, row, column, down, across;  // numbers to the first, and from one to the next
};

// A vector of numbers that lie so far apart.
template <class S, class V = typename Lanes<S>::vec>
V gather(const S* from, long step) {
    if (step == 1) return Lanes<S>::load(from, Lanes<S>::width);
    V v;
    for (int lane = 0; lane < Lanes<S>::width; ++lane) v[lane] = from[lane * step];
    return v;
}

template <class S, class V = typename Lanes<S>::vec>
void spread(S* to, V v, long step) {
    if (step == 1) return Lanes<S>::store(to, v, Lanes<S>::width);
    for (int lane = 0; lane < Lanes<S>::width; ++lane) to[lane * step] = v[lane];
}

// G·w·Gᵀ of a vector of kernels. `points` is G, of 6 rows; `product` numbers lie from one product to
// the next.
template <int Taps, class S>
void kernels_to_products(
    const S* weights, S* products, const S* points, const Kernels& k, long product
) {
    typename Lanes<S>::vec half[SIDE][Taps]{};
    for (int a = 0; a < Taps; ++a)
        for (int b = 0; b < Taps; ++b) {
            const auto w = gather(weights + a * k.down + b * k.across, k.column);
            for (int i = 0; i < SIDE; ++i) half[i][b] += points[i * Taps + a] * w;
        }
    for (int i = 0; i < SIDE; ++i)
        for (int j = 0; j < SIDE; ++j) {
            typename Lanes<S>::vec sum{};
            for (int b = 0; b < Taps; ++b) sum += points[j * Taps + b] * half[i][b];
            Lanes<S>::store(products + (i * SIDE + j) * product, sum, Lanes<S>::width);
        }
}

// The transpose of that, Gᵀ·t·G: gradients of kernels.
template <int Taps, class S>
void products_to_kernels(
    S* weights, const S* products, const S* points, const Kernels& k, long product
) {
    typename Lanes<S>::vec half[SIDE][Taps]{};
    for (int i = 0; i < SIDE; ++i)
        for (int j = 0; j < SIDE; ++j) {
            const auto t = Lanes<S>::load(products + (i * SIDE + j) * product, Lanes<S>::width);
            for (int b = 0; b < Taps; ++b) half[i][b] += points[j * Taps + b] * t;
        }
    for (int a = 0; a < Taps; ++a)
        for (int b = 0; b < Taps; ++b) {
            typename Lanes<S>::vec sum{};
            for (int i = 0; i < SIDE; ++i) sum += points[i * Taps + a] * half[i][b];
            spread(weights + a * k.down + b * k.across, sum, k.column);
        }
}

// Between weights and what tiles are multiplied by, at `products[product][row][column]`.
template <bool Back, int Taps, class S>
void transform_kernels(S* weights, S* products, const S* points, const Kernels& k, int threads) {
    const long product = static_cast<long>(k.rows) * k.columns;
    share(threads, k.rows, [&](long row, long end, int) {
        for (; row < end; ++row)
            for (int c = 0; c < k.columns; c += Lanes<S>::width) {
                S* corner = weights + k.start + row * k.row + c * k.column;
                S* tile = products + row * k.columns + c;
                if constexpr (Back) products_to_kernels<Taps>(corner, tile, points, k, product);
                else kernels_to_products<Taps>(corner, tile, points, k, product);
            }
    });
}

}  // namespace inceptgraph::training
