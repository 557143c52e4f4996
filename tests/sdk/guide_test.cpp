// docs/writing-a-plugin.md shows real code: every C++ and CMake snippet stands in a file that the page names.
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

#include "catch.h"

namespace {

const std::filesystem::path kRoot = ESPALIER_SOURCE_ROOT;

std::string text_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::string> matches(const std::string& text, const std::regex& pattern) {
  std::vector<std::string> out;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it) out.push_back((*it)[1]);
  return out;
}

}  // namespace

TEST_CASE("the snippets of the plugin author's guide are code of this repository", "[sdk][docs]") {
  const std::string guide = text_of(kRoot / "docs/writing-a-plugin.md");
  std::string named = text_of(kRoot / "sdk/template/CMakeLists.txt");
  for (const std::string& path : matches(guide, std::regex("`((?:sdk|plugins|tests)/[\\w./-]+\\.(?:c|cpp))`"))) {
    named += text_of(kRoot / path);
  }
  const std::vector<std::string> snippets = matches(guide, std::regex("```(?:cpp|cmake)\n([^`]+)```"));
  CHECK(snippets.size() >= 9);
  for (const std::string& snippet : snippets) {
    INFO(snippet);
    CHECK(named.find(snippet) != std::string::npos);
  }
}
