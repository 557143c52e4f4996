// Umbrella of the C++17 authoring layer. Start with docs/writing-a-plugin.md.
//
// Derive from Growth, Difficulty or Schedule, add a static describe(), and end the file with
// ESPALIER_PLUGIN(YourClass); Header-only: it is compiled into the plugin, and nothing of it crosses the ABI.
#pragma once

#include <espalier/espalier.h>
#include <espalier/cpp/difficulty.hpp>
#include <espalier/cpp/entry.hpp>
#include <espalier/cpp/growth.hpp>
#include <espalier/cpp/schedule.hpp>
