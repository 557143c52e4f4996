// Small helpers on text.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

// The candidate closest to `word` (edit distance at most a third of its length, at least 1), or "" when none is near.
std::string closest(std::string_view word, std::span<const std::string> candidates);
// "did you mean 'x'?", or "" when nothing is near; made for Error hints.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);
std::vector<std::string> split(std::string_view text, char separator);
// 1234567 -> "1,234,567"; 5.31e6 -> "5.31M"; 12.3e12 -> "12.3T"; 75 s -> "1m15s".
std::string with_commas(int64_t value);
std::string human_count(double value);
std::string human_seconds(double seconds);
// Position of the first byte that is not valid UTF-8, or npos.
size_t find_invalid_utf8(std::string_view text);
// The text with every byte that is not UTF-8 replaced by U+FFFD; sampled byte tokens need not be text.
std::string valid_utf8(std::string_view text);

}  // namespace espalier
