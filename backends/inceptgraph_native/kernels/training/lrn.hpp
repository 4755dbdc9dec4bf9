// Local response normalisation across channels (Krizhevsky et al. 2012, section 3.3):
// y = x · s^-β, where s = k + α · (the sum of squares of the `size` channels around).
#pragma once

#include <cmath>

#include "lanes.hpp"

namespace inceptgraph::training {

struct Response {
    int size;
    double alpha, beta, k;  // alpha: already divided by the size

    int before() const { return size / 2; }
};

// s^-β; for 3/4, which is what everyone uses, by roots.
template <class V, class S>
[[gnu::always_inline]] inline V power(V s, S beta) {
    constexpr int width = sizeof(V) / sizeof(S);
    V found;
    if (beta == S(0.75)) {
        for (int i = 0; i < width; ++i) found[i] = 1 / std::sqrt(s[i] * std::sqrt(s[i]));
    } else {
        for (int i = 0; i < width; ++i) found[i] = std::pow(s[i], -beta);
    }
    return found;
}

// A row of channels with zeros on both sides, so that windows know no ends.
template <class S>
struct Padded {
    int before;
    std::vector<S> numbers;
    Padded(long channels, int size)
        : before(size), numbers(channels + 2 * size + vector_bytes / sizeof(S)) {}

    S* at(long c) { return numbers.data() + before + c; }
    // The sum of `size` channels, of which the first is `c - back`.
    auto around(long c, int back, int size) {
        typedef Lanes<S> P;
        auto sum = P::load(at(c - back), P::width);
        for (int i = 1; i < size; ++i) sum += P::load(at(c - back + i), P::width);
        return sum;
    }
};

template <class T, class S = typename Lanes<T>::sum>
void response_norm(const T* x, T* y, long rows, long channels, const Response& r, int threads) {
    typedef Lanes<T> L;
    typedef Lanes<S> P;
    share(threads, rows, [&](long first, long last, int) {
        Padded<S> squares(channels, r.size);
        for (long at = first * channels; at < last * channels; at += channels) {
            each<T>(channels, [&](long c, auto left) {
                const auto v = L::load(x + at + c, left);
                P::store(squares.at(c), v * v, left);
            });
            each<T>(channels, [&](long c, auto left) {
                const auto s = S(r.k) + S(r.alpha) * squares.around(c, r.before(), r.size);
                L::store(y + at + c, L::load(x + at + c, left) * power(s, S(r.beta)), left);
            });
        }
    });
}

// dx = g · s^-β - 2αβ · x · (the sum of g · x · s^(-β-1) over the channels whose windows hold x).
template <class T, class S = typename Lanes<T>::sum>
void response_norm_gradient(
    const T* x, const T* g, long pitch, T* dx, long rows, long channels, const Response& r,
    int threads
) {
    typedef Lanes<T> L;
    typedef Lanes<S> P;
    share(threads, rows, [&](long first, long last, int) {
        Padded<S> squares(channels, r.size), shares(channels, r.size), direct(channels, r.size);
        for (long row = first; row < last; ++row) {
            const T *from = x + row * channels, *gradient = g + row * pitch;
            each<T>(channels, [&](long c, auto left) {
                const auto v = L::load(from + c, left);
                P::store(squares.at(c), v * v, left);
            });
            each<T>(channels, [&](long c, auto left) {
                const auto s = S(r.k) + S(r.alpha) * squares.around(c, r.before(), r.size);
                const auto own = L::load(gradient + c, left) * power(s, S(r.beta));
                P::store(direct.at(c), own, left);
                P::store(shares.at(c), own * L::load(from + c, left) / s, left);
            });
            const int back = r.size - 1 - r.before();
            const S factor = -2 * r.alpha * r.beta;
            each<T>(channels, [&](long c, auto left) {
                const auto others = shares.around(c, back, r.size);
                const auto found = P::load(direct.at(c), left) + factor * L::load(from + c, left) * others;
                L::store(dx + row * channels + c, found, left);
            });
        }
    });
}

}  // namespace inceptgraph::training
