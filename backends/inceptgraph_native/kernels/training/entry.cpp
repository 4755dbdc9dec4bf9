// What Python calls: each kernel for each type of numbers. See `training/kernels.py`.
#include <algorithm>

#include "training/conv.hpp"
#include "training/lrn.hpp"
#include "training/norm.hpp"
#include "training/pool.hpp"

namespace t = inceptgraph::training;

#define KERNELS(T, S, NAME)                                                                        \
    extern "C" void batch_norm_##NAME(                                                             \
        const T* x, T* y, long rows, long channels, const S* weight, const S* bias, S* mean,       \
        S* spread, S* running_mean, S* running_var, const t::Norm* norm, int threads               \
    ) {                                                                                            \
        t::batch_norm(x, y, rows, channels, weight, bias, mean, spread, running_mean, running_var, \
                      *norm, threads);                                                             \
    }                                                                                              \
    extern "C" void batch_norm_gradient_##NAME(                                                    \
        const T* x, const T* g, long pitch, T* dx, long rows, long channels, const S* weight,      \
        const S* bias, const S* mean, const S* spread, S* dweight, S* dbias, const t::Norm* norm,  \
        int threads                                                                                \
    ) {                                                                                            \
        t::batch_norm_gradient(x, g, pitch, dx, rows, channels, weight, bias, mean, spread,        \
                               dweight, dbias, *norm, threads);                                    \
    }                                                                                              \
    extern "C" void max_pool_##NAME(                                                               \
        const T* x, T* y, std::uint8_t* taps, const t::Window* window, int threads                 \
    ) {                                                                                            \
        t::max_pool(x, y, taps, *window, threads);                                                 \
    }                                                                                              \
    extern "C" void max_pool_gradient_##NAME(                                                      \
        const T* g, long pitch, const std::uint8_t* taps, T* dx, const t::Window* window,          \
        int threads                                                                                \
    ) {                                                                                            \
        t::max_pool_gradient(g, pitch, taps, dx, *window, threads);                                \
    }                                                                                              \
    extern "C" void response_norm_##NAME(                                                          \
        const T* x, T* y, long rows, long channels, const t::Response* response, int threads       \
    ) {                                                                                            \
        t::response_norm(x, y, rows, channels, *response, threads);                                \
    }                                                                                              \
    extern "C" void response_norm_gradient_##NAME(                                                 \
        const T* x, const T* g, long pitch, T* dx, long rows, long channels,                       \
        const t::Response* response, int threads                                                   \
    ) {                                                                                            \
        t::response_norm_gradient(x, g, pitch, dx, rows, channels, *response, threads);            \
    }                                                                                              \
    extern "C" void filter_##NAME(                                                                 \
        const T* x, const S* weights, const S* bias, T* y, const t::Filter* filter, int threads    \
    ) {                                                                                            \
        t::filter(x, weights, bias, y, *filter, threads);                                          \
    }                                                                                              \
    extern "C" void filter_gradient_##NAME(                                                        \
        const T* x, const T* g, S* sums, const t::Filter* filter, int threads                      \
    ) {                                                                                            \
        t::filter_gradient(x, g, sums, *filter, threads);                                          \
    }

#define WEIGHTS(S, NAME)                                                                           \
    extern "C" void kernels_##NAME(                                                                \
        S* weights, S* products, const S* points, const t::Kernels* kernels, int threads           \
    ) {                                                                                            \
        t::kernels<false>(weights, products, points, *kernels, threads);                           \
    }                                                                                              \
    extern "C" void kernels_gradient_##NAME(                                                       \
        S* weights, S* products, const S* points, const t::Kernels* kernels, int threads           \
    ) {                                                                                            \
        t::kernels<true>(weights, products, points, *kernels, threads);                            \
    }

WEIGHTS(float, float32)
WEIGHTS(double, float64)

KERNELS(float, float, float32)
KERNELS(double, double, float64)
KERNELS(t::bfloat16, float, bfloat16)
