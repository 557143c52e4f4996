#include "core/base/home.h"

#include <stdlib.h>

#include <filesystem>

#include "catch.h"

using espalier::absolute_path;
using espalier::expand_home;

TEST_CASE("~ is the home folder, at the start of a path and by itself", "[base][home]") {
  const std::string before = ::getenv("HOME") == nullptr ? "" : ::getenv("HOME");
  ::setenv("HOME", "/people/someone", 1);
  CHECK(expand_home("~") == "/people/someone");
  CHECK(expand_home("~/x/y") == "/people/someone/x/y");
  for (const char* as_it_is : {"", "x~", "a/~/b", "~other/x", "/~", "./~/x"}) CHECK(expand_home(as_it_is) == as_it_is);
  CHECK(absolute_path("~/a/../b") == "/people/someone/a/../b");
  CHECK(absolute_path("") == "");
  CHECK(absolute_path("/a/./b") == "/a/b");
  CHECK(absolute_path("/a/b/") == "/a/b/");
  CHECK(absolute_path("a") == (std::filesystem::current_path() / "a").string());
  ::unsetenv("HOME");
  CHECK(expand_home("~/x").starts_with("/"));  // the password database knows one
  if (!before.empty()) ::setenv("HOME", before.c_str(), 1);
}
