// Reads the text files that parameters of scorers name: JSON lines, or plain text.
#pragma once

#include <espalier/cpp/error.hpp>

#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "json_line.hpp"

namespace text_file {

inline std::ifstream open(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw espalier::sdk::Error(ESP_NOT_FOUND, espalier::sdk::cat("cannot open '", path, "'"));
  return in;
}

inline bool has_ending(const std::string& path, const std::string& ending) {
  return path.size() >= ending.size() && path.compare(path.size() - ending.size(), ending.size(), ending) == 0;
}

/// Calls visit(std::string) for each line of a file, without the line break.
template <class Visit>
void for_each_line(const std::string& path, Visit&& visit) {
  std::ifstream in = open(path);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    visit(line);
  }
  if (in.bad()) throw espalier::sdk::data_loss("'", path, "' cannot be read");
}

/// Calls visit(std::string) for each document: a line's `field` in .jsonl, .ndjson and .json files, else what
/// `by_line` says: each line that is not empty, or the whole file. Throws Error with the line at fault, and for a file
/// without documents. Compressed files are not read.
template <class Visit>
void for_each_document(const std::string& path, const std::string& field, bool by_line, Visit&& visit) {
  std::size_t line_number = 0, documents = 0;
  if (has_ending(path, ".gz") || has_ending(path, ".zst")) {
    throw espalier::sdk::invalid("'", path, "' is compressed; unpack it first");
  }
  if (has_ending(path, ".jsonl") || has_ending(path, ".ndjson") || has_ending(path, ".json")) {
    for_each_line(path, [&](const std::string& line) {
      line_number += 1;
      if (line.find_first_not_of(" \t") == std::string::npos) return;
      std::optional<std::string> text;
      if (!JsonLine(line).read(field, text)) {
        throw espalier::sdk::invalid(path, ":", line_number, ": not a JSON object");
      }
      if (!text.has_value()) throw espalier::sdk::invalid(path, ":", line_number, ": no text field '", field, "'");
      documents += 1;
      visit(*text);
    });
  } else if (by_line) {
    for_each_line(path, [&](const std::string& line) {
      if (line.find_first_not_of(" \t") == std::string::npos) return;
      documents += 1;
      visit(line);
    });
  } else {
    std::ostringstream whole;
    whole << open(path).rdbuf();
    if (!whole.str().empty()) {
      documents = 1;
      visit(whole.str());
    }
  }
  if (documents == 0) throw espalier::sdk::invalid("'", path, "' holds no document");
}

}  // namespace text_file
