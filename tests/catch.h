// The one place that names the test framework's header (Debian's Catch2 is version 2; version 3 moved it).
// LibTorch has a macro CHECK too: a test that uses both includes <ATen/ATen.h> first.
#pragma once

#include <catch2/catch.hpp>
