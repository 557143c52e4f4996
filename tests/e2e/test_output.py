"""What the program prints: a figure or an error, never a success with nothing or with a number that means nothing."""

import json
import os
import struct
import subprocess
import unittest

from case import ROOT, Case

CHECKPOINT_ERROR, DATA_ERROR = 5, 3
FIXED = ['growth.plugin=""', "growth.params={}", 'schedule.growth.plugin=""', 'schedule.mixture.plugin=""']


class Output(Case):
    def run_into(self, target, *arguments):
        with open(target, "w") as out:
            return subprocess.run(self.command(*arguments), stdout=out, stderr=subprocess.PIPE, text=True, timeout=60,
                                  env=self.env, cwd=self.dir)

    def test_output_that_does_not_arrive_is_a_failure(self):
        for arguments in (("plan", self.config, "--json"), ("plan", self.config), ("plugin", "list", "--json"),
                          ("--help",), ("plan", "--help"), ("--version",)):
            done = self.run_into("/dev/full", *arguments)
            self.assertEqual(done.returncode, 2, f"{arguments}: {done.stderr}")
            self.assertIn("cannot write the output: No space left on device", done.stderr)
        closed = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *self.command("plan", self.config, "--json")],
                                stderr=subprocess.PIPE, text=True, timeout=60, env=self.env, cwd=self.dir)
        self.assertEqual(closed.returncode, 2, closed.stderr)
        self.assertIn("cannot write the output", closed.stderr)
        self.assertEqual(self.run_into("/dev/null", "plan", self.config, "--json").returncode, 0)

    def test_counts_that_overflow_are_refused_by_name(self):
        huge = 2**63 - 8
        for key, value in (("training.global_batch", huge), ("training.micro_batch", huge), ("training.seq_len", huge),
                           ("model.d_model", huge), ("model.d_ff", huge), ("model.num_layers", huge),
                           ("model.vocab_size", huge), ("training.steps", '"9e15st"')):
            sets = [*FIXED, f"{key}={value}"]
            if key == "training.micro_batch":
                sets.append("training.global_batch=0")
            done = self.espalier("plan", self.config, sets=sets, check=2)
            self.assertIn(key, done.stderr)
            self.assertNotIn("-", done.stdout)

    def test_evaluation_gives_a_number_or_an_error(self):
        self.train(sets=[*FIXED, "training.steps=2", "schedule.lr.params={warmup='1st'}", "checkpoint.interval=0",
                         "validation.samples=0"])
        model = self.checkpoint("run", 2)
        text = self.dir / "text.txt"
        for content in ("a", "two words", "\n"):
            text.write_text(content)
            out = json.loads(self.espalier("eval", model, "--text", text, "--json").stdout)
            self.assertEqual(out["tokens"], len(content))
            self.assertGreater(out["nll"], 0)
        text.write_text("")
        self.assertIn("is empty", self.espalier("eval", model, "--text", text, check=DATA_ERROR).stderr)
        # A weight that is no number: a bare Hugging Face folder, so that no hash tells.
        bare = self.dir / "bare"
        bare.mkdir()
        for file in model.iterdir():
            if file.is_file():
                (bare / file.name).write_bytes(file.read_bytes())
        weights = bytearray((bare / "model.safetensors").read_bytes())
        header = struct.unpack("<Q", weights[:8])[0]
        entry = json.loads(weights[8:8 + header])["model.layers.1.mlp.down_proj.weight"]
        at = 8 + header + entry["data_offsets"][0]
        weights[at:at + 4] = struct.pack("<f", float("nan"))
        (bare / "model.safetensors").write_bytes(weights)
        text.write_text("some text")
        for arguments in (("eval", bare, "--text", text, "--json"), ("generate", bare, "--prompt", "a")):
            done = self.espalier(*arguments, check=CHECKPOINT_ERROR)
            self.assertIn("not finite", done.stderr)
            self.assertEqual(done.stdout, "")
        self.assertIn("layers.1.mlp.down.weight", self.espalier("eval", bare, "--text", text, check=5).stderr)
        self.espalier("generate", model, "--prompt", "a", "--max-tokens", "-3", check=2)

    def test_the_plan_of_a_deep_model_takes_no_time(self):
        config = ROOT / "configs" / "paper" / "raptr-ul2-1.6b.toml"
        self.espalier("plugin", "list")  # fills the cache of what libraries hold
        before = os.times()
        self.espalier("plan", config, "--json")
        after = os.times()
        used = after.children_user + after.children_system - before.children_user - before.children_system
        self.assertLess(used, 3.0)  # 67 s where every step asked anew for what follows from the shape; 0.2 s now


if __name__ == "__main__":
    unittest.main()
