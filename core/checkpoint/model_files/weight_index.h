// model.safetensors.index.json: which of several safetensors files holds which tensor. No tensors here.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace espalier {

// Tensor name -> name of a file in the same folder. Throws Error(checkpoint) for what is not such an index, and for a
// file name that leads out of the folder.
std::map<std::string, std::string> read_weight_index(std::string_view text, const std::string& place);

// A plain name, or a relative path without "..": what a file may name of its own folder.
bool stays_inside(std::string_view path);

}  // namespace espalier
