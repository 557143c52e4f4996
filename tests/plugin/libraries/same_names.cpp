// Two libraries of this file, with SAME_FACTOR 1 and 2, are what two authors make who both call their class Mine and
// build with nothing but `g++ -shared -fPIC`: every inline variable and every static variable of an inline function has
// one name in both, and default visibility.
#include <espalier/sdk.hpp>
#include <iostream>

namespace sdk = espalier::sdk;

inline double factor = SAME_FACTOR;

inline int& calls() {
  static int count = 0;
  return count;
}

class Mine final : public sdk::Schedule {
 public:
  static void describe(sdk::Description<Mine>& about) {
    about.id(sdk::cat("org.example.test.same", SAME_FACTOR)).version("0.1.0").summary("a factor");
  }
  void bind(sdk::Call&, const sdk::Progress&, const std::vector<std::string>& keys) override {
    require_only(keys, "lr");
  }
  // The factor, and in thousandths how often this library was asked.
  void value(sdk::Call&, const sdk::Progress&, sdk::Span<double> out) override {
    std::cout << "printed by a plugin through the C++ library" << std::endl;
    out[0] = factor + 0.001 * ++calls();
  }
};

ESPALIER_PLUGIN(Mine);
