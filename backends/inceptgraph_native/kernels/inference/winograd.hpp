// Convolution of stride 1 by Winograd's minimal filtering (Lavin & Gray 2016, arXiv:1509.09308): a tile
// of NY × NX inputs gives MY × MX outputs, with NY × NX products a channel. Along each axis N is the
// outputs and the taps together, less one: 6 or 8, or 1 for a kernel of 1.
#pragma once

#include "conv.hpp"

namespace inceptgraph {

// What a call of `winograd` works on.
struct Tiles {
    Map in;
    int top, left;      // padding
    int height, width;  // of the output
    int block;          // tiles of an item of work: a multiple of MT
    int chunk;          // panels of one
    Bounds bounds;
};

// The interpolation points are 0, both signs of these, and infinity, as in winograd.py, which
// transforms the weights.
template <int N>
inline constexpr float points[] = {0};
template <>
inline constexpr float points<6>[] = {2.f / 3, 3.f / 2};
template <>
inline constexpr float points<8>[] = {1.f / 2, 1.f, 2.f};

template <int N>
constexpr float square(int k) { return points<N>[k] * points<N>[k]; }

// One column or row of the input, Bᵀ·d: the products of (x - p) over all other points.
template <int N>
[[gnu::always_inline]] inline void analyse(const vec (&d)[N], vec (&t)[N]) {
    if constexpr (N == 1) t[0] = d[0];
    if constexpr (N == 6) {
        constexpr float a = square<6>(0), b = square<6>(1);
        t[0] = a * b * d[0] - (a + b) * d[2] + d[4];
        t[5] = a * b * d[1] - (a + b) * d[3] + d[5];
#pragma GCC unroll 2
        for (int k = 0; k < 2; ++k) {
            const float other = k ? a : b;
            vec even = d[4] - other * d[2], odd = points<6>[k] * (d[3] - other * d[1]);
            t[1 + 2 * k] = even + odd;
            t[2 + 2 * k] = even - odd;
        }
    }
    if constexpr (N == 8) {
        constexpr float a = square<8>(0), b = square<8>(1), c = square<8>(2);
        constexpr float e1 = a + b + c, e2 = a * b + b * c + c * a, e3 = a * b * c;
        t[0] = d[6] - e1 * d[4] + e2 * d[2] - e3 * d[0];
        t[7] = d[7] - e1 * d[5] + e2 * d[3] - e3 * d[1];
#pragma GCC unroll 3
        for (int k = 0; k < 3; ++k) {
            const float sum = e1 - square<8>(k), product = e3 / square<8>(k);
            vec even = d[6] - sum * d[4] + product * d[2];
            vec odd = points<8>[k] * (d[5] - sum * d[3] + product * d[1]);
            t[1 + 2 * k] = even + odd;
            t[2 + 2 * k] = even - odd;
        }
    }
}

// One column or row of outputs, Aᵀ·t: the powers of the points.
template <int N, int M>
[[gnu::always_inline]] inline void combine(const vec (&t)[N], vec (&y)[M]) {
    y[0] = t[0];
    if constexpr (N > 1) {
#pragma GCC unroll 4
        for (int i = 1; i < M; ++i) y[i] = vec{};
#pragma GCC unroll 3
        for (int k = 0; k < (N - 2) / 2; ++k) {
            vec even = t[1 + 2 * k] + t[2 + 2 * k], odd = t[1 + 2 * k] - t[2 + 2 * k];
            float power = 1;
#pragma GCC unroll 4
            for (int i = 0; i < M; ++i, power *= points<N>[k]) y[i] += power * (i % 2 ? odd : even);
        }
        y[M - 1] += t[N - 1];
    }
}

// All channels of one tile whose top left input is (y, x), to `to[NY × NX][pitch]`.
template <int NY, int NX>
void analyse_tile(const Map& in, long n, int y, int x, float* to, long pitch) {
    const bool inside = y >= 0 && x >= 0 && y + NY <= in.height && x + NX <= in.width;
    for (int c = 0; c < in.channels; c += lanes) {
        vec half[NY][NX];
#pragma GCC unroll 8
        for (int j = 0; j < NX; ++j) {
            vec d[NY], t[NY];
            if (inside) {
                const number* from = in.at(n, y, x + j) + c;
#pragma GCC unroll 8
                for (int i = 0; i < NY; ++i) d[i] = load(from + i * in.row);
            } else {
                for (int i = 0; i < NY; ++i) {
                    const int row = y + i, column = x + j;
                    const bool on = row >= 0 && column >= 0 && row < in.height && column < in.width;
                    d[i] = on ? load(in.at(n, row, column) + c) : vec{};
                }
            }
            analyse(d, t);
#pragma GCC unroll 8
            for (int i = 0; i < NY; ++i) half[i][j] = t[i];
        }
#pragma GCC unroll 8
        for (int i = 0; i < NY; ++i) {
            vec t[NX];
            analyse(half[i], t);
#pragma GCC unroll 8
            for (int j = 0; j < NX; ++j) store(to + (i * NX + j) * pitch + c, t[j]);
        }
    }
}

// The outputs of one tile and one vector of channels, from `from[NY × NX][pitch]`.
template <int NY, int MY, int NX, int MX>
void combine_tile(
    const float* from, long pitch, vec bias, const Part& part, int c, Bounds bounds, long n, int y,
    int x
) {
    vec half[MY][NX];
#pragma GCC unroll 8
    for (int j = 0; j < NX; ++j) {
        vec t[NY], column[MY];
#pragma GCC unroll 8
        for (int i = 0; i < NY; ++i) t[i] = load(from + (i * NX + j) * pitch);
        combine(t, column);
#pragma GCC unroll 4
        for (int i = 0; i < MY; ++i) half[i][j] = column[i];
    }
    const int left = part.out.channels - c;
    const bool whole = y + MY <= part.out.height && x + MX <= part.out.width && left >= lanes;
    if (whole && !part.residual) {
        const vec low = splat(bounds.low), high = splat(bounds.high);
        number* to = part.out.at(n, y, x) + c;
#pragma GCC unroll 4
        for (int i = 0; i < MY; ++i, to += part.out.row) {
            vec out[MX];
            combine(half[i], out);
#pragma GCC unroll 4
            for (int j = 0; j < MX; ++j)
                store(to + j * part.out.pixel, at_most(high, at_least(low, out[j] + bias)));
        }
        return;
    }
    for (int i = 0; i < MY && y + i < part.out.height; ++i) {
        vec out[MX];
        combine(half[i], out);
        for (int j = 0; j < MX && x + j < part.out.width; ++j) {
            vec v = out[j] + bias;
            if (part.residual) v += load(part.like.at(n, y + i, x + j) + c, left);
            store(part.out.at(n, y + i, x + j) + c, clamp(v, bounds.low, bounds.high), left);
        }
    }
}

// MT: tiles whose products are summed in registers. CP: numbers from a tile's channels to the next's.
template <int NY, int MY, int NX, int MX, int MT, int NV, int CP>
void winograd(Run& r, const Tiles& w, const Part& part) {
    constexpr int wide = NV * lanes, products = NY * NX;
    const int down = (w.height + MY - 1) / MY, across = (w.width + MX - 1) / MX;
    const long tiles = static_cast<long>(r.images) * down * across;
    const long blocks = (tiles + w.block - 1) / w.block;
    const int panels = (part.out.channels + wide - 1) / wide;
    const int chunks = (panels + w.chunk - 1) / w.chunk;
    const int depth = w.in.channels;
    const long in_pitch = static_cast<long>(w.block) * CP + lanes;
    const long out_pitch = static_cast<long>(w.block) * wide + lanes;
    float* inputs = reinterpret_cast<float*>(r.scratch);
    float* sums = inputs + products * in_pitch;
    long held = -1;  // the block whose inputs this thread has transformed
    struct Spot {
        long n;
        int y, x;
    };
    auto spot = [&](long t) {
        return Spot{t / (down * across), static_cast<int>(t / across % down) * MY,
                    static_cast<int>(t % across) * MX};
    };
    r.share(blocks * chunks, [&](long item) {
        const long block = item / chunks, first = block * w.block;
        const int count = min<long>(w.block, tiles - first);
        if (block != held)
            for (int t = 0; t < count; ++t) {
                auto [n, y, x] = spot(first + t);
                analyse_tile<NY, NX>(w.in, n, y - w.top, x - w.left, inputs + t * CP, in_pitch);
            }
        held = block;
        const int begin = item % chunks * w.chunk, end = min(begin + w.chunk, panels);
        for (int panel = begin; panel < end; ++panel) {
            const int c = panel * wide, left = part.out.channels - c;
            const int width = min((left + lanes - 1) / lanes, NV) * lanes;
            const float* weights = part.weights + static_cast<long>(products) * depth * c;
            for (int i = 0; i < products; ++i)
                for (int t = 0; t < count; t += MT)
                    narrowed<float, 1, MT, NV, CP, 0, false>(
                        left, inputs + i * in_pitch + t * CP, weights + static_cast<long>(i) * depth * width,
                        {1, 0, 1, 0, depth}, sums + i * out_pitch + t * wide, wide
                    );
            for (int v = 0; v < width; v += lanes) {
                const vec bias = load(part.bias + c + v);
                for (int t = 0; t < count; ++t) {
                    auto [n, y, x] = spot(first + t);
                    combine_tile<NY, MY, NX, MX>(
                        sums + t * wide + v, out_pitch, bias, part, c + v, w.bounds, n, y, x
                    );
                }
            }
        }
    });
}

}  // namespace inceptgraph
