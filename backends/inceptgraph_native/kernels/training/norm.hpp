// Batch normalisation of a batch by its own statistics, with the ReLU behind it where there is one.
#pragma once

#include <cmath>
#include <limits>

#include "lanes.hpp"

namespace inceptgraph::training {

struct Norm {
    double momentum, eps;
    int relu;  // whether there is one behind it
};

// Sums are taken over blocks of about this many numbers, which stay in the cache; those of blocks are
// summed in float64.
inline constexpr long BLOCK = 16384;

inline long rows_of_block(long channels) { return channels < BLOCK / 8 ? BLOCK / channels / 8 * 8 : 8; }

// `work(row, c, rows, left)` for each vector of channels of some rows at a time, so that sums stay in
// registers from one to the next.
template <class T, class Work>
[[gnu::always_inline]] inline void by_rows(long first, long last, long channels, const Work& work) {
    constexpr std::integral_constant<long, 8> many;
    for (; first + many <= last; first += many)
        each<T>(channels, [&](long c, auto left) { work(first, c, many, left); });
    for (; first < last; ++first)
        each<T>(channels, [&](long c, auto left) {
            work(first, c, std::integral_constant<long, 1>(), left);
        });
}

// For each channel what x is multiplied by, and what is added then: without weights, 1 and 0.
template <class S>
void factors(
    const S* weight, const S* bias, const S* mean, const S* spread, long channels, S* scale, S* shift
) {
    for (long c = 0; c < channels; ++c) {
        scale[c] = (weight ? weight[c] : 1) * spread[c];
        shift[c] = (bias ? bias[c] : 0) - mean[c] * scale[c];
    }
}

// Mean, and the sum of squared distances from it, of so many rows.
struct Moments {
    double rows = 0;
    std::vector<double> mean, squares;

    explicit Moments(long channels) : mean(channels), squares(channels) {}

    // Chan, Golub & LeVeque 1983, Algorithms for computing the sample variance, equation 2.1.
    template <class A>
    void join(double more, const A* their_mean, const A* their_squares) {
        const double part = more / (rows + more), both = rows * part;
        for (size_t c = 0; c < mean.size(); ++c) {
            const double apart = their_mean[c] - mean[c];
            mean[c] += apart * part;
            squares[c] += their_squares[c] + apart * apart * both;
        }
        rows += more;
    }
};

template <class T, class S = typename Lanes<T>::sum>
Moments moments(const T* x, long rows, long channels, int threads) {
    typedef Lanes<T> L;
    typedef Lanes<S> P;
    std::vector<Moments> found(threads, Moments(channels));
    share(threads, rows, [&](long first, long last, int thread) {
        std::vector<S> mean(channels), squares(channels);
        for (long step = rows_of_block(channels); first < last; first += step) {
            const long count = std::min(step, last - first);
            std::fill(mean.begin(), mean.end(), S{});
            std::fill(squares.begin(), squares.end(), S{});
            by_rows<T>(first, first + count, channels, [&](long row, long c, auto rows, auto left) {
                auto sum = P::load(&mean[c], left);
                for (long i = 0; i < rows; ++i) sum += L::load(x + (row + i) * channels + c, left);
                P::store(&mean[c], sum, left);
            });
            for (S& sum : mean) sum /= count;
            by_rows<T>(first, first + count, channels, [&](long row, long c, auto rows, auto left) {
                const auto middle = P::load(&mean[c], left);
                auto sum = P::load(&squares[c], left);
                for (long i = 0; i < rows; ++i) {
                    const auto apart = L::load(x + (row + i) * channels + c, left) - middle;
                    sum += apart * apart;
                }
                P::store(&squares[c], sum, left);
            });
            found[thread].join(count, mean.data(), squares.data());
        }
    });
    Moments all(channels);
    for (const Moments& one : found)
        if (one.rows > 0) all.join(one.rows, one.mean.data(), one.squares.data());
    return all;
}

// Writes y, the mean and the inverse of the standard deviation of each channel, and moves the running
// statistics, where there are any, by the momentum's part of the way.
template <class T, class S = typename Lanes<T>::sum>
void batch_norm(
    const T* x, T* y, long rows, long channels, const S* weight, const S* bias, S* mean, S* spread,
    S* running_mean, S* running_var, const Norm& norm, int threads
) {
    typedef Lanes<T> L;
    typedef Lanes<S> P;
    const Moments found = moments(x, rows, channels, threads);
    for (long c = 0; c < channels; ++c) {
        mean[c] = found.mean[c];
        spread[c] = 1 / std::sqrt(found.squares[c] / rows + norm.eps);
        if (!running_mean) continue;
        running_mean[c] += norm.momentum * (found.mean[c] - running_mean[c]);
        running_var[c] += norm.momentum * (found.squares[c] / (rows - 1) - running_var[c]);
    }
    std::vector<S> scale(channels), shift(channels);
    factors(weight, bias, mean, spread, channels, scale.data(), shift.data());
    const auto low = L::splat(norm.relu ? 0 : -std::numeric_limits<S>::infinity());
    share(threads, rows, [&](long first, long last, int) {
        for (long row = first; row < last; ++row)
            each<T>(channels, [&](long c, auto left) {
                const long at = row * channels + c;
                const auto v = L::load(x + at, left) * P::load(&scale[c], left) + P::load(&shift[c], left);
                L::store(y + at, v < low ? low : v, left);
            });
    });
}

// Writes the gradients of x, of the weight and of the bias, from that of y.
template <class T, class S = typename Lanes<T>::sum>
void batch_norm_gradient(
    const T* x, const T* g, long pitch, T* dx, long rows, long channels, const S* weight,
    const S* bias, const S* mean, const S* spread, S* dweight, S* dbias, const Norm& norm, int threads
) {
    typedef Lanes<T> L;
    typedef Lanes<S> P;
    std::vector<S> scale(channels), shift(channels);
    factors(weight, bias, mean, spread, channels, scale.data(), shift.data());
    // the gradient before the ReLU, which passes where its input is above zero
    auto passed = [&](auto input, long row, long c, auto left) {
        const auto gradient = L::load(g + row * pitch + c, left);
        return norm.relu ? (input <= 0 ? decltype(input){} : gradient) : gradient;
    };
    std::vector<std::vector<double>> sums(threads, std::vector<double>(2 * channels));
    share(threads, rows, [&](long first, long last, int thread) {
        std::vector<S> part(2 * channels);
        S *plain = part.data(), *along = plain + channels;
        for (long step = rows_of_block(channels); first < last; first += step) {
            std::fill(part.begin(), part.end(), S{});
            const long end = std::min(first + step, last);
            by_rows<T>(first, end, channels, [&](long row, long c, auto rows, auto left) {
                const auto factor = P::load(&scale[c], left), term = P::load(&shift[c], left);
                const auto middle = P::load(mean + c, left);
                auto sum = P::load(plain + c, left), product = P::load(along + c, left);
                for (long i = 0; i < rows; ++i) {
                    const auto v = L::load(x + (row + i) * channels + c, left);
                    const auto gradient = passed(v * factor + term, row + i, c, left);
                    sum += gradient;
                    product += gradient * (v - middle);
                }
                P::store(plain + c, sum, left);
                P::store(along + c, product, left);
            });
            for (long i = 0; i < 2 * channels; ++i) sums[thread][i] += part[i];
        }
    });
    std::vector<S> offset(channels), slope(channels);
    for (long c = 0; c < channels; ++c) {
        double plain = 0, along = 0;
        for (const auto& one : sums) plain += one[c], along += one[channels + c];
        dbias[c] = plain;
        dweight[c] = along * spread[c];
        const double steep = -along / rows * spread[c] * spread[c] * scale[c];
        slope[c] = steep;
        offset[c] = -plain / rows * scale[c] - steep * mean[c];
    }
    share(threads, rows, [&](long first, long last, int) {
        for (long row = first; row < last; ++row)
            each<T>(channels, [&](long c, auto left) {
                const long at = row * channels + c;
                const auto v = L::load(x + at, left), factor = P::load(&scale[c], left);
                const auto gradient = passed(v * factor + P::load(&shift[c], left), row, c, left);
                const auto along = v * P::load(&slope[c], left) + P::load(&offset[c], left);
                L::store(dx + at, gradient * factor + along, left);
            });
    });
}

}  // namespace inceptgraph::training
