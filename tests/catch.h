// The one place that names the test framework's header (Debian's Catch2 is version 2; version 3 moved it).
#pragma once

// LibTorch has a macro of the same name: where it can be included, it comes first and gives way.
#if __has_include(<c10/util/Logging.h>)
#include <c10/util/Logging.h>
#undef CHECK
#endif

#include <catch2/catch.hpp>
