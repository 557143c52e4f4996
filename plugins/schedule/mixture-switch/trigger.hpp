// When a blend begins, as the user writes it.
#pragma once

#include <espalier/sdk.hpp>

#include <cctype>
#include <cmath>
#include <cstdlib>
#include <string>

/// "100st", "3e6tok", "0.5dur", "1ep", "lr <= peak/5", "lr <= 1e-4" or "loss <= 2.5".
struct Trigger {
  enum class Kind { kSteps, kTokens, kFraction, kEpochs, kLrFraction, kLr, kLoss };
  Kind kind = Kind::kSteps;
  double bound = 0;  ///< kLrFraction: k of peak/k

  /// Throws Error for text that is none of the forms.
  static Trigger parse(const std::string& text) {
    std::string compact;
    for (const char c : text) {
      if (std::isspace(static_cast<unsigned char>(c)) == 0) compact += c;
    }
    Trigger out;
    if (take(compact, "lr<=peak/")) {
      out = {Kind::kLrFraction, number(compact, "", text)};
      if (out.bound <= 1) throw espalier::sdk::invalid("'", text, "': k of peak/k must be above 1");
    } else if (take(compact, "lr<=")) {
      out = {Kind::kLr, number(compact, "", text)};
    } else if (take(compact, "loss<=")) {
      out = {Kind::kLoss, number(compact, "", text)};
    } else if (ends(compact, "tok")) {
      out = {Kind::kTokens, number(compact, "tok", text)};
    } else if (ends(compact, "dur")) {
      out = {Kind::kFraction, number(compact, "dur", text)};
      if (out.bound >= 1) throw espalier::sdk::invalid("'", text, "' is not before the end of the run");
    } else if (ends(compact, "ep")) {
      out = {Kind::kEpochs, number(compact, "ep", text)};
    } else {
      out = {Kind::kSteps, number(compact, ends(compact, "st") ? "st" : "", text)};
    }
    return out;
  }

  /// True where only training can tell: the learning rate or the loss decides.
  bool reacts() const { return kind == Kind::kLrFraction || kind == Kind::kLr || kind == Kind::kLoss; }

  /// For a trigger that does not react: it has come.
  bool reached(const espalier::sdk::Progress& at) const {
    switch (kind) {
      case Kind::kSteps:
        return static_cast<double>(at.step) >= bound;
      case Kind::kTokens:
        return static_cast<double>(at.tokens) >= bound;
      case Kind::kFraction:
        return static_cast<double>(at.step) >= std::floor(bound * static_cast<double>(at.total_steps) + 0.5);
      case Kind::kEpochs:
        return at.epoch >= bound;
      default:
        return false;
    }
  }

  /// The learning rate to fall to.
  double lr_bound(double peak) const { return kind == Kind::kLrFraction ? peak / bound : bound; }

 private:
  static bool ends(const std::string& text, const std::string& suffix) {
    return text.size() >= suffix.size() && text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
  }
  static bool take(std::string& text, const std::string& prefix) {
    if (text.compare(0, prefix.size(), prefix) != 0) return false;
    text.erase(0, prefix.size());
    return true;
  }
  static double number(const std::string& text, const std::string& suffix, const std::string& whole) {
    const std::string digits = text.substr(0, text.size() - suffix.size());
    char* end = nullptr;
    const double value = std::strtod(digits.c_str(), &end);
    if (digits.empty() || *end != '\0' || !std::isfinite(value) || value <= 0) {
      throw espalier::sdk::invalid(
          "'", whole, "' does not say when: write \"100st\", \"3e6tok\", \"0.5dur\", \"1ep\", \"lr <= peak/5\", ",
          "\"lr <= 1e-4\" or \"loss <= 2.5\"");
    }
    return value;
  }
};
