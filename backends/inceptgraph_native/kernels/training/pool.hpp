// Max pooling that remembers where in each window the maximum lay, in a byte.
#pragma once

#include <limits>

#include "lanes.hpp"

namespace inceptgraph::training {

// A window that slides over maps; `top` and `left` are the padding before them.
struct Window {
    long images, channels;
    int in_height, in_width, height, width;  // of the input and of the output
    int rows, columns, down, across, top, left;
};

// As torch has it, the first of equal ones is the maximum, and the last NaN.
template <class T>
void max_pool(const T* x, T* y, std::uint8_t* taps, const Window& w, int threads) {
    typedef Lanes<T> L;
    typedef typename L::places places;
    share(threads, w.images * w.height, [&](long first, long last, int) {
        for (long line = first; line < last; ++line) {
            const int y0 = static_cast<int>(line % w.height) * w.down - w.top;
            const int top = std::max(0, -y0), bottom = std::min(w.rows, w.in_height - y0);
            const T* image = x + line / w.height * w.in_height * w.in_width * w.channels;
            for (int j = 0; j < w.width; ++j) {
                const int x0 = j * w.across - w.left;
                const int left = std::max(0, -x0), right = std::min(w.columns, w.in_width - x0);
                const long to = (line * w.width + j) * w.channels;
                each_few<T>(w.channels, [&](long c, auto few, auto count) {
                    typename L::vec best[few];
                    places where[few];
                    for (int i = 0; i < few; ++i) {
                        best[i] = L::splat(-std::numeric_limits<typename L::sum>::infinity());
                        where[i] = places{} + (top * w.columns + left);
                    }
                    for (int a = top; a < bottom; ++a) {
                        const T* row = image + (static_cast<long>(y0 + a) * w.in_width + x0) * w.channels + c;
                        for (int b = left; b < right; ++b) {
                            const places here = places{} + (a * w.columns + b);
                            for (int i = 0; i < few; ++i) {
                                const auto v = L::load(row + b * w.channels + i * L::width, count);
                                const auto more = (v > best[i]) | (v != v);
                                best[i] = more ? v : best[i];
                                where[i] = more ? here : where[i];
                            }
                        }
                    }
                    for (int i = 0; i < few; ++i) {
                        L::store(y + to + c + i * L::width, best[i], count);
                        Bytes<T>::store(taps + to + c + i * L::width, where[i], count);
                    }
                });
            }
        }
    });
}

// Each number of the input takes the gradients of the windows whose maximum it is.
template <class T>
void max_pool_gradient(
    const T* g, long pitch, const std::uint8_t* taps, T* dx, const Window& w, int threads
) {
    typedef Lanes<T> L;
    share(threads, w.images * w.in_height, [&](long first, long last, int) {
        for (long line = first; line < last; ++line) {
            const long image = line / w.in_height;
            const int y = static_cast<int>(line % w.in_height) + w.top;
            const int top = y < w.rows ? 0 : (y - w.rows) / w.down + 1;
            const int bottom = std::min(y / w.down, w.height - 1);
            for (int j = 0; j < w.in_width; ++j) {
                const int x = j + w.left;
                const int left = x < w.columns ? 0 : (x - w.columns) / w.across + 1;
                const int right = std::min(x / w.across, w.width - 1);
                each_few<T>(w.channels, [&](long c, auto few, auto count) {
                    typename L::vec sum[few]{};
                    for (int a = top; a <= bottom; ++a)
                        for (int b = left; b <= right; ++b) {
                            const long row = (image * w.height + a) * w.width + b;
                            const int tap = (y - a * w.down) * w.columns + x - b * w.across;
                            const std::uint8_t* where = taps + row * w.channels + c;
                            const T* gradient = g + row * pitch + c;
                            for (int i = 0; i < few; ++i, where += L::width, gradient += L::width)
                                sum[i] = Bytes<T>::add(sum[i], where, tap, L::load(gradient, count), count);
                        }
                    for (int i = 0; i < few; ++i)
                        L::store(dx + (line * w.in_width + j) * w.channels + c + i * L::width, sum[i], count);
                });
            }
        }
    });
}

}  // namespace inceptgraph::training
