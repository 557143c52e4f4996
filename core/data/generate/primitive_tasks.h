// The single tasks behind make_problem(): each draws one problem of a level, of either split.
#pragma once

#include <array>
#include <string>

#include "core/data/generate/draws.h"
#include "core/data/generate/primitives.h"

namespace espalier::generate {

Problem copying(Draws& draws, int level);
Problem assignment(Draws& draws, int level, bool code);
Problem addition(Draws& draws, int level);
Problem word_problem(Draws& draws, int level);

// Puts the answer, at a uniform place, among four wrong ones.
void set_choices(Problem& problem, std::array<std::string, 4> wrong, Draws& draws);

}  // namespace espalier::generate
