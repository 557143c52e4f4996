// What other trainers call our keys, so that a configuration written from memory is answered with the right name.
#pragma once

#include "core/config/toml.h"

namespace espalier {

// Key or dotted key of another trainer (nanoGPT, Hugging Face, Megatron-LM, torchtitan, LLaMA-style configurations) ->
// our dotted key. Keys are lower case with underscores.
const FamiliarNames& familiar_names();

}  // namespace espalier
