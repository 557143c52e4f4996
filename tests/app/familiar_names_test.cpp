#include "core/run/familiar_names.h"

#include <set>

#include "catch.h"
#include "core/base/error.h"
#include "core/run/config.h"

using namespace espalier;

namespace {

// The names of every table and key of a run's configuration.
class Names : public Fields {
 public:
  std::set<std::string> all;
  void field(const char* key, bool&, const char*) override { add(key); }
  void field(const char* key, int64_t&, const char*, Range) override { add(key); }
  void field(const char* key, double&, const char*, Range) override { add(key); }
  void field(const char* key, std::string&, const char*, const Choices&) override { add(key); }
  void field(const char* key, Duration&, const char*) override { add(key); }
  void field(const char* key, std::vector<double>&, const char*, Range) override { add(key); }
  void field(const char* key, std::vector<std::string>&, const char*) override { add(key); }
  void plugin(PluginChoice&, const char*) override {
    add("plugin");
    add("params");
  }

 protected:
  void begin_table(const char* key, const char*) override { prefix_.push_back(add(key) + "."); }
  void end_table() override { prefix_.pop_back(); }
  size_t begin_array(const char* key, size_t, const char*) override {
    array_ = add(key) + ".";
    return 1;
  }
  void begin_item(size_t) override { prefix_.push_back(array_); }
  void end_item() override { prefix_.pop_back(); }
  void end_array() override {}

 private:
  std::string add(const char* key) { return *all.insert((prefix_.empty() ? "" : prefix_.back()) + key).first; }
  std::vector<std::string> prefix_;
  std::string array_;
};

std::string hint_of(const std::string& toml, const std::vector<std::string>& sets = {}) {
  try {
    parse_run_config(toml, "run.toml", sets);
  } catch (const Error& error) {
    return error.hint();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("every familiar name leads to a key that exists, and hides none that does", "[app][config]") {
  RunConfig config;
  Names names;
  config.fields(names);
  for (const auto& [theirs, ours] : familiar_names()) {
    INFO(theirs);
    CHECK(names.all.count(ours) == 1);
    CHECK(names.all.count(theirs) == 0);
  }
}

TEST_CASE("names of other trainers are answered with ours", "[app][config]") {
  CHECK(hint_of("[training]\nlearning_rate = 1e-3\n") == "it is called optimizer.lr here");
  CHECK(hint_of("[model]\nn_layer = 2\n") == "it is called model.num_layers here");
  CHECK(hint_of("[model]\nhidden_size = 2\n") == "it is called model.d_model here");
  CHECK(hint_of("[training]\nlr = 2\n") == "it is called optimizer.lr here");
  CHECK(hint_of("[training]\nmax_steps = 2\n") == "it is called training.steps here");
  CHECK(hint_of("[training]\nbatch_size = 2\n") == "it is called training.global_batch here");
  CHECK(hint_of("max_steps = 2\n") == "it is called training.steps here");
  CHECK(hint_of("", {"train.Batch-Size=3"}) == "it is called training here");
}

TEST_CASE("a slip of the pen is answered with the nearest key", "[app][config]") {
  CHECK(hint_of("[training]\nstepz = 2\n") == "did you mean 'steps'?");
  CHECK(hint_of("[training]\nsetps = 2\n") == "did you mean 'steps'?");
  CHECK(hint_of("[model]\nweight_decay = 2\n") == "'weight_decay' is a key of [optimizer]");
}
