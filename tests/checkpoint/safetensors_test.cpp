#include <ATen/ATen.h>
#include <sys/stat.h>

#include <cstring>
#include <fstream>
#include <functional>

#include "catch.h"
#include "core/checkpoint/model_files/model_weights.h"
#include "core/checkpoint/model_files/safetensors.h"
#include "core/checkpoint/model_files/weight_index.h"
#include "support/temp_dir.h"

using namespace espalier;
using Catch::Contains;

namespace {

std::string file_of(const std::string& header, size_t data) {
  const uint64_t size = header.size();
  std::string out(8, '\0');
  std::memcpy(out.data(), &size, 8);
  return out + header + std::string(data, '\1');
}

std::vector<TensorEntry> header_of(const std::string& bytes) {
  return read_safetensors_header({reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()}, "x.safetensors");
}

std::string tensor(const std::string& rest) {
  return "{\"a\":{" + rest + "}}";
}

void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

TEST_CASE("tensors of every type lie where the header says", "[safetensors]") {
  const auto entries = header_of(file_of(
      R"({"__metadata__":{"x":"y"},"b":{"dtype":"BOOL","shape":[3],"data_offsets":[8,11]},)"
      R"("a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"e":{"dtype":"U8","shape":[0,5],"data_offsets":[8,8]},)"
      R"("n":{"dtype":"F4","shape":[2],"data_offsets":[11,12]}})",
      12));
  REQUIRE(entries.size() == 4);
  CHECK(entries[0].name == "a");
  CHECK(entries[0].shape == std::vector<int64_t>{1, 2});
  CHECK(entries[2].size == 3);
  CHECK(entries[2].begin == entries[0].begin + 8);
}

TEST_CASE("a header that does not fit its file is refused before anything is allocated", "[safetensors]") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "shorter than its header"},
      {std::string("\xff\xff\xff\xff\xff\xff\xff\xff{}", 10), "longer than the file"},
      {file_of("{", 0), "header is not valid JSON"},
      {file_of("[]", 0), "no JSON object"},
      {file_of(std::string(5000, '['), 0), "nests deeper"},
      {file_of(tensor(R"("dtype":"F32","shape":[1])"), 4), "incomplete"},
      {file_of(tensor(R"("dtype":7,"shape":[1],"data_offsets":[0,4])"), 4), "type 7"},
      {file_of(tensor(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])"), 4), "shape [-1]"},
      {file_of(tensor(R"("dtype":"F32","shape":"1","data_offsets":[0,4])"), 4), "shape"},
      {file_of(tensor(R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])"), 4), "shape"},
      {file_of(tensor(R"("dtype":"F32","shape":[true],"data_offsets":[0,4])"), 4), "shape"},
      {file_of(tensor(R"("dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,4])"), 4), "too large"},
      {file_of(tensor(R"("dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4])"), 4), "shape"},
      {file_of(tensor(R"("dtype":"F32","shape":[1000000000000],"data_offsets":[0,4])"), 4), "need 4000000000000"},
      {file_of(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"), 4), "offsets"},
      {file_of(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[-4,0])"), 4), "offsets"},
      {file_of(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0])"), 4), "offsets"},
      {file_of(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4,8])"), 4), "offsets"},
      {file_of(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), 3), "ends 1 bytes after the file"},
      {file_of(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[9223372036854775803,9223372036854775807])"), 4),
       "belong to no tensor"},
      {file_of(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), 5), "1 bytes after the last tensor"},
      {file_of(tensor(R"("dtype":"F32","shape":[1],"data_offsets":[1,5])"), 5), "belong to no tensor"},
      {file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],)"
               R"("data_offsets":[2,6]}})",
               6),
       "overlaps"},
      {file_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],)"
               R"("data_offsets":[4,8]}})",
               8),
       "'a' stands there twice"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "git lfs pull"},
      {"<!DOCTYPE html><html></html>", "web page"}};
  for (const auto& [bytes, message] : cases) {
    CAPTURE(message);
    CHECK_THROWS_AS(header_of(bytes), Error);
    CHECK_THROWS_WITH(header_of(bytes),
                      Catch::StartsWith("x.safetensors: is not a valid safetensors file") && Contains(message));
  }
}

TEST_CASE("a pipe, a device and a folder are named, and nothing waits for them", "[safetensors]") {
  const TempDir dir;
  const fs::path pipe = dir.path() / "pipe";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  CHECK_THROWS_WITH(read_safetensors(pipe), Contains("is a pipe"));
  CHECK_THROWS_WITH(read_safetensors("/dev/zero"), Contains("is a device"));
  CHECK_THROWS_WITH(read_safetensors(dir.path()), Contains("is a folder"));
}

TEST_CASE("weights in several files are one model", "[safetensors][sharded]") {
  const TempDir dir;
  const at::Tensor a = at::randn({2, 3}), b = at::randn({4}).to(at::kBFloat16);
  write_safetensors(dir.path() / "model-1.safetensors", {{"a", a}});
  write_safetensors(dir.path() / "model-2.safetensors", {{"b", b}});
  const fs::path index = dir.path() / "model.safetensors.index.json";
  write(index, R"({"metadata":{"total_size":32},"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}})");
  const ModelWeights weights(dir.path());
  CHECK(weights.names() == std::vector<std::string>{"a", "b"});
  CHECK(weights.read("a").equal(a));
  CHECK(weights.read("b").equal(b.to(at::kFloat)));
  CHECK(weights.place_of("b") == (dir.path() / "model-2.safetensors").string());

  write(index, R"({"weight_map":{"a":"model-2.safetensors","b":"model-2.safetensors"}})");
  CHECK_THROWS_WITH(ModelWeights(dir.path()), Contains("says that 'a' lies in model-2.safetensors, but it does not"));
  write(index, R"({"weight_map":{"a":"model-1.safetensors","b":"model-3.safetensors"}})");
  CHECK_THROWS_WITH(ModelWeights(dir.path()), Contains("model-3.safetensors, which is missing"));
  for (const char* bad : {R"({"weight_map":{"a":"../model-1.safetensors"}})", R"({"weight_map":{"a":"/dev/zero"}})",
                          R"({"weight_map":{"a":7}})", R"({"weight_map":{}})", R"({"weight_map":[]})", "{}", "[]",
                          R"({"weight_map":{"a":"model-1.safetensors","a":"model-2.safetensors"}})"}) {
    CAPTURE(bad);
    write(index, bad);
    CHECK_THROWS_AS(ModelWeights(dir.path()), Error);
  }
  fs::remove(index);
  CHECK_THROWS_WITH(ModelWeights(dir.path()), Contains("holds neither model.safetensors nor"));
  write(dir.path() / "pytorch_model.bin", "PK");
  CHECK_THROWS_WITH(ModelWeights(dir.path()), Contains("pytorch_model.bin, which is not read"));
}

TEST_CASE("a quantised tensor is refused where it is a weight", "[safetensors]") {
  const TempDir dir;
  write(dir.path() / "model.safetensors", file_of(tensor(R"("dtype":"I8","shape":[4],"data_offsets":[0,4])"), 4));
  CHECK_THROWS_WITH(ModelWeights(dir.path()).read("a"), Contains("the weights are quantised"));
  write(dir.path() / "model.safetensors", file_of(tensor(R"("dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4])"), 4));
  CHECK_THROWS_WITH(ModelWeights(dir.path()).read("a"), Contains("F8_E4M3, which is not supported"));
}

TEST_CASE("a name in a file leads nowhere but into its folder", "[safetensors]") {
  for (const char* good : {"a", "a.b", "espalier/state.json", "..a", "a..b"}) CHECK(stays_inside(good));
  for (const char* bad : {"", "/a", "../a", "a/../b", "a//b", "./a", "a/", ".."}) CHECK_FALSE(stays_inside(bad));
}
