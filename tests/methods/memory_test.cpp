// What a growth takes: at most the old and the new parameters and moments, and one tensor more.
#include <ATen/ATen.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include "catch.h"
#include "methods/method.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::test;

namespace {

using List = std::vector<int64_t>;

// LibTorch's allocator of CPU memory with a count of the bytes in use. Installed while it lives.
class CountingAllocator final : public c10::Allocator {
 public:
  CountingAllocator() : base_(c10::GetCPUAllocator()) { c10::SetCPUAllocator(this, 1); }
  ~CountingAllocator() override { c10::SetCPUAllocator(base_, 1); }

  c10::DataPtr allocate(size_t bytes) override {
    auto* block = new Block{this, bytes, base_->allocate(bytes)};
    used_ += static_cast<int64_t>(bytes);
    peak_ = std::max(peak_, used_);
    return {block->memory.get(), block, &release, c10::Device(c10::kCPU)};
  }
  void copy_data(void* to, const void* from, size_t bytes) const override { default_copy_data(to, from, bytes); }
  int64_t peak() const { return peak_; }

 private:
  struct Block {
    CountingAllocator* owner;
    size_t bytes;
    c10::DataPtr memory;
  };
  static void release(void* context) {
    const std::unique_ptr<Block> block(static_cast<Block*>(context));
    block->owner->used_ -= static_cast<int64_t>(block->bytes);
  }

  c10::Allocator* base_;
  int64_t used_ = 0, peak_ = 0;
};

struct Bytes {
  int64_t all = 0, largest = 0;
  void add(const at::Tensor& tensor) {
    const auto bytes = static_cast<int64_t>(tensor.nbytes());
    all += bytes;
    largest = std::max(largest, bytes);
  }
};

Bytes bytes_of(const growth::Grown& grown) {
  Bytes out;
  for (const auto& param : grown.params) out.add(param.value);
  for (const auto& [name, moments] : grown.state) {
    out.add(moments.exp_avg);
    out.add(moments.exp_avg_sq);
  }
  return out;
}

ModelSpec sized(ModelSpec spec, int64_t num_layers, int64_t d_model, int64_t num_heads, int64_t d_ff) {
  spec.num_layers = num_layers;
  spec.d_model = d_model;
  spec.num_heads = spec.num_kv_heads = num_heads;
  spec.d_ff = d_ff;
  return spec;
}

// Peak while the plan runs, in units of (what it makes + its largest tensor).
double peak_share(const std::string& name, const Settings& settings, const ModelSpec& from, const ModelSpec& to) {
  const Model wide = random_model(from, 3);
  const auto narrow = [](const at::Tensor& value) { return value.to(at::kFloat); };  // as in a run
  const ParamTable params = wide.params.transformed([&](const Param& param) { return narrow(param.value); });
  OptimState state;
  for (const auto& [name_of, moments] : wide.state)
    state[name_of] = {narrow(moments.exp_avg), narrow(moments.exp_avg_sq), moments.step};
  auto method = make_method(name, settings);
  const growth::Plan plan = method.strategy->plan(from, to);
  const growth::Leaves leaves = growth::initial_leaves(plan, params, 7, 0);  // they are there before the growth
  CountingAllocator counter;
  const growth::Grown grown = growth::execute(plan, to, params, state, 7, 0, name, leaves);
  const Bytes made = bytes_of(grown);
  REQUIRE(counter.peak() >= made.all);
  return static_cast<double>(counter.peak()) / static_cast<double>(made.all + made.largest);
}

}  // namespace

TEST_CASE("a growth takes the new parameters and moments and at most one tensor more", "[methods][memory]") {
  ModelSpec base = tiny_llama(2);
  base.head_dim = 16;
  const ModelSpec small = sized(base, 2, 64, 4, 160), wide = sized(base, 2, 128, 8, 320);
  const ModelSpec deep = sized(base, 6, 64, 4, 160), both = sized(base, 6, 128, 8, 320);
  const Settings width{{"num_layers", List{2}},
                       {"d_model", List{64}},
                       {"num_heads", List{4}},
                       {"num_kv_heads", List{4}},
                       {"d_ff", List{160}}};
  const auto with = [](Settings settings, const std::string& key, const Setting& value) {
    settings.emplace(key, value);
    return settings;
  };
  constexpr double kBound = 1.0;
  CHECK(peak_share("midas", {{"block_size", 1}}, small, sized(base, 3, 64, 4, 160)) < kBound);
  CHECK(peak_share("stack", {{"block_size", 2}}, small, sized(base, 4, 64, 4, 160)) < kBound);
  CHECK(peak_share("net2net", width, small, wide) < kBound);
  CHECK(peak_share("bert2bert", width, small, wide) < kBound);
  CHECK(peak_share("lemon", width, small, wide) < kBound);
  CHECK(peak_share("zero", width, small, wide) < kBound);
  CHECK(peak_share("staged", width, small, wide) < kBound);
  CHECK(peak_share("msg", with(width, "grow_steps", "10st"), small, wide) < kBound);
  CHECK(peak_share("zero", width, small, deep) < kBound);
  CHECK(peak_share("ligo", width, small, both) < kBound);
}
