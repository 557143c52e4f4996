// The C++ authoring layer at its edges: exceptions become statuses, parameters find their members, struct sizes count.
#include <espalier/sdk.hpp>

#include <cstring>

#include "catch.h"
#include "sdk/call_record.h"
#include "sdk/fake_config.h"
#include "sdk/fake_host.h"
#include "sdk/schedule_run.h"

namespace sdk = espalier::sdk;
using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

/// Every parameter type, and failures on demand.
class Probe final : public sdk::Schedule {
 public:
  static void describe(sdk::Description<Probe>& about) {
    about.id("org.example.schedule.probe").version("1.2.3").summary("probe").claims(ESP_CLAIM_DETERMINISTIC);
    about.param("flag", &Probe::flag, "a bool");
    about.param("count", &Probe::count, "an integer").min(-5).max(5).unit("things");
    about.param("ratio", &Probe::ratio, "a number").above(0).tunable();
    about.param("mode", &Probe::mode, "a choice").choices({"a", "say \"b\""});
    about.param("length", &Probe::length, "a duration");
    about.param("counts", &Probe::counts, "integers");
    about.param("ratios", &Probe::ratios, "numbers");
    about.param("names", &Probe::names, "texts");
    about.param("needed", &Probe::needed, "given by the user").required();
  }

  void check(sdk::Call& call) override {
    call.info("checking");
    if (count == 5) throw sdk::invalid("count ", count, " does not fit ratio ", 2);
  }
  void bind(sdk::Call&, const sdk::Progress&, const std::vector<std::string>& keys) override { num_keys = keys.size(); }
  void value(sdk::Call& call, const sdk::Progress& at, sdk::Span<double> out) override {
    if (at.step == 1) throw std::runtime_error("ordinary");
    if (at.step == 2) throw 42;
    if (at.step == 3) throw std::bad_alloc();
    if (at.step == 4) throw sdk::Error(ESP_OUT_OF_RANGE, "out of range");
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<double>(i);
    if (call.rng()) out[0] = call.rng().uniform("probe", at.step, 1)[0];
    if (at.step == 5) call.rng().uniform("probe", 0, 1);
  }

  bool flag = true;
  std::int64_t count = 3, needed = 0;
  double ratio = 0.5;
  std::string mode = "say \"b\"";
  sdk::Duration length{"0.25dur"};
  std::vector<std::int64_t> counts = {1, 2};
  std::vector<double> ratios = {0.5, 2};
  std::vector<std::string> names = {"x"};
  std::size_t num_keys = 0;
};

class Nameless final : public sdk::Difficulty {
 public:
  static void describe(sdk::Description<Nameless>& about) { about.version("1.0.0"); }
};

const esp_desc& probe_desc() {
  return sdk::detail::description<Probe>().plain();
}

const esp_param& param(const std::string& key) {
  for (std::uint32_t i = 0; i < probe_desc().num_params; ++i) {
    if (sdk::view(probe_desc().params[i].key) == key) return probe_desc().params[i];
  }
  throw std::out_of_range(key);
}

std::string default_of(const std::string& key) {
  return std::string(sdk::view(param(key).default_value));
}

/// One probe, made through the ABI by a host of the given kind.
class MadeProbe {
 public:
  explicit MadeProbe(FakeHost& host, const FakeConfig::Overrides& params = {{"needed", "1"}},
                     std::uint32_t host_size = sizeof(esp_object)) {
    const esp_entry* entry = sdk::detail::Library<Probe>::entry();
    CallRecord call;
    if (entry->init(call.raw(), host.raw()) != ESP_OK) throw std::runtime_error(call.message);
    const esp_factory* factory = entry->factory(ESP_FACTORY_SCHEDULE);
    const FakeConfig config(probe_desc(), params, 1000);
    object.struct_size = host_size;
    const void* table = nullptr;
    status = factory->create(call.raw(), host.raw(), probe_desc().id, config.raw(), &object, &table);
    message = call.message;
    schedule = static_cast<const esp_schedule*>(table);
  }
  MadeProbe(const MadeProbe&) = delete;
  MadeProbe& operator=(const MadeProbe&) = delete;
  ~MadeProbe() {
    if (status == ESP_OK) object.destroy(object.self);
    sdk::detail::Library<Probe>::entry()->deinit();
  }

  const Probe& probe() const { return static_cast<sdk::detail::Instance<Probe>*>(object.self)->plugin; }

  esp_status value_at(std::uint64_t step, CallRecord& call, double* out) {
    esp_progress at = run_start(1000);
    at.step = step;
    const std::vector<esp_str> keys = {sdk::str("a"), sdk::str("b")};
    call_ok(schedule->bind, object.self, &at, keys.data(), std::uint32_t{2});
    return schedule->value(object.self, call.raw(), &at, out);
  }

  esp_object object{};
  const esp_schedule* schedule = nullptr;
  esp_status status;
  std::string message;
};

}  // namespace

TEST_CASE("a parameter's type, default and bounds come from its declaration", "[sdk][authoring]") {
  CHECK(param("flag").type == ESP_PARAM_BOOL);
  CHECK(param("count").type == ESP_PARAM_I64);
  CHECK(param("ratio").type == ESP_PARAM_F64);
  CHECK(param("mode").type == ESP_PARAM_STR);
  CHECK(param("length").type == ESP_PARAM_DURATION);
  CHECK(param("counts").type == ESP_PARAM_I64_LIST);
  CHECK(param("ratios").type == ESP_PARAM_F64_LIST);
  CHECK(param("names").type == ESP_PARAM_STR_LIST);
  CHECK(default_of("flag") == "true");
  CHECK(default_of("count") == "3");
  CHECK(default_of("ratio") == "0.5");
  CHECK(default_of("mode") == "\"say \\\"b\\\"\"");
  CHECK(default_of("length") == "\"0.25dur\"");
  CHECK(default_of("counts") == "[1, 2]");
  CHECK(default_of("ratios") == "[0.5, 2.0]");
  CHECK(default_of("names") == "[\"x\"]");
  CHECK(default_of("needed").empty());
  CHECK(param("needed").flags == ESP_PARAM_REQUIRED);
  CHECK(param("count").flags == (ESP_PARAM_HAS_MIN | ESP_PARAM_HAS_MAX));
  CHECK(param("count").min == -5);
  CHECK(param("count").max == 5);
  CHECK(sdk::view(param("count").unit) == "things");
  CHECK(param("ratio").flags == (ESP_PARAM_HAS_MIN | ESP_PARAM_MIN_OPEN | ESP_PARAM_TUNABLE));
  CHECK(param("mode").num_choices == 2);
  CHECK(sdk::view(param("mode").choices[1]) == "say \"b\"");
}

TEST_CASE("a double's TOML literal is short, a float, and reads back the same", "[sdk][authoring]") {
  CHECK(sdk::toml_literal(1.0) == "1.0");
  CHECK(sdk::toml_literal(0.1) == "0.1");
  for (const double value : {1e-5, 1.0 / 3, -2.5e300, 1e22}) {
    CHECK(std::stod(sdk::toml_literal(value)) == value);
    CHECK_THAT(sdk::toml_literal(value), Contains(".") || Contains("e"));
  }
}

TEST_CASE("the user's values reach the members before any method runs", "[sdk][authoring]") {
  FakeHost host;
  const MadeProbe made(host, {{"flag", "false"},
                              {"count", "-4"},
                              {"ratio", "1"},
                              {"mode", "\"a\""},
                              {"length", "\"100st\""},
                              {"counts", "[7, 8, 9]"},
                              {"ratios", "[]"},
                              {"names", "[\"p\", \"q\"]"},
                              {"needed", "12"}});
  CHECK_FALSE(made.probe().flag);
  CHECK(made.probe().count == -4);
  CHECK(made.probe().ratio == 1);
  CHECK(made.probe().mode == "a");
  CHECK(made.probe().length.steps == 100);
  CHECK(made.probe().counts == std::vector<std::int64_t>{7, 8, 9});
  CHECK(made.probe().ratios.empty());
  CHECK(made.probe().names == std::vector<std::string>{"p", "q"});
  CHECK(made.probe().needed == 12);
  CHECK(host.log_lines() == std::vector<std::string>{"checking"});
}

TEST_CASE("a failing check() fails create() with its words and leaves nothing behind", "[sdk][authoring]") {
  FakeHost host;
  const MadeProbe made(host, {{"count", "5"}, {"needed", "1"}});
  CHECK(made.status == ESP_INVALID_ARGUMENT);
  CHECK(made.message == "count 5 does not fit ratio 2");
  CHECK(made.object.self == nullptr);
  CHECK(made.schedule == nullptr);
}

TEST_CASE("whatever a method throws becomes a status and one message", "[sdk][authoring]") {
  FakeHost host;
  MadeProbe made(host);
  const auto failure_at = [&](std::uint64_t step) {
    CallRecord call;
    double out[2];
    const esp_status status = made.value_at(step, call, out);
    CHECK(call.num_fails == 1);
    CHECK(call.status == status);
    return std::make_pair(status, call.message);
  };
  CHECK(failure_at(1) == std::make_pair(esp_status{ESP_INTERNAL}, std::string("ordinary")));
  CHECK(failure_at(2).first == ESP_INTERNAL);
  CHECK(failure_at(3) == std::make_pair(esp_status{ESP_INTERNAL}, std::string("out of memory")));
  CHECK(failure_at(4) == std::make_pair(esp_status{ESP_OUT_OF_RANGE}, std::string("out of range")));
}

TEST_CASE("random numbers are there or not, and using them when not is an error with words", "[sdk][authoring]") {
  double out[2];
  FakeHost full;
  MadeProbe with(full);
  CallRecord call;
  REQUIRE(with.value_at(7, call, out) == ESP_OK);
  CHECK(out[0] > 0);
  CHECK(out[0] < 1);
  const double first = out[0];
  REQUIRE(with.value_at(7, call, out) == ESP_OK);
  CHECK(out[0] == first);
  REQUIRE(with.value_at(8, call, out) == ESP_OK);
  CHECK(out[0] != first);

  FakeHost bare(FakeHost::Kind::kBare);
  MadeProbe without(bare);
  REQUIRE(without.value_at(7, call, out) == ESP_OK);
  CHECK(out[0] == 0);
  CHECK(without.value_at(5, call, out) == ESP_UNIMPLEMENTED);
  CHECK_THAT(call.message, Contains("esp.host.rng/0"));
}

TEST_CASE("an object is written as far as the host knows it", "[sdk][authoring]") {
  FakeHost host;
  const MadeProbe made(host, {{"needed", "1"}}, offsetof(esp_object, save));
  REQUIRE(made.status == ESP_OK);
  CHECK(made.object.struct_size == offsetof(esp_object, save));
  CHECK(made.object.destroy != nullptr);
  CHECK(made.object.save == nullptr);
}

TEST_CASE("a shorter progress reads as zeros beyond its end", "[sdk][authoring]") {
  esp_progress old = run_start(50);
  old.lr_peak = 9;
  old.struct_size = offsetof(esp_progress, lr_peak);
  const esp_progress seen = sdk::sized_copy(&old);
  CHECK(seen.total_steps == 50);
  CHECK(seen.lr_peak == 0);
  const esp_progress none = sdk::sized_copy(static_cast<const esp_progress*>(nullptr));
  CHECK(none.total_steps == 0);
}

TEST_CASE("optional slots are there exactly where the class overrides them", "[sdk][authoring]") {
  FakeHost host;
  const MadeProbe made(host);
  CHECK(made.schedule->next_change == nullptr);
  CHECK(made.schedule->observe == nullptr);
  CHECK((probe_desc().claims & ESP_CLAIM_STATELESS) != 0);
}

TEST_CASE("an incomplete description fails init() with words", "[sdk][authoring]") {
  FakeHost host;
  CallRecord call;
  const esp_entry* entry = sdk::detail::Library<Nameless>::entry();
  CHECK(entry->init(call.raw(), host.raw()) == ESP_FAILED_PRECONDITION);
  CHECK_THAT(call.message, Contains("id"));
  CHECK(entry->factory(ESP_FACTORY_DIFFICULTY) == nullptr);
}

TEST_CASE("several classes share one library", "[sdk][authoring]") {
  using Both = sdk::detail::Library<Probe, Nameless>;
  CHECK(Both::entry()->factory(ESP_FACTORY_SCHEDULE)->count == 1);
  CHECK(Both::entry()->factory(ESP_FACTORY_GROWTH) == nullptr);
}

TEST_CASE("state is written and read as little-endian bytes", "[sdk][authoring]") {
  std::string bytes;
  const esp_out out = {&bytes, [](void* ctx, const void* data, std::uint64_t size) {
                         static_cast<std::string*>(ctx)->append(static_cast<const char*>(data), size);
                         return static_cast<std::int64_t>(size);
                       }};
  sdk::Writer writer(&out);
  writer.u64(0x0102030405060708u);
  writer.i64(-1);
  writer.f64(1.0);
  writer.text(std::string(1000, 'z'));
  CHECK(bytes.substr(0, 8) == std::string("\x08\x07\x06\x05\x04\x03\x02\x01"));
  CHECK(bytes.size() == 8 * 4 + 1000);

  std::string rest = bytes;
  const esp_in in = {&rest, [](void* ctx, void* data, std::uint64_t size) {
                       auto& source = *static_cast<std::string*>(ctx);
                       const std::size_t moved = std::min<std::size_t>(size, source.size());
                       std::memcpy(data, source.data(), moved);
                       source.erase(0, moved);
                       return static_cast<std::int64_t>(moved);
                     }};
  sdk::Reader reader(&in);
  CHECK(reader.u64() == 0x0102030405060708u);
  CHECK(reader.i64() == -1);
  CHECK(reader.f64() == 1.0);
  CHECK(reader.text() == std::string(1000, 'z'));
  CHECK_NOTHROW(reader.expect_end());
  CHECK_THROWS_AS(reader.u64(), sdk::Error);
  rest = std::string(8, '\xFF');  // a text that claims to have 2^64 - 1 bytes
  CHECK_THROWS_AS(reader.text(), sdk::Error);
}
