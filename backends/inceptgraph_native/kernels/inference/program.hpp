// How a generated program is entered. Only one of its translation units reads this.
#pragma once

#include <unistd.h>

#include <vector>

#include "thread_pool.hpp"
#include "steps.hpp"

namespace inceptgraph {

// What a caller hands in. Python reads the fields from here: see structures.py.
struct Request {
    const float* const* inputs;
    float* const* outputs;
    const long* input_sizes;   // numbers of one image
    const long* output_sizes;
    int input_count, output_count;
    long batch;
    const char* weights;
    char* arena;
    char* scratch;
    long arena_size, scratch_size;  // bytes of each
    int threads;
    int arenas;  // one, or one for each thread
    double* times;
};

// A network's steps over some of the images of a request, `group` of them at a time.
template <class Steps>
struct Passes {
    const Request& request;
    const int group;
    const Steps& steps;

    // What one thread of a meeting does for the images from `first` to `last`.
    void run(Meeting& meeting, int thread, char* arena, char* scratch, long first, long last,
             double* times) const {
        std::vector<const float*> inputs(request.inputs, request.inputs + request.input_count);
        std::vector<float*> outputs(request.outputs, request.outputs + request.output_count);
        for (int i = 0; i < request.input_count; ++i) inputs[i] += first * request.input_sizes[i];
        for (int i = 0; i < request.output_count; ++i) outputs[i] += first * request.output_sizes[i];
        for (int images; first < last; first += images) {
            images = static_cast<int>(min<long>(group, last - first));
            Run r{&meeting, thread, images, request.weights, arena, scratch, inputs.data(),
                  outputs.data(), times};
            if (thread == 0) r.note_time();
            steps(r);
            for (int i = 0; i < request.input_count; ++i) inputs[i] += images * request.input_sizes[i];
            for (int i = 0; i < request.output_count; ++i)
                outputs[i] += images * request.output_sizes[i];
        }
    }
};

// Run all images of a request. As many as there are for each thread alike, each thread takes through
// the network alone, so that none waits for another; what is left they share, step by step.
template <class Steps>
void perform(const Request& request, int group, const Steps& steps) {
    static std::mutex one_at_a_time;
    std::lock_guard lock(one_at_a_time);
    // never deleted: threads end with the process, and after a fork there are none to wait for
    static Crew* crew = nullptr;
    static pid_t process = 0;
    if (process != getpid()) crew = new Crew;
    process = getpid();
    const Passes<Steps> passes{request, group, steps};
    const long each = request.arenas > 1 ? request.batch / request.threads : 0;
    if (each > 0) {
        auto alone = [&](int thread) {
            Meeting meeting;  // of this thread alone, which is the first in it
            passes.run(meeting, 0, request.arena + thread * request.arena_size,
                       request.scratch + thread * request.scratch_size, thread * each,
                       (thread + 1) * each, nullptr);
        };
        crew->run(request.threads, alone);
    }
    if (const long first = each * request.threads; first < request.batch) {
        Meeting meeting;
        meeting.size = request.threads;
        auto together = [&](int thread) {
            passes.run(meeting, thread, request.arena,
                       request.scratch + thread * request.scratch_size, first, request.batch,
                       request.times);
        };
        crew->run(request.threads, together);
    }
}

}  // namespace inceptgraph
