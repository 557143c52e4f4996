// Formats that are neither text nor token shards, known by their first bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace espalier {

struct ForeignFormat {
  std::string_view what;  // goes on from a file's name: "is a tar archive"
  std::string_view hint;  // what to do instead
};

// Bytes of a file that foreign_format wants to see, where it has as many.
constexpr size_t kMagicBytes = 512;

// `head`: the first bytes of a file, or of what a compressed one decompresses to. No UTF-8 text begins like any of
// these, except the pointers that Git LFS and git-annex leave in place of a file, which are known by their whole form.
// `may_be_tokens`: marks of two or three bytes do not count, since token ids may look like them.
std::optional<ForeignFormat> foreign_format(std::string_view head, bool may_be_tokens = false);

}  // namespace espalier
