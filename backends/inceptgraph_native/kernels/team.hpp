// Threads that run a program together: each runs all of it, takes its share of every step, and waits
// for the others where a step ends.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "number.hpp"

namespace inceptgraph {

inline void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

// Where a step's work is handed out, and where threads meet.
struct Meeting {
    int size = 1;
    alignas(64) std::atomic<long> next{0};
    alignas(64) std::atomic<int> arrived{0};
    alignas(64) std::atomic<unsigned> rounds{0};

    void wait_for_all() {
        if (size == 1) {
            next.store(0, std::memory_order_relaxed);
            return;
        }
        unsigned round = rounds.load(std::memory_order_relaxed);
        if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == size) {
            arrived.store(0, std::memory_order_relaxed);
            next.store(0, std::memory_order_relaxed);
            rounds.fetch_add(1, std::memory_order_release);
            return;
        }
        // a step is short, so that spinning is faster than sleeping; but a core may be wanted
        for (int spins = 0; rounds.load(std::memory_order_acquire) == round; ++spins) {
            relax();
            if (spins > 4000) std::this_thread::yield();
        }
    }
};

// What one thread knows of a run.
struct Run {
    Meeting* meeting;
    int thread;
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
        for (long i; (i = meeting->next.fetch_add(1, std::memory_order_relaxed)) < items;) work(i);
        meeting->wait_for_all();
        ++step;
        note_time();
    }

    // The moment at which as many steps as `step` says are done.
    void note_time() {
        if (!times || thread != 0) return;
        auto now = std::chrono::steady_clock::now().time_since_epoch();
        times[step] = std::chrono::duration<double>(now).count();
    }
};

// The threads of this program: kept between calls, asleep.
class Crew {
  public:
    ~Crew() {
        {
            std::lock_guard lock(mutex_);
            leaving_ = true;
        }
        wake_.notify_all();
        for (auto& each : threads_) each.join();
    }

    // Run `work(thread)` in `size` threads, this one among them.
    template <class Work>
    void run(int size, Work& work) {
        if (size > 1) {
            std::lock_guard lock(mutex_);
            call_ = [](void* it, int thread) { (*static_cast<Work*>(it))(thread); };
            it_ = &work;
            size_ = size;
            busy_ = size - 1;
            ++task_;
            while (static_cast<int>(threads_.size()) < size - 1) {
                int thread = static_cast<int>(threads_.size()) + 1;
                threads_.emplace_back([this, thread, seen = task_ - 1] { serve(thread, seen); });
            }
        }
        wake_.notify_all();
        work(0);
        if (size > 1) {
            std::unique_lock lock(mutex_);
            done_.wait(lock, [this] { return busy_ == 0; });
        }
    }

  private:
    void serve(int thread, unsigned seen) {
        std::unique_lock lock(mutex_);
        for (;;) {
            wake_.wait(lock, [&] { return leaving_ || task_ != seen; });
            if (leaving_) return;
            seen = task_;
            if (thread >= size_) continue;
            lock.unlock();
            call_(it_, thread);
            lock.lock();
            if (--busy_ == 0) done_.notify_one();
        }
    }

    std::mutex mutex_;
    std::condition_variable wake_, done_;
    std::vector<std::thread> threads_;
    void (*call_)(void*, int) = nullptr;
    void* it_ = nullptr;
    int size_ = 0, busy_ = 0;
    unsigned task_ = 0;
    bool leaving_ = false;
};

}  // namespace inceptgraph
