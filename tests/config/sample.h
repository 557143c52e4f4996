// A configuration with every kind of field, for the tests of core/config.
#pragma once

#include <string>
#include <vector>

#include "core/config/fields.h"

namespace espalier::test {

struct Source {
  std::string name, path;
  double weight = 1;
  void fields(Fields& f) {
    f.field("name", name, "Name.");
    f.field("path", path, "Folder.");
    f.field("weight", weight, "Weight.", Range::at_least(0));
  }
  friend bool operator==(const Source&, const Source&) = default;
};

struct Model {
  int64_t d_model = 384;
  double norm_eps = 1e-5;
  std::string norm = "rmsnorm";
  bool bias = false;
  void fields(Fields& f) {
    f.field("d_model", d_model, "Width.", Range::at_least(1));
    f.field("norm_eps", norm_eps, "Added below the root.", Range::above(0));
    f.field("norm", norm, "Kind of norm.", {"rmsnorm", "layernorm"});
    f.field("bias", bias, "Whether linear layers | have a bias.");
  }
  friend bool operator==(const Model&, const Model&) = default;
};

struct Data {
  std::vector<Source> sources;
  std::string tokenizer = "bytes";
  void fields(Fields& f) {
    f.tables("sources", sources, "Where text comes from.");
    f.field("tokenizer", tokenizer, "Folder or name.");  // after the tables on purpose: TOML wants keys first
  }
};

struct Growth {
  PluginChoice choice;
  void fields(Fields& f) { f.plugin(choice, "How the model grows."); }
};

struct Sample {
  Model model;
  Data data;
  Growth growth;
  Duration warmup = Duration::of_steps(100);
  std::vector<double> betas{0.9, 0.95};
  std::vector<std::string> tasks;
  void fields(Fields& f) {
    f.table("model", model, "The architecture.");
    f.table("data", data, "The text.");
    f.table("growth", growth, "Growth.");
    f.field("warmup", warmup, "Warm-up.");
    f.field("betas", betas, "Adam's.", Range::between(0, 1));
    f.field("tasks", tasks, "Task files.");
  }
};

}  // namespace espalier::test
