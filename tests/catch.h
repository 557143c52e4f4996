// The one place that names the test framework's header (Debian's Catch2 is version 2; version 3 moved it).
#pragma once

#include <catch2/catch.hpp>
