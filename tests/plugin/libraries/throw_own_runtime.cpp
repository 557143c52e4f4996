// Lets a C++ exception leave init() from a library that carries its own copy of the C++ runtime.
#include <stdexcept>
#define FIXTURE_ID "org.example.test.throw_own_runtime"
#define FIXTURE_INIT throw std::runtime_error("thrown by another runtime");
#include "tests/fixtures/plugins/raw_plugin.h"
