// Steps that look at all numbers along some axes.
#pragma once

#include "pointwise.hpp"

namespace inceptgraph {

// Which axes are looked along.
struct Along {
    bool channels, rows, columns;
};

struct MeanOver {
    double sum = 0;
    void take(float x) { sum += x; }
    double result(double count) const { return sum / count; }
};
struct SumOver {
    double sum = 0;
    void take(float x) { sum += x; }
    double result(double) const { return sum; }
};
struct MaxOver {
    float most = -INFINITY;
    void take(float x) { most = x > most || x != x ? x : most; }  // a NaN stays, as torch has it
    double result(double) const { return most; }
};
struct L2NormOver {
    double sum = 0;
    void take(float x) { sum += static_cast<double>(x) * x; }
    double result(double) const { return std::sqrt(sum); }
};

// All numbers of a map at the place of a pixel and a channel, and along some axes from there.
template <class Reduce>
double reduced(const Map& in, Along along, long n, int y, int x, int c) {
    Reduce all;
    const int rows = along.rows ? in.height : 1, columns = along.columns ? in.width : 1;
    const int channels = along.channels ? in.channels : 1;
    for (int i = 0; i < rows; ++i)
        for (int j = 0; j < columns; ++j) {
            const number* from = in.at(n, along.rows ? i : y, along.columns ? j : x);
            for (int k = 0; k < channels; ++k) all.take(from[along.channels ? k : c]);
        }
    return all.result(static_cast<double>(rows) * columns * channels);
}

template <class Reduce>
void reduce(Run& r, Map in, Along along, Map out) {
    each_pixel(r, out, [&](long n, int y, int x) {
        for (int c = 0; c < out.channels; ++c) out.at(n, y, x)[c] = reduced<Reduce>(in, along, n, y, x, c);
    });
}

// Sums of the products of two maps. One with one row, one column or one channel has it in the place
// of all.
inline void dot(Run& r, Map a, Map b, Along along, Map out) {
    const int rows = along.rows ? max(a.height, b.height) : 1;
    const int columns = along.columns ? max(a.width, b.width) : 1;
    const int channels = along.channels ? max(a.channels, b.channels) : 1;
    auto at = [](const Map& map, long n, int y, int x, int c) {
        const number* pixel = map.at(n, map.height == 1 ? 0 : y, map.width == 1 ? 0 : x);
        return value(pixel[map.channels == 1 ? 0 : c]);
    };
    each_pixel(r, out, [&](long n, int y, int x) {
        for (int c = 0; c < out.channels; ++c) {
            double sum = 0;
            for (int i = y; i < y + rows; ++i)
                for (int j = x; j < x + columns; ++j)
                    for (int k = c; k < c + channels; ++k)
                        sum += static_cast<double>(at(a, n, i, j, k)) * at(b, n, i, j, k);
            out.at(n, y, x)[c] = sum;
        }
    });
}

// Each pixel looks along the axes anew: over space that is slow, and right.
inline void normalize(Run& r, Map in, Along along, float eps, Map out) {
    each_pixel(r, out, [&](long n, int y, int x) {
        double norm = 0;
        for (int c = 0; c < out.channels; ++c) {
            if (c == 0 || !along.channels) norm = reduced<L2NormOver>(in, along, n, y, x, c);
            out.at(n, y, x)[c] = in.at(n, y, x)[c] / max<double>(norm, eps);
        }
    });
}

// Normalisation within a sample: less the mean, where it is `centred`, and over the root of the mean
// square of what is left, by groups of channels of the `whole` map or of each pixel. A weight is one
// of a channel, or one of `each` number.
inline void standardize(
    Run& r, Map in, int groups, bool whole, bool centred, bool each, float eps, const float* scale,
    const float* shift, Map out
) {
    const int size = in.channels / groups, pixels = in.height * in.width;
    const int spots = whole ? 1 : pixels;
    r.share(static_cast<long>(r.images) * groups * spots, [&](long item) {
        const long n = item / (groups * spots);
        const int group = item / spots % groups, spot = item % spots;
        const int first = whole ? 0 : spot, last = whole ? pixels : spot + 1;
        const int from = group * size, to = from + size;
        const double count = static_cast<double>(last - first) * size;
        double sum = 0, squares = 0;
        if (centred)
            for (int p = first; p < last; ++p)
                for (int c = from; c < to; ++c) sum += in.at(n, p / in.width, p % in.width)[c];
        const double mean = sum / count;
        for (int p = first; p < last; ++p)
            for (int c = from; c < to; ++c) {
                const double x = in.at(n, p / in.width, p % in.width)[c] - mean;
                squares += x * x;
            }
        const double factor = 1 / std::sqrt(squares / count + eps);
        for (int p = first; p < last; ++p)
            for (int c = from; c < to; ++c) {
                const double x = (in.at(n, p / in.width, p % in.width)[c] - mean) * factor;
                const long at = each ? static_cast<long>(c) * pixels + p : c;
                const double y = x * (scale ? scale[at] : 1) + (shift ? shift[at] : 0);
                out.at(n, p / in.width, p % in.width)[c] = static_cast<float>(y);
            }
    });
}

}  // namespace inceptgraph
