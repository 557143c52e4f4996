// What a plugin may answer for the shape of a step.
#pragma once

#include <string>

#include "core/model/spec.h"
#include "core/model/step_shape.h"

namespace espalier::plugin {

// What is wrong with the shape of a step of such a model, as the end of a sentence; empty where nothing is.
std::string problem_of(const StepShape& shape, const ModelSpec& spec);

}  // namespace espalier::plugin
