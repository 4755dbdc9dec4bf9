// All kernels that steps may call.
#pragma once

#include "pointwise.hpp"
#include "reduce.hpp"
#include "resample.hpp"
