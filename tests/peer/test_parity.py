"""An exported checkpoint and `transformers` agree: logits to 1e-4 in fp32, generation, token ids."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from case import BUILD, Case

DUMP = BUILD / "bin" / "dump_logits"
TOKENS = [3, 1, 4, 1, 5, 9, 2, 6, 53, 58, 0, 60, 32]


class Parity(Case):
    def ours(self, folder):
        out = self.dir / "logits.safetensors"
        subprocess.run([DUMP, folder, out, *map(str, TOKENS)], check=True)
        return load_file(out)["logits"]

    def theirs(self, folder):
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        with torch.no_grad():
            return model(torch.tensor([TOKENS])).logits[0], model

    def test_logits_of_exported_checkpoints(self):
        for kind, architecture in (("gpt2", "GPT2LMHeadModel"), ("llama", "LlamaForCausalLM"), ("llama-untied", "LlamaForCausalLM")):
            with self.subTest(kind):
                subprocess.run([DUMP, "--make", kind, self.dir / kind], check=True)
                folder = self.dir / kind / "step-00000000"
                theirs, model = self.theirs(folder)
                self.assertEqual(type(model).__name__, architecture)
                ours = self.ours(folder)
                self.assertGreater(theirs.std().item(), 0.5, "logits too flat to tell models apart")
                self.assertLess((ours - theirs).abs().max().item(), 1e-4)

    def test_a_model_saved_by_transformers_is_read(self):
        for kind in ("gpt2", "llama"):
            with self.subTest(kind):
                subprocess.run([DUMP, "--make", kind, self.dir / kind], check=True)
                theirs, model = self.theirs(self.dir / kind / "step-00000000")
                model.save_pretrained(self.dir / f"{kind}-again")
                self.assertLess((self.ours(self.dir / f"{kind}-again") - theirs).abs().max().item(), 1e-4)

    def test_a_trained_checkpoint_with_its_tokenizer(self):
        for tokenizer in ("byte", "sentencepiece"):
            with self.subTest(tokenizer):
                self.train(tokenizer, sets=[f'data.tokenizer="{tokenizer}"', "data.vocab_size=420", "checkpoint.interval=0"])
                folder = self.checkpoint(tokenizer, 24)
                text = "the cat sat on a mat, and saw 1 small caf\u00e9.\n\tnew  line \U0001f600"
                ids = AutoTokenizer.from_pretrained(folder)(text, add_special_tokens=False)["input_ids"]
                file = self.dir / "text.txt"
                file.write_text(text)
                ours = json.loads(self.espalier("eval", folder, "--text", file, "--json").stdout)
                self.assertEqual(ours["tokens"], len(ids))
                model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
                eos = model.config.eos_token_id
                window, nll = model.config.max_position_embeddings, 0.0
                stream = torch.tensor([eos] + ids)
                for first in range(0, len(ids), window):
                    part = stream[first:first + window + 1]
                    with torch.no_grad():
                        logits = model(part[None, :-1]).logits[0]
                    nll += torch.nn.functional.cross_entropy(logits, part[1:], reduction="sum").item()
                self.assertAlmostEqual(ours["nll"], nll / len(ids), places=4)


if __name__ == "__main__":
    unittest.main()
