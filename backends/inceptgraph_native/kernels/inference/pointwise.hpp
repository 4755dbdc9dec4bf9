// Steps that read a pixel or a channel at a time: activations, sums, products, normalisation, copies.
#pragma once

#include "pool.hpp"

namespace inceptgraph {

// -- activations, element by element -------------------------------------------------------------

struct LeakyRelu {
    float slope;
    float operator()(float x) const { return x > 0 ? x : slope * x; }
};
struct Elu {
    float alpha;
    float operator()(float x) const { return x > 0 ? x : alpha * std::expm1(x); }
};
struct Sigmoid {
    float operator()(float x) const { return 1 / (1 + std::exp(-x)); }
};
struct Silu {
    float operator()(float x) const { return x / (1 + std::exp(-x)); }
};
struct Gelu {
    float operator()(float x) const { return 0.5f * x * std::erfc(x * -0.70710678f); }
};
struct GeluTanh {
    float operator()(float x) const {
        return 0.5f * x * (1 + std::tanh(0.79788456f * (x + 0.044715f * x * x * x)));
    }
};
struct Softplus {  // log1p of exp(-|x|) cannot overflow
    float operator()(float x) const { return max(x, 0.f) + std::log1p(std::exp(-std::fabs(x))); }
};
struct Mish {
    float operator()(float x) const { return x * std::tanh(Softplus{}(x)); }
};
struct Tanh {
    float operator()(float x) const { return std::tanh(x); }
};
struct HardSigmoid {
    float operator()(float x) const { return min(max(x / 6 + 0.5f, 0.f), 1.f); }
};
struct Abs {
    float operator()(float x) const { return std::fabs(x); }
};
struct Power {
    float exponent;
    float operator()(float x) const { return std::pow(x, exponent); }
};
struct HardSwish {
    float operator()(float x) const { return x * HardSigmoid{}(x); }
};

// Visit every pixel: `work(n, y, x)`, an item of work a row.
template <class Work>
void each_pixel(Run& r, const Map& out, const Work& work) {
    r.share(static_cast<long>(r.images) * out.height, [&](long item) {
        for (int x = 0; x < out.width; ++x) work(item / out.height, item % out.height, x);
    });
}

template <class Function>
void activate(Run& r, Map in, Function function, Map out) {
    each_pixel(r, out, [&](long n, int y, int x) {
        const number* from = in.at(n, y, x);
        number* to = out.at(n, y, x);
        for (int c = 0; c < out.channels; ++c) to[c] = function(from[c]);
    });
}

// Factor and offset for each channel, then bounds: normalisation, scales, ReLU and plain copies.
inline void affine(Run& r, Map in, Affine by, Bounds bounds, Map out) {
    each_pixel(r, out, [&](long n, int y, int x) {
        const number* from = in.at(n, y, x);
        number* to = out.at(n, y, x);
        for (int c = 0; c < out.channels; c += lanes) {
            vec v = clamp(by(load(from + c, out.channels - c), c), bounds.low, bounds.high);
            store(to + c, v, out.channels - c);
        }
    });
}

inline void prelu(Run& r, Map in, const float* slopes, Map out) {
    each_pixel(r, out, [&](long n, int y, int x) {
        const number* from = in.at(n, y, x);
        number* to = out.at(n, y, x);
        for (int c = 0; c < out.channels; ++c) {
            float v = from[c];
            to[c] = v > 0 ? v : slopes[c] * v;
        }
    });
}

// -- joins ---------------------------------------------------------------------------------------

struct Add {
    static vec join(vec a, vec b) { return a + b; }
};
struct Subtract {
    static vec join(vec a, vec b) { return a - b; }
};
struct Multiply {
    static vec join(vec a, vec b) { return a * b; }
};
struct Divide {
    static vec join(vec a, vec b) { return a / b; }
};
// A NaN in either stays, as torch has it.
struct Maximum {
    static vec join(vec a, vec b) { return (a > b) | (a != a) ? a : b; }
};
struct Minimum {
    static vec join(vec a, vec b) { return (a < b) | (a != a) ? a : b; }
};

// An operand with one row, one column or one channel has it in the place of all.
template <class Join>
void join(Run& r, std::initializer_list<Map> operands, Bounds bounds, Map out) {
    each_pixel(r, out, [&](long n, int y, int x) {
        for (int c = 0; c < out.channels; c += lanes) {
            const int left = out.channels - c;
            vec v{};
            for (auto& each : operands) {
                const number* from = each.at(n, each.height == 1 ? 0 : y, each.width == 1 ? 0 : x);
                vec next = each.channels == 1 ? splat(value(*from)) : load(from + c, left);
                v = &each == operands.begin() ? next : Join::join(v, next);
            }
            store(out.at(n, y, x) + c, clamp(v, bounds.low, bounds.high), left);
        }
    });
}

// -- over the channels of a pixel ----------------------------------------------------------------

// Along an axis: 0 for the channels of each pixel, 1 for the rows, 2 for the columns of each channel.
inline void softmax(Run& r, Map in, int axis, bool logarithm, Map out) {
    const int count = axis == 0 ? in.channels : axis == 1 ? in.height : in.width;
    auto gap = [&](const Map& map) -> long { return axis == 0 ? 1 : axis == 1 ? map.row : map.pixel; };
    const long read = gap(in), write = gap(out);
    each_pixel(r, out, [&](long n, int y, int x) {
        if ((axis == 1 && y) || (axis == 2 && x)) return;
        for (int c = 0; c < (axis ? out.channels : 1); ++c) {
            const number* from = in.at(n, y, x) + c;
            number* to = out.at(n, y, x) + c;
            float most = from[0];
            for (int i = 1; i < count; ++i) most = max<float>(most, from[i * read]);
            double sum = 0;
            for (int i = 0; i < count; ++i) sum += std::exp(value(from[i * read]) - most);
            const float log_sum = std::log(sum), share = 1 / sum;
            for (int i = 0; i < count; ++i) {
                float above = value(from[i * read]) - most;
                to[i * write] = logarithm ? above - log_sum : std::exp(above) * share;
            }
        }
    });
}

inline vec root(vec x) {
    for (int i = 0; i < lanes; ++i) x[i] = std::sqrt(x[i]);
    return x;
}

// x / (k + alpha / size × Σ x²)^beta over a window of channels, one more before than after where the
// size is even. `scratch` of a thread holds the squares of a pixel.
inline void lrn(Run& r, Map in, int size, float alpha, float beta, float k, Map out) {
    const int before = size / 2;
    float* squares = reinterpret_cast<float*>(r.scratch);
    const int room = in.channels + size + 2 * lanes;
    std::memset(squares, 0, room * sizeof(float));
    each_pixel(r, out, [&](long n, int y, int x) {
        const number* from = in.at(n, y, x);
        number* to = out.at(n, y, x);
        for (int c = 0; c < in.channels; c += lanes) {
            vec v = load(from + c, in.channels - c);
            store(squares + before + c, v * v, in.channels - c);
        }
        for (int c = 0; c < in.channels; c += lanes) {
            vec sum{};
            for (int i = 0; i < size; ++i) sum += load(squares + c + i);
            vec base = sum * (alpha / size) + k, power;
            if (beta == 0.75f) {
                vec half = root(base);
                power = half * root(half);
            } else {
                for (int i = 0; i < lanes; ++i) power[i] = std::pow(base[i], beta);
            }
            store(to + c, load(from + c, in.channels - c) / power, in.channels - c);
        }
    });
}

// -- copies --------------------------------------------------------------------------------------

// From the caller's tensor, channels outermost, in float32.
inline void receive(Run& r, int input, Map to) {
    const long plane = static_cast<long>(to.height) * to.width;
    r.share(static_cast<long>(r.images) * to.height, [&](long item) {
        const long n = item / to.height;
        const int y = item % to.height;
        const float* from = r.inputs[input] + n * to.channels * plane + static_cast<long>(y) * to.width;
        if (to.channels == 3) {  // an image: its three planes side by side
            number* place = to.at(n, y, 0);
            for (int x = 0; x < to.width; ++x, place += to.pixel) {
                place[0] = from[x];
                place[1] = from[x + plane];
                place[2] = from[x + 2 * plane];
            }
            return;
        }
        for (int x = 0; x < to.width; ++x) {
            number* place = to.at(n, y, x);
            for (int c = 0; c < to.channels; ++c) place[c] = from[c * plane + x];
        }
    });
}

inline void deliver(Run& r, Map from, int output) {
    const long plane = static_cast<long>(from.height) * from.width;
    r.share(static_cast<long>(r.images) * from.height, [&](long item) {
        const long n = item / from.height;
        const int y = item % from.height;
        float* to = r.outputs[output] + n * from.channels * plane + static_cast<long>(y) * from.width;
        for (int x = 0; x < from.width; ++x) {
            const number* place = from.at(n, y, x);
            for (int c = 0; c < from.channels; ++c) to[c * plane + x] = place[c];
        }
    });
}

// A map as a vector, channels outermost.
inline void flatten(Run& r, Map from, Map to) {
    const int plane = from.height * from.width;
    r.share(static_cast<long>(r.images) * from.height, [&](long item) {
        const long n = item / from.height;
        const int y = item % from.height;
        number* start = to.at(n, 0, 0) + y * from.width;
        for (int x = 0; x < from.width; ++x) {
            const number* place = from.at(n, y, x);
            for (int c = 0; c < from.channels; ++c) start[static_cast<long>(c) * plane + x] = place[c];
        }
    });
}

// The same numbers in another shape, channels outermost.
inline void reshape(Run& r, Map in, Map out) {
    const long plane = static_cast<long>(in.height) * in.width;
    each_pixel(r, out, [&](long n, int y, int x) {
        number* to = out.at(n, y, x);
        for (int c = 0; c < out.channels; ++c) {
            const long at = (static_cast<long>(c) * out.height + y) * out.width + x;
            to[c] = in.at(n, at % plane / in.width, at % in.width)[at / plane];
        }
    });
}

// Axes in another order: which one of the operand the channels, the rows and the columns are.
inline void transpose(Run& r, Map in, int channels, int rows, int columns, Map out) {
    each_pixel(r, out, [&](long n, int y, int x) {
        number* to = out.at(n, y, x);
        int at[3];
        at[rows] = y, at[columns] = x;
        for (int c = 0; c < out.channels; ++c) {
            at[channels] = c;
            to[c] = in.at(n, at[1], at[2])[at[0]];
        }
    });
}

// Every `step` from `first` on, along an axis: 0 for channels, 1 for rows, 2 for columns.
inline void slice(Run& r, Map in, int axis, int first, int step, Map out) {
    auto place = [&](int at, int of) { return of == axis ? first + at * step : at; };
    each_pixel(r, out, [&](long n, int y, int x) {
        const number* from = in.at(n, place(y, 1), place(x, 2));
        number* to = out.at(n, y, x);
        for (int c = 0; c < out.channels; ++c) to[c] = from[place(c, 0)];
    });
}

inline void pad(Run& r, Map from, int top, int left, float border, Map to) {
    each_pixel(r, to, [&](long n, int y, int x) {
        const int row = y - top, column = x - left;
        const bool inside = row >= 0 && row < from.height && column >= 0 && column < from.width;
        number* place = to.at(n, y, x);
        const number* source = inside ? from.at(n, row, column) : nullptr;
        for (int c = 0; c < to.channels; ++c) place[c] = inside ? source[c] : number(border);
    });
}

// Zeros around a map, for convolutions that read beyond its edges. Nobody waits for it: what is
// written inside at the same time is elsewhere, and who reads comes after a meeting.
inline void surround(Run& r, Map map, int top, int bottom, int left, int right) {
    const long rows = map.height + top + bottom;
    auto clear = [&](number* from, number* to) {
        std::memset(static_cast<void*>(from), 0, (to - from) * sizeof(number));
    };
    for (long n = 0; n < r.images; ++n)
        for (long i = r.thread; i < rows; i += r.meeting->size) {
            const int y = static_cast<int>(i) - top;
            if (y < 0 || y >= map.height) {
                clear(map.at(n, y, -left), map.at(n, y, map.width + right));
            } else {
                clear(map.at(n, y, -left), map.at(n, y, 0));
                clear(map.at(n, y, map.width), map.at(n, y, map.width + right));
            }
        }
}

}  // namespace inceptgraph
