// Whether a checkpoint is whole, more closely than a resume looks.
#pragma once

#include <vector>

#include "core/base/file.h"

namespace espalier {

// What is damaged, each with its place; empty for a whole checkpoint. Where files do not have their sha256, all of
// them, and nothing is read on. Else the first thing that cannot be read, or what does not fit together: manifest,
// state and config.json, growths that follow each other up to the model that is there, each stored plan with the leaves
// that it learned, and moments of what is no parameter.
std::vector<Error> damages_of(const fs::path& dir);

}  // namespace espalier
