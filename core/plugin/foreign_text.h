// Texts that come from plugins and go to terminals, logs, TOML files and metric names.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace espalier::plugin {

// Where the first character stands that a terminal obeys instead of showing it: control characters, line breaks among
// them, and those that turn the direction of text. npos: none. `text` is UTF-8.
size_t find_control(std::string_view text);
// The text with '?' for each such character, but line breaks and tabs kept.
std::string without_controls(std::string text);

// A file's name as one line of text, whatever bytes it has.
std::string shown(const std::filesystem::path& path);

// Why this is no id in reverse DNS order ("org.example.growth.mine"), or "": at least three parts of letters, digits,
// '-' and '_'.
std::string id_problem(const std::string& id);
// Why this is no key of a parameter, or "": letters, digits, '-' and '_', as TOML writes without quotes.
std::string key_problem(const std::string& key);

// Which of the words a sentence is about: the first that it has between quotes, else the first that it has at all, as a
// whole word and no part of a longer one. Empty: none.
std::string named_in(std::string_view sentence, const std::vector<std::string>& words);

}  // namespace espalier::plugin
