// Threads that wait for work.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace inceptgraph {

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
