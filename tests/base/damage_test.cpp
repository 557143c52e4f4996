// Files that are not what they seem: pipes and devices, JSON without end, seals that do not fit, maps that lose pages.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include <cstring>
#include <functional>
#include <vector>

#include "catch.h"
#include "core/base/checksum.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/mapped_guard.h"
#include "core/base/open_file.h"
#include "support/temp_dir.h"

using namespace espalier;
using Catch::Contains;

TEST_CASE("checksums are those that are published", "[base][checksum]") {
  CHECK(checksum("") == 0xEF46DB3751D8E999ULL);
  CHECK(checksum("a") == 0xD24EC4F1A98C6E5BULL);
  CHECK(checksum("abc") == 0x44BC2CF5AD770999ULL);
  CHECK(checksum("Nobody inspects the spammish repetition") == 0xFBCEA83C8A378BF1ULL);
  std::string bytes;
  for (int i = 0; i < 768; ++i) bytes += static_cast<char>(i);
  CHECK(checksum(bytes + "tail123") == 0x1A931A9477A48D18ULL);
}

TEST_CASE("only regular files are read, and nothing is waited for", "[base][file]") {
  const TempDir dir;
  const fs::path pipe = dir.path() / "pipe", socket_path = dir.path() / "socket";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, socket_path.c_str(), sizeof(address.sun_path) - 1);
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  ::alarm(20);  // waiting would be for ever
  const std::vector<std::pair<fs::path, const char*>> cases{
      {pipe, "pipe"}, {socket_path, "socket"}, {"/dev/zero", "device"}, {dir.path(), "folder"}};
  for (const auto& one : cases) {
    const fs::path& path = one.first;
    const char* const kind = one.second;
    INFO(path);
    for (const auto& read : std::vector<std::function<void()>>{
             [&] { read_file(path, ErrorCode::data); }, [&] { MappedFile(path, ErrorCode::data); },
             [&] { sha256_file(path, ErrorCode::data); }, [&] { checksum_file(path, ErrorCode::data); },
             [&] { file_bytes(path, ErrorCode::data); }}) {
      try {
        read();
        FAIL("it was read");
      } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::data);
        CHECK_THAT(error.message(), Contains(kind));
        CHECK(error.place() == path.string());
      }
    }
  }
  ::alarm(0);
  ::close(fd);
  CHECK(path_exists(pipe));
  CHECK_FALSE(path_exists(dir.path() / "none"));
  CHECK_FALSE(path_exists(dir.path() / std::string(5000, 'x')));  // no exception of the library
}

TEST_CASE("JSON that lies deep inside itself is refused before it is parsed", "[base][json]") {
  CHECK(parse_json_or_nothing(R"({"a":[1,{"b":"]}[["}]})").has_value());
  CHECK(parse_json_or_nothing(std::string(kMaxJsonDepth, '[') + std::string(kMaxJsonDepth, ']')).has_value());
  CHECK_FALSE(parse_json_or_nothing(std::string(kMaxJsonDepth + 1, '[') + std::string(kMaxJsonDepth + 1, ']')));
  CHECK_FALSE(parse_json_or_nothing(std::string(1 << 20, '[')));
  CHECK(too_deep_in_json("\"\\\"[[\"" + std::string(kMaxJsonDepth + 1, '{')) == 6 + kMaxJsonDepth + 1);
  CHECK_FALSE(parse_json_object("[1]").has_value());
  CHECK_FALSE(parse_json_or_nothing("{\"a\":1e999}").has_value());
}

TEST_CASE("a seal breaks with any change", "[base][json]") {
  const std::string sealed = sealed_json({{"tokens", 12345}, {"list", {1, 2.5, "x"}}});
  const auto opened = open_sealed_json(sealed);
  REQUIRE(opened.has_value());
  CHECK((*opened == nlohmann::json{{"tokens", 12345}, {"list", {1, 2.5, "x"}}}));
  CHECK(sealed_json(*opened) == sealed);
  for (size_t at = 0; at < sealed.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = sealed;
      changed[at] = static_cast<char>(changed[at] ^ 1 << bit);
      const auto read = open_sealed_json(changed);
      INFO(at << " " << bit);
      CHECK((!read || *read == *opened));  // white space may change
    }
  CHECK_FALSE(open_sealed_json(R"({"tokens":12345})"));
}

TEST_CASE("a map that loses pages is an answer to a guarded read, and named otherwise", "[base][file]") {
  const TempDir dir;
  const fs::path path = dir.path() / "shrinks";
  write_file(path, std::string(100000, 'x'), ErrorCode::data);
  const MappedFile map(path, ErrorCode::data);
  const auto last = [](void* argument) {
    volatile char seen = static_cast<const char*>(argument)[99999];
    (void)seen;
  };
  void* const bytes = const_cast<std::byte*>(map.bytes().data());
  CHECK(read_guarded(last, bytes));
  fs::resize_file(path, 10);
  for (int i = 0; i < 3; ++i) CHECK_FALSE(read_guarded(last, bytes));

  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[1], STDERR_FILENO);
    last(bytes);
    ::_exit(0);
  }
  ::close(ends[1]);
  std::string said;
  std::array<char, 256> piece;
  for (ssize_t n = 0; (n = ::read(ends[0], piece.data(), piece.size())) > 0;)
    said.append(piece.data(), static_cast<size_t>(n));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 3);
  CHECK_THAT(said, Contains(path.string()) && Contains("shorter"));
}
