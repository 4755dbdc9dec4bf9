// Threads that wait for work.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

namespace inceptgraph {

// The threads of this program: kept between calls, asleep, to the end of the process.
class Crew {
  public:
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
            for (; started_ < size - 1; ++started_)
                std::thread([this, thread = started_ + 1, seen = task_ - 1] {
                    serve(thread, seen);
                }).detach();
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
            wake_.wait(lock, [&] { return task_ != seen; });
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
    int started_ = 0;
    void (*call_)(void*, int) = nullptr;
    void* it_ = nullptr;
    int size_ = 0, busy_ = 0;
    unsigned task_ = 0;
};

}  // namespace inceptgraph
