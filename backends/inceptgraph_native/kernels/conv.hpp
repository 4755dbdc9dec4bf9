// Convolution as a product of matrices whose left one is read in place: a tile of pixels times a panel
// of output channels is kept in registers while all taps and input channels are summed.
#pragma once

#include "map.hpp"

namespace inceptgraph {

// The numbers that one output pixel reads: `rows` × `taps` runs of `run` neighbours.
struct Taps {
    int rows, row_step, taps, tap_step, run;
    long size() const { return static_cast<long>(rows) * taps * run; }
};

// Output channels that go to one place. Their weights lie as panels, each `[run of all taps][panel]`.
struct Part {
    const float* weights;
    const float* bias;
    long in;  // first input channel, for groups
    Map out;
    const number* residual;  // added before the bounds; laid out as `like`
    Map like;
};

struct Bounds {
    float low, high;
};

// acc += pixels × weights. SX and SY: numbers from an output pixel's input to its neighbour's.
template <int TH, int TW, int NV, int SX, int SY>
[[gnu::always_inline]] inline void multiply(
    vec (&acc)[TH * TW][NV], const number* in, const float* weights, const Taps& taps
) {
    for (int row = 0; row < taps.rows; ++row, in += taps.row_step) {
        const number* tap = in;
        for (int i = 0; i < taps.taps; ++i, tap += taps.tap_step) {
            for (int c = 0; c < taps.run; ++c, weights += NV * lanes) {
                vec w[NV];
#pragma GCC unroll 8
                for (int v = 0; v < NV; ++v) w[v] = load(weights + v * lanes);
#pragma GCC unroll 32
                for (int m = 0; m < TH * TW; ++m) {
                    vec x = splat(tap[c + m / TW * SY + m % TW * SX]);
#pragma GCC unroll 8
                    for (int v = 0; v < NV; ++v) acc[m][v] += x * w[v];
                }
            }
        }
    }
}

template <int TH, int TW, int NV, int SX, int SY>
[[gnu::noinline]] void tile(
    const number* in, const float* weights, const float* bias, const Taps& taps, number* out,
    const Map& to, const number* residual, const Map& like, int channels, Bounds bounds
) {
    vec acc[TH * TW][NV];
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) {
        vec b = load(bias + v * lanes);
#pragma GCC unroll 32
        for (int m = 0; m < TH * TW; ++m) acc[m][v] = b;
    }
    multiply<TH, TW, NV, SX, SY>(acc, in, weights, taps);
    if (residual) {
#pragma GCC unroll 32
        for (int m = 0; m < TH * TW; ++m) {
            const number* from = residual + m / TW * like.row + m % TW * like.pixel;
#pragma GCC unroll 8
            for (int v = 0; v < NV; ++v)
                acc[m][v] += load(from + v * lanes, v + 1 < NV ? lanes : channels - v * lanes);
        }
    }
#pragma GCC unroll 32
    for (int m = 0; m < TH * TW; ++m) {
        number* place = out + m / TW * to.row + m % TW * to.pixel;
#pragma GCC unroll 8
        for (int v = 0; v < NV; ++v) {
            vec y = clamp(acc[m][v], bounds.low, bounds.high);
            store(place + v * lanes, y, v + 1 < NV ? lanes : channels - v * lanes);
        }
    }
}

// The channels from `first` on of a part, at most NV vectors, for one tile of pixels.
template <int TH, int TW, int NV, int SX, int SY>
void panel(
    const Part& part, int first, const number* in, const Taps& taps, Bounds bounds, long n, int y,
    int x
) {
    const float* weights = part.weights + first * taps.size();
    const number* residual = part.residual ? part.like.at(n, y, x) + first : nullptr;
    number* out = part.out.at(n, y, x) + first;
    int left = part.out.channels - first;
    auto run = [&]<int V>() {
        tile<TH, TW, V, SX, SY>(
            in + part.in, weights, part.bias + first, taps, out, part.out, residual, part.like, left,
            bounds
        );
    };
    if (left > (NV - 1) * lanes) return run.template operator()<NV>();
    if constexpr (NV > 3) { if (left > 2 * lanes) return run.template operator()<3>(); }
    if constexpr (NV > 2) { if (left > lanes) return run.template operator()<2>(); }
    if constexpr (NV > 1) run.template operator()<1>();
}

// A convolution over maps of `height` × `width` output pixels, cut into tiles of TH × TW.
//
// Rows are cut into tiles of TW and TW - 1 pixels; where TH > 1, TW is the width. An item of work is
// a panel of channels over `chunk` tiles.
template <int TH, int TW, int NV, int SX, int SY>
void conv(
    Run& r, Map in, const Taps& taps, int height, int width, int chunk, Bounds bounds,
    std::initializer_list<Part> parts
) {
    constexpr int wide = NV * lanes;
    const int across = (width + TW - 1) / TW, down = (height + TH - 1) / TH;
    const int full = width - across * (TW - 1);  // so many tiles have TW pixels
    const long tiles = static_cast<long>(across) * down;
    const long chunks = (tiles + chunk - 1) / chunk;
    int panels = 0;
    for (auto& part : parts) panels += (part.out.channels + wide - 1) / wide;
    r.share(r.images * chunks * panels, [&](long item) {
        int first = item % panels * wide;
        auto part = parts.begin();
        for (; first >= (part->out.channels + wide - 1) / wide * wide; ++part)
            first -= (part->out.channels + wide - 1) / wide * wide;
        const long n = item / panels / chunks;
        const long begin = item / panels % chunks * chunk;
        const long end = begin + chunk < tiles ? begin + chunk : tiles;
        for (long t = begin; t < end; ++t) {
            const int y = t / across * TH, i = t % across;
            const int x = i * TW - (i > full ? i - full : 0);
            const number* at = in.at(n, 0, 0) + static_cast<long>(y) * SY + static_cast<long>(x) * SX;
            if constexpr (TH > 1) {
                if (y + TH <= height) {
                    panel<TH, TW, NV, SX, SY>(*part, first, at, taps, bounds, n, y, x);
                } else {
                    for (int row = y; row < height; ++row, at += SY)
                        panel<1, TW, NV, SX, SY>(*part, first, at, taps, bounds, n, row, x);
                }
            } else if (TW == 1 || i < full) {
                panel<TH, TW, NV, SX, SY>(*part, first, at, taps, bounds, n, y, x);
            } else if constexpr (TW > 1) {
                panel<TH, TW - 1, NV, SX, SY>(*part, first, at, taps, bounds, n, y, x);
            }
        }
    });
}

// A convolution with one output channel a group, or several next to one another: one channel a lane.
// Weights and bias lie as `[taps][channels]`.
template <int KH, int KW>
void depthwise(
    Run& r, Map in, const float* weights, const float* bias, int stride_y, int stride_x, int dilation_y,
    int dilation_x, Bounds bounds, Map out
) {
    const int padded = (out.channels + lanes - 1) / lanes * lanes;
    r.share(static_cast<long>(r.images) * out.height, [&](long item) {
        const long n = item / out.height;
        const int y = item % out.height;
        for (int c = 0; c < out.channels; c += lanes)
            for (int x = 0; x < out.width; ++x) {
                const number* from = in.at(n, y * stride_y, x * stride_x) + c;
                vec sum = load(bias + c);
                for (int i = 0; i < KH; ++i)
#pragma GCC unroll 8
                    for (int j = 0; j < KW; ++j)
                        sum += load(from + i * dilation_y * in.row + j * dilation_x * in.pixel) *
                               load(weights + (i * KW + j) * padded + c);
                store(out.at(n, y, x) + c, clamp(sum, bounds.low, bounds.high), out.channels - c);
            }
    });
}

}  // namespace inceptgraph
