// Convolution of stride 1 by Winograd's minimal filtering (Lavin & Gray 2016, arXiv:1509.09308): tiles
// of 6 × 6 inputs give M × M outputs of a kernel of 7 - M, with 36 products a channel.
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

// The interpolation points are 0, ±P, ±Q and infinity, as in winograd.py, which transforms the weights.
inline constexpr float P = 2.f / 3, Q = 3.f / 2, P2 = P * P, Q2 = Q * Q;

// One column or row of the input: Bᵀ·d.
[[gnu::always_inline]] inline void analyse(const vec (&d)[6], vec (&t)[6]) {
    vec even1 = d[4] - Q2 * d[2], odd1 = d[3] - Q2 * d[1];
    vec even2 = d[4] - P2 * d[2], odd2 = d[3] - P2 * d[1];
    t[0] = d[0] - (P2 + Q2) * d[2] + d[4];  // P·Q = 1
    t[1] = even1 + P * odd1;
    t[2] = even1 - P * odd1;
    t[3] = even2 + Q * odd2;
    t[4] = even2 - Q * odd2;
    t[5] = d[1] - (P2 + Q2) * d[3] + d[5];
}

// One column or row of M outputs: Aᵀ·t.
template <int M>
[[gnu::always_inline]] inline void combine(const vec (&t)[6], vec (&y)[M]) {
    vec sum1 = t[1] + t[2], difference1 = t[1] - t[2];
    vec sum2 = t[3] + t[4], difference2 = t[3] - t[4];
    y[0] = t[0] + sum1 + sum2;
    y[1] = P * difference1 + Q * difference2;
    if constexpr (M > 2) {
        y[2] = P2 * sum1 + Q2 * sum2;
        y[3] = P2 * P * difference1 + Q2 * Q * difference2;
    }
    y[M - 1] += t[5];
}

// All channels of one tile whose top left input is (y, x), to `to[36][pitch]`.
inline void analyse_tile(const Map& in, long n, int y, int x, float* to, long pitch) {
    const bool inside = y >= 0 && x >= 0 && y + 6 <= in.height && x + 6 <= in.width;
    for (int c = 0; c < in.channels; c += lanes) {
        vec half[6][6];
#pragma GCC unroll 6
        for (int j = 0; j < 6; ++j) {
            vec d[6], t[6];
            if (inside) {
                const number* from = in.at(n, y, x + j) + c;
#pragma GCC unroll 6
                for (int i = 0; i < 6; ++i) d[i] = load(from + i * in.row);
            } else {
                for (int i = 0; i < 6; ++i) {
                    const int row = y + i, column = x + j;
                    const bool on = row >= 0 && column >= 0 && row < in.height && column < in.width;
                    d[i] = on ? load(in.at(n, row, column) + c) : vec{};
                }
            }
            analyse(d, t);
#pragma GCC unroll 6
            for (int i = 0; i < 6; ++i) half[i][j] = t[i];
        }
#pragma GCC unroll 6
        for (int i = 0; i < 6; ++i) {
            vec t[6];
            analyse(half[i], t);
#pragma GCC unroll 6
            for (int j = 0; j < 6; ++j) store(to + (i * 6 + j) * pitch + c, t[j]);
        }
    }
}

// The M × M outputs of one tile and one vector of channels, from `from[36][pitch]`.
template <int M>
void combine_tile(
    const float* from, long pitch, vec bias, const Part& part, int c, Bounds bounds, long n, int y,
    int x
) {
    vec half[M][6];
#pragma GCC unroll 6
    for (int j = 0; j < 6; ++j) {
        vec t[6], column[M];
#pragma GCC unroll 6
        for (int i = 0; i < 6; ++i) t[i] = load(from + (i * 6 + j) * pitch);
        combine<M>(t, column);
#pragma GCC unroll 4
        for (int i = 0; i < M; ++i) half[i][j] = column[i];
    }
    const int left = part.out.channels - c;
    if (y + M <= part.out.height && x + M <= part.out.width && left >= lanes && !part.residual) {
        const vec low = splat(bounds.low), high = splat(bounds.high);
        number* to = part.out.at(n, y, x) + c;
#pragma GCC unroll 4
        for (int i = 0; i < M; ++i, to += part.out.row) {
            vec out[M];
            combine<M>(half[i], out);
#pragma GCC unroll 4
            for (int j = 0; j < M; ++j)
                store(to + j * part.out.pixel, at_most(high, at_least(low, out[j] + bias)));
        }
        return;
    }
    for (int i = 0; i < M && y + i < part.out.height; ++i) {
        vec out[M];
        combine<M>(half[i], out);
        for (int j = 0; j < M && x + j < part.out.width; ++j) {
            vec v = out[j] + bias;
            if (part.residual) v += load(part.like.at(n, y + i, x + j) + c, left);
            store(part.out.at(n, y + i, x + j) + c, clamp(v, bounds.low, bounds.high), left);
        }
    }
}

// MT: tiles whose products are summed in registers. CP: numbers from a tile's channels to the next's.
template <int M, int MT, int NV, int CP>
void winograd(Run& r, const Tiles& w, const Part& part) {
    constexpr int wide = NV * lanes;
    const int down = (w.height + M - 1) / M, across = (w.width + M - 1) / M;
    const long tiles = static_cast<long>(r.images) * down * across;
    const long blocks = (tiles + w.block - 1) / w.block;
    const int panels = (part.out.channels + wide - 1) / wide;
    const int chunks = (panels + w.chunk - 1) / w.chunk;
    const int depth = w.in.channels;
    const long in_pitch = static_cast<long>(w.block) * CP + lanes;
    const long out_pitch = static_cast<long>(w.block) * wide + lanes;
    float* inputs = reinterpret_cast<float*>(r.scratch);
    float* sums = inputs + 36 * in_pitch;
    long held = -1;  // the block whose inputs this thread has transformed
    struct Spot {
        long n;
        int y, x;
    };
    auto spot = [&](long t) {
        return Spot{t / (down * across), static_cast<int>(t / across % down) * M,
                    static_cast<int>(t % across) * M};
    };
    r.share(blocks * chunks, [&](long item) {
        const long block = item / chunks, first = block * w.block;
        const int count = min<long>(w.block, tiles - first);
        if (block != held)
            for (int t = 0; t < count; ++t) {
                auto [n, y, x] = spot(first + t);
                analyse_tile(w.in, n, y - w.top, x - w.left, inputs + t * CP, in_pitch);
            }
        held = block;
        const int begin = item % chunks * w.chunk, end = min(begin + w.chunk, panels);
        for (int panel = begin; panel < end; ++panel) {
            const int c = panel * wide, left = part.out.channels - c;
            const int width = min((left + lanes - 1) / lanes, NV) * lanes;
            const float* weights = part.weights + 36L * depth * c;
            for (int i = 0; i < 36; ++i)
                for (int t = 0; t < count; t += MT)
                    narrowed<float, 1, MT, NV, CP, 0>(
                        left, inputs + i * in_pitch + t * CP, weights + static_cast<long>(i) * depth * width,
                        {1, 0, 1, 0, depth}, sums + i * out_pitch + t * wide, wide
                    );
            for (int v = 0; v < width; v += lanes) {
                const vec bias = load(part.bias + c + v);
                for (int t = 0; t < count; ++t) {
                    auto [n, y, x] = spot(first + t);
                    combine_tile<M>(
                        sums + t * wide + v, out_pitch, bias, part, c + v, w.bounds, n, y, x
                    );
                }
            }
        }
    });
}

}  // namespace inceptgraph
