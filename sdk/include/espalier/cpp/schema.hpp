// What a plugin says about itself, in one place: identity, claims, and each parameter beside the member it fills.
//
//   static void describe(sdk::Description<Midas>& about) {
//     about.id("org.espalier.growth.midas").version("0.1.0").claims(ESP_CLAIM_DETERMINISTIC);
//     about.param("moments", &Midas::moments_, "moments of the copies").choices({"copy", "zero"});
//   }
//   std::string moments_ = "copy";  // the initializer is the default that users see
#pragma once

#include <espalier/cpp/config.hpp>
#include <espalier/cpp/error.hpp>
#include <espalier/cpp/toml.hpp>

#include <deque>
#include <functional>
#include <string>
#include <type_traits>
#include <vector>

namespace espalier::sdk {

/// One parameter as the host will show and check it. Setters return *this.
class ParamSpec {
 public:
  ParamSpec(std::string key, std::uint32_t type, std::string doc, std::string default_value)
      : key_(std::move(key)), doc_(std::move(doc)), default_(std::move(default_value)), type_(type) {}

  /// The user must give it; the member's initializer is not shown as a default.
  ParamSpec& required() { return flag(ESP_PARAM_REQUIRED); }
  /// Smallest and largest allowed value, of each item for a list.
  ParamSpec& min(double value) { return min_ = value, flag(ESP_PARAM_HAS_MIN); }
  ParamSpec& max(double value) { return max_ = value, flag(ESP_PARAM_HAS_MAX); }
  /// Must be greater than `value`.
  ParamSpec& above(double value) { return min_ = value, flag(ESP_PARAM_HAS_MIN | ESP_PARAM_MIN_OPEN); }
  /// The allowed texts.
  ParamSpec& choices(std::vector<std::string> allowed) { return choices_ = std::move(allowed), *this; }
  ParamSpec& unit(std::string name) { return unit_ = std::move(name), *this; }
  /// Names a file or folder: the host expands "~/" and makes it absolute, so that a run goes on from any folder.
  ParamSpec& path() { return flag(ESP_PARAM_PATH); }
  /// Worth searching over.
  ParamSpec& tunable() { return flag(ESP_PARAM_TUNABLE); }

  /// The plain form. The views point into *this, which must not move afterwards.
  esp_param plain() {
    choice_views_.clear();
    for (const std::string& choice : choices_) choice_views_.push_back(str(choice));
    esp_param out{};
    out.struct_size = sizeof(esp_param);
    out.type = type_;
    out.flags = flags_;
    out.num_choices = static_cast<std::uint32_t>(choice_views_.size());
    out.key = str(key_);
    out.doc = str(doc_);
    out.unit = str(unit_);
    if ((flags_ & ESP_PARAM_REQUIRED) == 0) out.default_value = str(default_);
    out.min = min_;
    out.max = max_;
    out.choices = choice_views_.data();
    return out;
  }

 private:
  ParamSpec& flag(std::uint32_t bits) { return flags_ |= bits, *this; }

  std::string key_, doc_, unit_, default_;
  std::uint32_t type_, flags_ = 0;
  double min_ = 0, max_ = 0;
  std::vector<std::string> choices_;
  std::vector<esp_str> choice_views_;
};

/// Collects what describe() says, and fills an object's members from the user's values. Lives as long as the library.
template <class Plugin>
class Description {
 public:
  Description() { Plugin::describe(*this); }
  Description(const Description&) = delete;
  Description& operator=(const Description&) = delete;

  /// Reverse DNS; the last part is the short name.
  Description& id(std::string text) { return id_ = std::move(text), *this; }
  /// semver.
  Description& version(std::string text) { return version_ = std::move(text), *this; }
  Description& vendor(std::string text) { return vendor_ = std::move(text), *this; }
  Description& license(std::string text) { return license_ = std::move(text), *this; }
  Description& summary(std::string text) { return summary_ = std::move(text), *this; }
  Description& url(std::string text) { return url_ = std::move(text), *this; }
  Description& citation(std::string text) { return citation_ = std::move(text), *this; }
  /// ESP_CLAIM_* bits; ESP_CLAIM_STATELESS is added for a class without save().
  Description& claims(std::uint64_t bits) { return claims_ |= bits, *this; }
  /// Growth: the logits stay within `tolerance` (absolute, fp32). The host verifies it after each growth.
  Description& preserving(double tolerance) {
    claims_ |= ESP_CLAIM_PRESERVING;
    preserve_tol_ = tolerance;
    return *this;
  }
  /// Version of what save() writes; load() is told which one it reads.
  Description& state_version(std::uint32_t number) { return state_version_ = number, *this; }

  /// Declares a parameter and the member that takes it. The member's type gives the parameter's: bool, int64_t, double,
  /// std::string, Duration, or a vector of int64_t, double or std::string.
  template <class Value, class Owner>
  ParamSpec& param(const std::string& key, Value Owner::*member, std::string doc) {
    static_assert(std::is_base_of_v<Owner, Plugin>, "the member belongs to the plugin's class or a base of it");
    const Plugin prototype;
    fill_.push_back([key, member](Plugin& object, const Config& config) { config.read(key.c_str(), object.*member); });
    specs_.emplace_back(key, param_type(static_cast<const Value*>(nullptr)), std::move(doc),
                        toml_literal(prototype.*member));
    return specs_.back();
  }

  /// The plain form; throws Error where the description is incomplete. Call it once.
  void finish(std::uint64_t extra_claims) {
    if (id_.find('.') == std::string::npos)
      throw failed_precondition("describe() gives no reverse-DNS id: '", id_, "'");
    if (version_.empty()) throw failed_precondition(id_, ": describe() gives no version");
    params_.clear();
    for (ParamSpec& spec : specs_) params_.push_back(spec.plain());
    name_ = id_.substr(id_.rfind('.') + 1);
    plain_ = esp_desc{};
    plain_.struct_size = sizeof(esp_desc);
    plain_.num_params = static_cast<std::uint32_t>(params_.size());
    plain_.state_version = state_version_;
    plain_.id = str(id_);
    plain_.name = str(name_);
    plain_.version = str(version_);
    plain_.vendor = str(vendor_);
    plain_.license = str(license_);
    plain_.summary = str(summary_);
    plain_.url = str(url_);
    plain_.citation = str(citation_);
    plain_.claims = claims_ | extra_claims;
    plain_.preserve_tol = preserve_tol_;
    plain_.params = params_.data();
  }

  const esp_desc& plain() const { return plain_; }

  void fill(Plugin& object, const Config& config) const {
    for (const auto& fill_one : fill_) fill_one(object, config);
  }

 private:
  static std::uint32_t param_type(const bool*) { return ESP_PARAM_BOOL; }
  static std::uint32_t param_type(const std::int64_t*) { return ESP_PARAM_I64; }
  static std::uint32_t param_type(const double*) { return ESP_PARAM_F64; }
  static std::uint32_t param_type(const std::string*) { return ESP_PARAM_STR; }
  static std::uint32_t param_type(const Duration*) { return ESP_PARAM_DURATION; }
  static std::uint32_t param_type(const std::vector<std::int64_t>*) { return ESP_PARAM_I64_LIST; }
  static std::uint32_t param_type(const std::vector<double>*) { return ESP_PARAM_F64_LIST; }
  static std::uint32_t param_type(const std::vector<std::string>*) { return ESP_PARAM_STR_LIST; }

  std::string id_, name_, version_, vendor_, license_, summary_, url_, citation_;
  std::uint64_t claims_ = 0;
  double preserve_tol_ = 0;
  std::uint32_t state_version_ = 0;
  std::deque<ParamSpec> specs_;  // a deque: references and views stay valid
  std::vector<std::function<void(Plugin&, const Config&)>> fill_;
  std::vector<esp_param> params_;
  esp_desc plain_{};
};

}  // namespace espalier::sdk
