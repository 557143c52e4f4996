"""Models that `transformers` saved with other settings than ours give the same logits here, or are refused by name."""

import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from case import BUILD, Case

DUMP = BUILD / "bin" / "dump_logits"
TOKENS = [(7 * i * i + 3 * i) % 61 for i in range(48)]
LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 16}
LLAMA = {
    "llama3 rope": {"rope_scaling": LLAMA3},
    "linear rope": {"rope_scaling": {"rope_type": "linear", "factor": 4.0}},
    "gelu": {"hidden_act": "gelu"},
    "gelu_pytorch_tanh": {"hidden_act": "gelu_pytorch_tanh"},
    "relu": {"hidden_act": "relu"},
    "attention_bias": {"attention_bias": True},
    "mlp_bias": {"mlp_bias": True},
    "head_dim": {"head_dim": 12},
    "untied, other eps": {"tie_word_embeddings": False, "rms_norm_eps": 1e-2},
}
GPT2 = {"gelu_new": {}, "gelu": {"activation_function": "gelu"}, "relu": {"activation_function": "relu"},
        "silu": {"activation_function": "silu"}, "n_inner": {"n_inner": 40}, "untied": {"tie_word_embeddings": False}}


def make(kind, settings):
    torch.manual_seed(3)
    if kind == "llama":
        values = dict(vocab_size=61, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                      num_key_value_heads=2, max_position_embeddings=64, rope_theta=100.0, tie_word_embeddings=True,
                      bos_token_id=1, eos_token_id=2)
        config, model = LlamaConfig, LlamaForCausalLM
    else:
        values = dict(vocab_size=61, n_embd=32, n_layer=2, n_head=4, n_positions=64, bos_token_id=1, eos_token_id=2)
        config, model = GPT2Config, GPT2LMHeadModel
    made = model(config(**{**values, **settings})).eval()
    with torch.no_grad():  # far from zero and from one, so that each setting shows in the logits
        for parameter in made.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.4 + (0.3 if parameter.dim() == 1 else 0))
    return made


class ForeignModels(Case):
    def ours(self, folder, code=0):
        out = self.dir / "logits.safetensors"
        done = subprocess.run([DUMP, folder, out, *map(str, TOKENS)], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stderr)
        return load_file(out)["logits"] if code == 0 else done.stderr

    def logits(self, model):
        with torch.no_grad():
            return model(torch.tensor([TOKENS])).logits[0]

    def same(self, folder, expected):
        self.assertLess((self.ours(folder) - expected).abs().max().item(), 2e-4)

    def test_settings_are_honoured_and_written_back(self):
        for kind, cases in (("llama", LLAMA), ("gpt2", GPT2)):
            plain = self.logits(make(kind, {}))
            for name, settings in cases.items():
                with self.subTest(f"{kind} {name}"):
                    model = make(kind, settings)
                    expected = self.logits(model)
                    if settings:
                        # The two GELUs differ by 6e-4 here, which is still more than what `same` allows.
                        self.assertGreater((expected - plain).abs().max().item(), 4e-4, "the setting changes nothing")
                    folder = self.dir / f"{kind} {name}"
                    model.save_pretrained(folder)
                    self.same(folder, expected)
                    subprocess.run([DUMP, "--save", folder, self.dir / f"{kind} {name} saved"], check=True)
                    again = self.dir / f"{kind} {name} saved" / "step-00000000"
                    self.same(again, expected)
                    loaded = AutoModelForCausalLM.from_pretrained(again, dtype=torch.float32).eval()
                    self.assertLess((self.logits(loaded) - expected).abs().max().item(), 1e-5)
                    for key in ("bos_token_id", "max_position_embeddings", "initializer_range"):
                        self.assertEqual(getattr(loaded.config, key), getattr(model.config, key), key)

    def test_older_files_say_rope_scaling(self):
        model = make("llama", {"rope_scaling": LLAMA3})
        folder = self.dir / "model"
        model.save_pretrained(folder)
        config = json.loads((folder / "config.json").read_text())
        config["rope_theta"] = config.pop("rope_parameters")["rope_theta"]
        config["rope_scaling"] = LLAMA3
        (folder / "config.json").write_text(json.dumps(config))
        self.same(folder, self.logits(model))

    def test_several_files_and_bfloat16(self):
        for kind in ("llama", "gpt2"):
            model = make(kind, {}).to(torch.bfloat16)
            folder = self.dir / kind
            model.save_pretrained(folder, max_shard_size="8KB")
            self.assertGreater(len(list(folder.glob("model-*.safetensors"))), 2)
            # Read again: model.float() would keep rotary frequencies that were rounded to bfloat16.
            self.same(folder, self.logits(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()))

    def test_others_are_refused_by_name(self):
        for settings, text in (({"hidden_act": "tanh"}, "'hidden_act' = \"tanh\""),
                               ({"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, "'rope_type' = \"yarn\"")):
            folder = self.dir / "refused"
            make("llama", settings).save_pretrained(folder)
            self.assertIn(text, self.ours(folder, code=1))
        folder = self.dir / "scaled"
        make("gpt2", {"scale_attn_by_inverse_layer_idx": True}).save_pretrained(folder)
        self.assertIn("'scale_attn_by_inverse_layer_idx' = true", self.ours(folder, code=1))


if __name__ == "__main__":
    unittest.main()
