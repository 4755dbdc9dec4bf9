// Where the numbers of a feature map lie: channels innermost, then columns, rows and images.
#pragma once

#include "team.hpp"

namespace inceptgraph {

struct Map {
    number* data;  // the first channel of the top left pixel of the first image
    int height, width, channels;
    int pixel, row;  // numbers from a pixel to the next one, and to the one below
    long image;

    number* at(long n, int y, int x) const {
        return data + n * image + static_cast<long>(y) * row + static_cast<long>(x) * pixel;
    }
};

}  // namespace inceptgraph
