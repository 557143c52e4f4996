#include "core/data/tokenizer/added_tokens.h"

#include <algorithm>

namespace espalier {

AddedTokens::Matcher::Matcher(std::span<const AddedToken> tokens, bool normalized) {
  for (const auto& token : tokens)
    if (!token.special && token.normalized == normalized && !token.text.empty()) tokens_.push_back(token);
  const auto first = [](const AddedToken& token) { return static_cast<uint8_t>(token.text[0]); };
  std::sort(tokens_.begin(), tokens_.end(), [&](const auto& a, const auto& b) {
    return first(a) != first(b) ? first(a) < first(b) : a.text.size() > b.text.size();
  });
  for (size_t byte = 0, at = 0; byte <= 256; ++byte) {
    while (at < tokens_.size() && first(tokens_[at]) < byte) ++at;
    begin_[byte] = static_cast<uint32_t>(at);
  }
}

const AddedToken* AddedTokens::Matcher::match(std::string_view text) const {
  const auto byte = static_cast<uint8_t>(text[0]);
  for (uint32_t i = begin_[byte]; i < begin_[byte + 1]; ++i)
    if (text.starts_with(tokens_[i].text)) return &tokens_[i];
  return nullptr;
}

}  // namespace espalier
