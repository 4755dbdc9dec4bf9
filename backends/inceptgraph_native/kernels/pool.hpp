// Pools: sliding, adaptive and global windows. Padding never is in memory: windows are cut instead.
#pragma once

#include <algorithm>
#include <limits>

#include "winograd.hpp"

namespace inceptgraph {

// What a window covers along one axis.
struct Axis {
    int size, stride, before, after;  // before and after: padding in pixels
    bool adaptive;                    // or `outputs` windows of about equal size

    // The first pixel of the map and the one after the last, for output i.
    std::pair<int, int> on_map(int i, int extent, int outputs) const {
        if (adaptive) {
            long first = static_cast<long>(i) * extent / outputs;
            long last = (static_cast<long>(i + 1) * extent + outputs - 1) / outputs;
            return {static_cast<int>(first), static_cast<int>(last)};
        }
        int first = i * stride - before;
        return {std::max(first, 0), std::min(first + size, extent)};
    }

    // Pixels that an average which counts padding divides by.
    int counted(int i, int extent) const {
        int first = i * stride - before;
        return std::min(first + size, extent + after) - first;
    }
};

struct Max {
    static constexpr float start = -std::numeric_limits<float>::infinity();
    // a NaN wins, as in torch
    static vec join(vec a, vec b) { return (a > b) | (a != a) ? a : b; }
};

struct Sum {
    static constexpr float start = 0;
    static vec join(vec a, vec b) { return a + b; }
};

// Per-channel factors and offsets after the pool, where it has some.
struct Affine {
    const float* scale;
    const float* shift;
    vec operator()(vec x, int c) const {
        if (scale) x *= load(scale + c);
        if (shift) x += load(shift + c);
        return x;
    }
};

// KH and KW: the window where all of it is on the map, to be unrolled; 0 where it varies.
template <class Join, int KH, int KW>
void pool(
    Run& r, Map in, Axis rows, Axis columns, bool average, bool count_padding, Affine affine,
    Bounds bounds, Map out
) {
    // few pixels have many channels: share those, too
    const int pieces = out.height > 4 ? 1 : std::max(1, (in.channels + 127) / 128);
    const int piece = (in.channels + pieces - 1) / pieces;
    const int step = (piece + lanes - 1) / lanes * lanes;
    r.share(static_cast<long>(r.images) * out.height * pieces, [&](long item) {
        const long n = item / pieces / out.height;
        const int y = item / pieces % out.height;
        const int low = item % pieces * step, high = std::min(low + step, in.channels);
        auto [top, bottom] = rows.on_map(y, in.height, out.height);
        for (int x = 0; x < out.width; ++x) {
            auto [left, right] = columns.on_map(x, in.width, out.width);
            const number* from = in.at(n, top, left);
            number* to = out.at(n, y, x);
            float factor = 1;
            if (average) {
                int count = (bottom - top) * (right - left);
                if (count_padding) count = rows.counted(y, in.height) * columns.counted(x, in.width);
                factor = 1 / static_cast<float>(count);
            }
            auto finish = [&](vec v, int c) {
                v = clamp(affine(v * factor, c), bounds.low, bounds.high);
                store(to + c, v, high - c);
            };
            if (KH > 0 && bottom - top == KH && right - left == KW) {
                for (int c = low; c < high; c += lanes) {
                    vec v = splat(Join::start);
#pragma GCC unroll 8
                    for (int i = 0; i < KH; ++i)
#pragma GCC unroll 8
                        for (int j = 0; j < KW; ++j)
                            v = Join::join(v, load(from + c + i * in.row + j * in.pixel));
                    finish(v, c);
                }
            } else {
                for (int c = low; c < high; c += lanes) {
                    vec v = splat(Join::start);
                    for (int i = 0; i < bottom - top; ++i)
                        for (int j = 0; j < right - left; ++j)
                            v = Join::join(v, load(from + c + i * in.row + j * in.pixel));
                    finish(v, c);
                }
            }
        }
    });
}

}  // namespace inceptgraph
