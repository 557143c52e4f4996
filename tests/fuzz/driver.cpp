// Runs a fuzz target without libFuzzer, for any compiler: every seed as it is, then seeds changed at random in a fixed
// order until the time is up. An input that ends the process is kept in crash-<target> in the working directory; giving
// that file instead of a folder runs it alone.
//
//   fuzz_<reader> [--seconds N] [--from ROUND] SEEDS...
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "fuzz/input.h"

namespace {

using espalier::Rng;
namespace fs = std::filesystem;

constexpr size_t kMostBytes = size_t{1} << 18;
constexpr unsigned kHang = 30;  // seconds for one input

// What a signal handler may look at.
std::string* current = nullptr;
char crash_name[256] = "crash";

void keep_input(int signal) {
  const int fd = ::open(crash_name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd >= 0 && current != nullptr) {
    const ssize_t written = ::write(fd, current->data(), current->size());
    (void)written;
    ::close(fd);
  }
  const char said[] = "\nthe input is kept in ";
  for (const char* text : {said, static_cast<const char*>(crash_name), "\n"}) {
    const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
    (void)written;
  }
  ::raise(signal);  // in the default way now: SA_RESETHAND
}

void run(std::string& input) {
  current = &input;
  ::alarm(kHang);
  // A copy of exactly this size, so that a sanitizer sees a read behind its end.
  const std::vector<uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
  ::alarm(0);
}

constexpr uint64_t kNumbers[] = {0,          1,          0x7F,          0x80,       0xFF,
                                 0x7FFF,     0x8000,     0xFFFF,        0x7FFFFFFF, 0x80000000,
                                 0xFFFFFFFF, 1ULL << 32, 1ULL << 40,    1ULL << 62, (1ULL << 63) - 1,
                                 1ULL << 63, UINT64_MAX, UINT64_MAX - 7};
constexpr const char* kTexts[] = {"0",
                                  "-1",
                                  "9223372036854775808",
                                  "18446744073709551616",
                                  "1e999",
                                  "nan",
                                  "null",
                                  "true",
                                  "[]",
                                  "{}",
                                  "\"\"",
                                  "\"x\"",
                                  "-0.0",
                                  "2147483648",
                                  "1e300",
                                  "\xFF",
                                  "\xED\xA0\x80"};

// The digits around `at` as a range, or an empty one.
std::pair<size_t, size_t> number_around(const std::string& bytes, size_t at) {
  const auto digit = [&](size_t i) { return bytes[i] >= '0' && bytes[i] <= '9'; };
  size_t begin = at, end = at;
  while (begin > 0 && digit(begin - 1)) --begin;
  while (end < bytes.size() && digit(end)) ++end;
  return {begin, end - begin};
}

void change(std::string& bytes, const std::vector<std::string>& seeds, const Rng& rng, uint64_t c) {
  if (bytes.empty()) bytes = " ";
  const size_t at = rng.below(bytes.size(), c, 1);
  const size_t count = std::min<size_t>(bytes.size() - at, 1 + rng.below(16, c, 2));
  switch (rng.below(13, c, 3)) {
    case 0:
      bytes[at] = static_cast<char>(rng.below(256, c, 4));
      break;
    case 1:
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.below(8, c, 4)));
      break;
    case 2:
      bytes.erase(at, count);
      break;
    case 3:
      bytes.insert(at, count, static_cast<char>(rng.below(256, c, 4)));
      break;
    case 4:
      bytes.insert(at, bytes.substr(at, count));
      break;
    case 5:
      bytes.resize(at);
      break;
    case 6:
    case 7: {
      const uint64_t number = kNumbers[rng.below(std::size(kNumbers), c, 4)];
      const size_t width = std::min<size_t>(size_t{1} << rng.below(4, c, 5), bytes.size() - at);
      std::memcpy(bytes.data() + at, &number, width);
      break;
    }
    case 8:
    case 9: {
      const auto [begin, length] = number_around(bytes, at);
      bytes.replace(begin, length, kTexts[rng.below(std::size(kTexts), c, 4)]);
      break;
    }
    case 10: {
      const std::string& other = seeds[rng.below(seeds.size(), c, 4)];
      if (!other.empty()) bytes.replace(at, count, other, rng.below(other.size(), c, 5), 1 + rng.below(64, c, 6));
      break;
    }
    case 11: {
      const std::string piece = bytes.substr(at, 1 + rng.below(8, c, 4));
      const uint64_t times = uint64_t{1} << rng.below(18, c, 5);
      std::string many;
      for (uint64_t i = 0; i < times && many.size() + bytes.size() < kMostBytes; ++i) many += piece;
      bytes.insert(at, many);
      break;
    }
    default:
      std::swap(bytes[at], bytes[rng.below(bytes.size(), c, 4)]);
  }
}

std::vector<std::string> read_seeds(const std::vector<fs::path>& paths) {
  std::vector<fs::path> files;
  for (const auto& path : paths) {
    if (fs::is_directory(path))
      for (const auto& entry : fs::directory_iterator(path)) files.push_back(entry.path());
    else
      files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  std::vector<std::string> seeds;
  for (const auto& file : files) {
    std::ifstream in(file, std::ios::binary);
    seeds.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return seeds;
}

}  // namespace

int main(int argc, char** argv) {
  double seconds = 0;
  uint64_t round = 0;
  std::vector<fs::path> paths;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--seconds" && i + 1 < argc)
      seconds = std::atof(argv[++i]);
    else if (argument == "--from" && i + 1 < argc)
      round = static_cast<uint64_t>(std::atoll(argv[++i]));
    else
      paths.emplace_back(argument);
  }
  const std::string name = "crash-" + fs::path(argv[0]).filename().string();
  std::snprintf(crash_name, sizeof(crash_name), "%s", name.c_str());
  // A stack of its own: the usual one may be what has run out.
  static char handler_stack[1 << 16];
  stack_t stack{};
  stack.ss_sp = handler_stack;
  stack.ss_size = sizeof(handler_stack);
  ::sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_handler = keep_input;
  action.sa_flags = SA_ONSTACK | SA_RESETHAND;
  for (const int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGALRM, SIGILL}) ::sigaction(signal, &action, nullptr);

  std::vector<std::string> seeds = read_seeds(paths);
  if (seeds.empty()) {
    std::fprintf(stderr, "no seeds\n");
    return 2;
  }
  for (auto& seed : seeds) run(seed);
  const auto start = std::chrono::steady_clock::now();
  const auto spent = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(); };
  const uint64_t first = round;
  for (; spent() < seconds; ++round) {
    const Rng rng(round, "fuzz.driver");
    std::string bytes = seeds[rng.below(seeds.size(), 0)];
    for (uint64_t c = 1; c <= 1 + rng.below(4, 0, 1); ++c) change(bytes, seeds, rng, c);
    if (bytes.size() > kMostBytes) bytes.resize(kMostBytes);
    run(bytes);
  }
  std::printf("%zu seeds, %llu changed inputs\n", seeds.size(), static_cast<unsigned long long>(round - first));
  return 0;
}
