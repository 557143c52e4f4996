// Documents that are nothing but the values of their inputs, and calls that take them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sdk/loaded_plugin.h"

namespace espalier::sdk_test {

/// A row a document.
struct InputDocs {
  explicit InputDocs(const std::vector<std::vector<float>>& rows) : ids(rows.size()) {
    for (const auto& row : rows) values.insert(values.end(), row.begin(), row.end());
    raw.struct_size = sizeof(esp_docs);
    raw.count = rows.size();
    raw.ids = ids.data();
    raw.num_inputs = rows.empty() ? 0 : rows.front().size();
    raw.inputs = values.data();
  }
  InputDocs(const InputDocs&) = delete;
  InputDocs& operator=(const InputDocs&) = delete;

  std::vector<float> values;
  std::vector<std::uint64_t> ids;
  esp_docs raw{};
};

inline void fit(const Object& scorer, const std::vector<std::vector<float>>& rows) {
  const InputDocs docs(rows);
  call_ok(scorer.table<esp_difficulty>().fit_batch, scorer.self(), &docs.raw);
}

inline void end_fit(const Object& scorer) {
  call_ok(scorer.table<esp_difficulty>().fit_end, scorer.self());
}

/// Adds what another object saved.
inline void merge(const Object& into, const std::string& state) {
  struct Bytes {
    const std::string& text;
    std::size_t at;
    static std::int64_t read(void* context, void* data, std::uint64_t size) {
      auto& self = *static_cast<Bytes*>(context);
      const std::size_t moved = std::min<std::size_t>({size, self.text.size() - self.at, 3});
      self.text.copy(static_cast<char*>(data), moved, self.at);
      self.at += moved;
      return static_cast<std::int64_t>(moved);
    }
  } bytes{state, 0};
  const esp_in in = {&bytes, &Bytes::read};
  call_ok(into.table<esp_difficulty>().fit_merge, into.self(), &in);
}

inline std::vector<float> scores(const Object& scorer, const std::vector<std::vector<float>>& rows) {
  const InputDocs docs(rows);
  std::vector<float> out(rows.size());
  call_ok(scorer.table<esp_difficulty>().score, scorer.self(), &docs.raw, out.data());
  return out;
}

/// What the scorer asks for.
inline std::vector<std::string> inputs_of(const Object& scorer) {
  const auto* table = static_cast<const esp_difficulty_inputs*>(scorer.get(ESP_DIFFICULTY_INPUTS));
  std::vector<std::string> out;
  const esp_str* inputs = nullptr;
  std::uint32_t count = 0;
  if (table != nullptr) call_ok(table->list, scorer.self(), &inputs, &count);
  for (std::uint32_t i = 0; i < count; ++i) out.emplace_back(inputs[i].data, inputs[i].size);
  return out;
}

}  // namespace espalier::sdk_test
