// What threads that run a program together share: each runs all of it, takes its share of every step,
// and waits for the others where a step ends.
#pragma once

#include <sched.h>
#include <time.h>

#include "number.hpp"

namespace inceptgraph {

inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Where a step's work is handed out, and where threads meet. The compiler's atomic operations: the
// standard library's header would take longer to read than a program to compile.
struct Meeting {
    int size = 1;
    alignas(64) long next = 0;
    alignas(64) int arrived = 0;
    alignas(64) unsigned rounds = 0;

    long take() { return __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED); }

    // The last to come does `close` before the others go on.
    template <class Close>
    void wait_for_all(const Close& close) {
        if (size == 1) {
            close();
            next = 0;
            return;
        }
        const unsigned round = __atomic_load_n(&rounds, __ATOMIC_RELAXED);
        if (__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL) == size) {
            close();
            arrived = 0;
            next = 0;
            __atomic_add_fetch(&rounds, 1, __ATOMIC_RELEASE);
            return;
        }
        // a step is short, so that spinning is faster than sleeping; but a core may be wanted
        for (int spins = 0; __atomic_load_n(&rounds, __ATOMIC_ACQUIRE) == round; ++spins) {
            relax();
            if (spins > 4000) sched_yield();
        }
    }
};

// What one thread knows of a run.
struct Run {
    Meeting* meeting;
    int thread;              // of those that meet
    int images;              // of this pass
    const char* weights;
    char* arena;
    char* scratch;           // this thread's own
    const float* const* inputs;   // of this pass's first image
    float* const* outputs;
    double* times;           // seconds at the start and after each step, or null
    int step = 0;

    number* at(long offset) { return reinterpret_cast<number*>(arena + offset); }
    const float* weight(long offset) { return reinterpret_cast<const float*>(weights + offset); }

    // Do `work(i)` for every i below `items`, each by whichever thread comes first.
    template <class Work>
    void share(long items, const Work& work) {
        for (long i; (i = meeting->take()) < items;) work(i);
        ++step;
        meeting->wait_for_all([this] { note_time(); });
    }

    // The moment at which as many steps as `step` says are done.
    void note_time() {
        if (!times) return;
        timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        times[step] = now.tv_sec + now.tv_nsec * 1e-9;
    }
};

}  // namespace inceptgraph
