// How a generated program is entered. Only one of its translation units reads this.
#pragma once

#include <unistd.h>

#include <vector>

#include "crew.hpp"
#include "pointwise.hpp"

namespace inceptgraph {

// What a caller hands in: see `Library` in library.py.
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
    long scratch_size;  // bytes of each thread
    int threads;
    double* times;
};

// Run the steps for `group` images at a time.
template <class Steps>
void perform(const Request& request, int group, const Steps& steps) {
    static std::mutex one_at_a_time;
    std::lock_guard lock(one_at_a_time);
    // never deleted: threads end with the process, and after a fork there are none to wait for
    static Crew* crew = nullptr;
    static pid_t process = 0;
    if (process != getpid()) crew = new Crew;
    process = getpid();
    Meeting meeting;
    meeting.size = request.threads;
    auto work = [&](int thread) {
        std::vector<const float*> inputs(request.inputs, request.inputs + request.input_count);
        std::vector<float*> outputs(request.outputs, request.outputs + request.output_count);
        for (long first = 0; first < request.batch; first += group) {
            const int images = static_cast<int>(min<long>(group, request.batch - first));
            Run r{&meeting, thread, images, request.weights, request.arena,
                  request.scratch + thread * request.scratch_size, inputs.data(), outputs.data(),
                  request.times};
            if (thread == 0) r.note_time();
            steps(r);
            for (int i = 0; i < request.input_count; ++i) inputs[i] += images * request.input_sizes[i];
            for (int i = 0; i < request.output_count; ++i)
                outputs[i] += images * request.output_sizes[i];
        }
    };
    crew->run(request.threads, work);
}

}  // namespace inceptgraph
