// Maps made larger or smaller.
#pragma once

#include "pointwise.hpp"

namespace inceptgraph {

// Sums of `count`×`count` pixels. For each row of the output: which rows are read, and their weights;
// for each column likewise. Places are whole numbers, kept as weights are.
inline void resample(
    Run& r, Map in, int count, const float* rows, const float* row_weights, const float* columns,
    const float* column_weights, Map out
) {
    each_pixel(r, out, [&](long n, int y, int x) {
        for (int c = 0; c < out.channels; c += lanes) {
            const int left = out.channels - c;
            vec sum{};
            for (int i = y * count; i < (y + 1) * count; ++i)
                for (int j = x * count; j < (x + 1) * count; ++j) {
                    const number* from = in.at(n, static_cast<int>(rows[i]), static_cast<int>(columns[j]));
                    sum += load(from + c, left) * splat(row_weights[i] * column_weights[j]);
                }
            store(out.at(n, y, x) + c, sum, left);
        }
    });
}

// Of factor² channels a block of so many pixels; then the reverse.
inline void pixel_shuffle(Run& r, Map in, int factor, Map out) {
    each_pixel(r, out, [&](long n, int y, int x) {
        const number* from = in.at(n, y / factor, x / factor) + y % factor * factor + x % factor;
        number* to = out.at(n, y, x);
        for (int c = 0; c < out.channels; ++c) to[c] = from[c * factor * factor];
    });
}

inline void pixel_unshuffle(Run& r, Map in, int factor, Map out) {
    each_pixel(r, out, [&](long n, int y, int x) {
        number* to = out.at(n, y, x);
        for (int i = 0; i < factor * factor; ++i) {
            const number* from = in.at(n, y * factor + i / factor, x * factor + i % factor);
            for (int c = 0; c < in.channels; ++c) to[c * factor * factor + i] = from[c];
        }
    });
}

// The first channel of each group, then the second of each.
inline void channel_shuffle(Run& r, Map in, int groups, Map out) {
    const int size = in.channels / groups;
    each_pixel(r, out, [&](long n, int y, int x) {
        const number* from = in.at(n, y, x);
        number* to = out.at(n, y, x);
        for (int c = 0; c < out.channels; ++c) to[c] = from[c % groups * size + c / groups];
    });
}

// The pixel of a map that stands at a place before its first or past its last.
struct Reflect {
    static int at(int place, int extent) {
        return place < 0 ? -place : place < extent ? place : 2 * (extent - 1) - place;
    }
};
struct Replicate {
    static int at(int place, int extent) { return min(max(place, 0), extent - 1); }
};
struct Circular {
    static int at(int place, int extent) { return (place + extent) % extent; }
};

// A border of pixels of the map.
template <class Mode>
void pad_by(Run& r, Map in, int top, int left, Map out) {
    each_pixel(r, out, [&](long n, int y, int x) {
        const number* from = in.at(n, Mode::at(y - top, in.height), Mode::at(x - left, in.width));
        std::memcpy(static_cast<void*>(out.at(n, y, x)), from, out.channels * sizeof(number));
    });
}

}  // namespace inceptgraph
