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

}  // namespace inceptgraph
