// Convolution as a product of matrices whose left one is read in place: a tile of pixels times a panel
// of output channels is kept in registers while all taps and input channels are summed.
#pragma once

#include <initializer_list>

#include "map.hpp"

namespace inceptgraph {

// What one output pixel reads: `rows` × `taps` runs of neighbours, each `run` times as many as
// `Products` takes at once.
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

// sums[m] = pixels × weights, a row of NV vectors for each of TH × TW output pixels.
//
// SX and SY: numbers from an output pixel's input to that of its neighbour, right and below. Odd: the
// last product of a run takes one number, not a pair, as what lies behind it may be NaN. Sums stay in
// registers until the end; all offsets are constants of the instructions.
template <class Number, int TH, int TW, int NV, int SX, int SY, bool Odd>
[[gnu::noinline]] void product(
    const Number* in, const float* weights, const Taps& taps, float* sums, int pitch
) {
    using Of = Products<Number>;
    vec acc[TH * TW][NV]{};
    auto add = [&](const Number* at, auto spread) __attribute__((always_inline)) {
        typename Of::factor w[NV];
#pragma GCC unroll 8
        for (int v = 0; v < NV; ++v) w[v] = Of::weights(weights + v * lanes);
        weights += NV * lanes;
#pragma GCC unroll 32
        for (int m = 0; m < TH * TW; ++m) {
            auto x = spread(at + m / TW * SY + m % TW * SX);
#pragma GCC unroll 8
            for (int v = 0; v < NV; ++v) acc[m][v] = Of::add(acc[m][v], x, w[v]);
        }
    };
    for (int row = 0; row < taps.rows; ++row, in += taps.row_step) {
        const Number* tap = in;
        for (int i = 0; i < taps.taps; ++i, tap += taps.tap_step) {
            const Number* at = tap;
            for (int c = Odd; c < taps.run; ++c, at += Of::depth) add(at, Of::spread);
            if constexpr (Odd) add(at, Of::spread_one);
        }
    }
#pragma GCC unroll 32
    for (int m = 0; m < TH * TW; ++m)
#pragma GCC unroll 8
        for (int v = 0; v < NV; ++v) store(sums + m * pitch + v * lanes, acc[m][v]);
}

// `product` for as many vectors as `left` channels need, NV at most; says how many.
template <class Number, int TH, int TW, int NV, int SX, int SY, bool Odd>
int narrowed(
    int left, const Number* in, const float* weights, const Taps& taps, float* sums, int pitch
) {
    if constexpr (NV > 1)
        if (left <= (NV - 1) * lanes)
            return narrowed<Number, TH, TW, NV - 1, SX, SY, Odd>(left, in, weights, taps, sums, pitch);
    product<Number, TH, TW, NV, SX, SY, Odd>(in, weights, taps, sums, pitch);
    return NV;
}

// Bias, residual and bounds for the sums of one pixel, `left` channels of it.
inline void finish(
    const float* sums, int vectors, const float* bias, const number* residual, Bounds bounds,
    number* out, int left
) {
    for (int v = 0; v < vectors; ++v, left -= lanes) {
        vec y = load(sums + v * lanes) + load(bias + v * lanes);
        if (residual) y += load(residual + v * lanes, left);
        store(out + v * lanes, clamp(y, bounds.low, bounds.high), left);
    }
}

// The same for a row of pixels whose channels fill all vectors.
template <int NV>
void finish_row(
    const float* sums, int pixels, const float* bias, const number* residual, int residual_pixel,
    Bounds bounds, number* out, int out_pixel
) {
    const vec low = splat(bounds.low), high = splat(bounds.high);
    vec b[NV];
#pragma GCC unroll 8
    for (int v = 0; v < NV; ++v) b[v] = load(bias + v * lanes);
    for (int m = 0; m < pixels; ++m, sums += NV * lanes, out += out_pixel)
#pragma GCC unroll 8
        for (int v = 0; v < NV; ++v) {
            vec y = load(sums + v * lanes) + b[v];
            if (residual) y += load(residual + static_cast<long>(m) * residual_pixel + v * lanes);
            store(out + v * lanes, at_most(high, at_least(low, y)));
        }
}

// What a call of `conv` works on.
struct Convolution {
    Map in;
    Taps taps;
    int height, width;  // of the pixels that are tiled: one row where rows follow without a gap
    int chunk;          // tiles of one item of work
    Bounds bounds;
};

// A panel of channels, `first` and those after it, for one tile of pixels.
template <int TH, int TW, int NV, int SX, int SY, bool Odd>
void panel(const Convolution& conv, const Part& part, int first, long n, int y, int x) {
    alignas(64) float sums[TH * TW * NV * lanes];
    const number* in = conv.in.at(n, 0, 0) + static_cast<long>(y) * SY + static_cast<long>(x) * SX;
    const float* weights = part.weights + first * conv.taps.size();
    const int left = part.out.channels - first, pitch = NV * lanes;
    const int vectors = narrowed<number, TH, TW, NV, SX, SY, Odd>(
        left, in + part.in, weights, conv.taps, sums, pitch
    );
    // in a single row of all pixels, y and x of the result are still to be told apart
    const int width = part.out.width;
    int row = y + x / width, column = x % width;
    for (int m = 0; m < TH * TW; ++row, column = 0) {
        const int pixels = min(TH * TW - m, TH > 1 ? TW : width - column);
        const number* residual = part.residual ? part.like.at(n, row, column) + first : nullptr;
        number* out = part.out.at(n, row, column) + first;
        const float* from = sums + m * pitch;
        m += pixels;
        if (left >= pitch) {
            finish_row<NV>(
                from, pixels, part.bias + first, residual, part.like.pixel, conv.bounds, out,
                part.out.pixel
            );
            continue;
        }
        for (int i = 0; i < pixels; ++i, from += pitch, out += part.out.pixel) {
            finish(from, vectors, part.bias + first, residual, conv.bounds, out, left);
            if (residual) residual += part.like.pixel;
        }
    }
}

// A convolution, cut into tiles of TH × TW pixels.
//
// Rows are cut into tiles of TW and TW - 1 pixels; where TH > 1, TW is the width. An item of work is
// a panel of channels over `chunk` tiles.
template <int TH, int TW, int NV, int SX, int SY, bool Odd = false>
void convolve(Run& r, const Convolution& conv, std::initializer_list<Part> parts) {
    constexpr int wide = NV * lanes;
    const int across = (conv.width + TW - 1) / TW, down = (conv.height + TH - 1) / TH;
    const int full = conv.width - across * (TW - 1);  // so many tiles have TW pixels
    const long tiles = static_cast<long>(across) * down;
    const long chunks = (tiles + conv.chunk - 1) / conv.chunk;
    auto count = [](const Part& part) { return (part.out.channels + wide - 1) / wide; };
    int panels = 0;
    for (auto& part : parts) panels += count(part);
    r.share(r.images * chunks * panels, [&](long item) {
        int index = item % panels;
        auto part = parts.begin();
        for (; index >= count(*part); ++part) index -= count(*part);
        const int first = index * wide;
        const long n = item / panels / chunks;
        const long begin = item / panels % chunks * conv.chunk;
        const long end = min(begin + conv.chunk, tiles);
        for (long t = begin; t < end; ++t) {
            const int y = t / across * TH, i = t % across;
            const int x = i * TW - max(i - full, 0);
            if constexpr (TH > 1) {
                if (y + TH <= conv.height) {
                    panel<TH, TW, NV, SX, SY, Odd>(conv, *part, first, n, y, x);
                } else {
                    for (int row = y; row < conv.height; ++row)
                        panel<1, TW, NV, SX, SY, Odd>(conv, *part, first, n, row, x);
                }
            } else if (TW == 1 || i < full) {
                panel<TH, TW, NV, SX, SY, Odd>(conv, *part, first, n, y, x);
            } else if constexpr (TW > 1) {
                panel<TH, TW - 1, NV, SX, SY, Odd>(conv, *part, first, n, y, x);
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
