// Finds added tokens in text, as Hugging Face's tokenizers do before anything else: the leftmost, and the longest of
// those that begin there; first those that are not `normalized`, then the others in the text between. Special tokens
// are not looked for, so plain text never gives one.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

struct AddedToken {
  int32_t id = 0;
  std::string text;
  bool special = true;      // not looked for in text
  bool normalized = false;  // looked for after those that are not
};

class AddedTokens {
 public:
  explicit AddedTokens(std::span<const AddedToken> tokens) : first_(tokens, false), second_(tokens, true) {}

  // Calls part(std::string_view) for the text between added tokens, where there is some, and token(int32_t id) for each
  // added token, in order.
  template <class Part, class Token>
  void split(std::string_view text, Part&& part, Token&& token) const {
    first_.split(
        text, [&](std::string_view between) { second_.split(between, part, token); }, token);
  }

 private:
  class Matcher {
   public:
    Matcher(std::span<const AddedToken> tokens, bool normalized);
    template <class Part, class Token>
    void split(std::string_view text, Part&& part, Token&& token) const {
      size_t from = 0;
      for (size_t at = tokens_.empty() ? text.size() : 0; at < text.size();) {
        const AddedToken* found = match(text.substr(at));
        if (found == nullptr) {
          ++at;
          continue;
        }
        if (at > from) part(text.substr(from, at - from));
        token(found->id);
        from = at += found->text.size();
      }
      if (from < text.size()) part(text.substr(from));
    }

   private:
    const AddedToken* match(std::string_view text) const;

    std::vector<AddedToken> tokens_;        // by first byte, then the longest first
    std::array<uint32_t, 257> begin_ = {};  // of each first byte in tokens_
  };

  Matcher first_, second_;
};

}  // namespace espalier
