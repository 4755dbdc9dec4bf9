// Pools: sliding, adaptive and global windows. Padding never is in memory: windows are cut instead.
#pragma once

#include <utility>

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
        return {max(first, 0), min(first + size, extent)};
    }

    // Pixels that an average which counts padding divides by.
    int counted(int i, int extent) const {
        int first = i * stride - before;
        return min(first + size, extent + after) - first;
    }
};

struct Max {
    // a NaN wins, as in torch
    static vec join(vec a, vec b) { return (b <= a) | (a != a) ? a : b; }
};

struct Sum {
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

// First down the rows of a window, for each column once, then along them.
template <class Join>
void pool(
    Run& r, Map in, Axis rows, Axis columns, bool average, bool count_padding, Affine affine,
    Bounds bounds, Map out
) {
    float* joined = reinterpret_cast<float*>(r.scratch);  // a vector of channels of each column
    // few pixels have many channels: share those, too
    const int pieces = out.height > 4 ? 1 : max(1, (in.channels + 127) / 128);
    const int piece = ((in.channels + pieces - 1) / pieces + lanes - 1) / lanes * lanes;
    r.share(static_cast<long>(r.images) * out.height * pieces, [&](long item) {
        const long n = item / pieces / out.height;
        const int y = item / pieces % out.height;
        const int low = item % pieces * piece, high = min(low + piece, in.channels);
        const auto [top, bottom] = rows.on_map(y, in.height, out.height);
        const int counted = rows.counted(y, in.height);
        for (int c = low; c < high; c += lanes) {
            const number* from = in.at(n, top, 0) + c;
            for (int x = 0; x < in.width; ++x, from += in.pixel) {
                vec v = load(from);
                for (int i = 1; i < bottom - top; ++i) v = Join::join(v, load(from + i * in.row));
                store(joined + x * lanes, v);
            }
            number* to = out.at(n, y, 0) + c;
            for (int x = 0; x < out.width; ++x, to += out.pixel) {
                const auto [left, right] = columns.on_map(x, in.width, out.width);
                vec v = load(joined + left * lanes);
                for (int j = left + 1; j < right; ++j) v = Join::join(v, load(joined + j * lanes));
                if (average) {
                    int count = (bottom - top) * (right - left);
                    if (count_padding) count = counted * columns.counted(x, in.width);
                    v *= splat(1 / static_cast<float>(count));
                }
                store(to, clamp(affine(v, c), bounds.low, bounds.high), high - c);
            }
        }
    });
}

}  // namespace inceptgraph
