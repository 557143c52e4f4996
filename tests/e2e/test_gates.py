"""Parts that fade in (MSG): validation, evaluation and checkpoints see the model that is trained."""

import json
import shutil
import unittest

from case import Case, same_training_state
from safetensors_reader import read_safetensors

# Large new weights, so that a gate that is open too early shows.
MSG = ['growth.plugin="msg"', "growth.params={num_layers=[2],d_model=[16],num_heads=[2],num_kv_heads=[1],d_ff=[24],"
       'grow_steps="8st",init_std=0.5}', 'schedule.growth.plugin="prop-alpha"', "schedule.growth.params={alpha=0.0}",
       'schedule.mixture.plugin=""', "training.steps=24", "checkpoint.interval=3", "validation.interval=1",
       "validation.samples=0", "metrics.log_interval=1"]


class Gates(Case):
    def evaluate(self, model):
        return json.loads(self.espalier("eval", model, "--text", self.text, "--json").stdout)["nll"]

    def test_what_is_evaluated_and_saved_is_what_is_trained(self):
        self.text = self.dir / "val.txt"
        self.text.write_text("".join(json.loads(line)["text"] for line in (self.dir / "val.jsonl").read_text().splitlines()))
        self.train("before", sets=MSG)
        self.train("after", sets=[*MSG, "checkpoint.at_growth=true"])
        self.assertEqual(list(self.metrics("after", "growth/loss_after")), [12])
        # The checkpoint of step 12 is the small model in one run and the grown one, gates closed, in the other.
        small, grown = (self.checkpoint(run, 12) for run in ("before", "after"))
        self.assertLess(abs(self.evaluate(small) - self.evaluate(grown)), 1e-4)
        losses = self.metrics("after", "val/loss")
        self.assertLess(losses[13] - losses[12], 2)  # an eighth open: 0.9; all of it open: 3.7
        for step, gated in ((9, False), (12, True), (15, True), (18, True), (21, False), (24, False)):
            file = self.checkpoint("after", step) / "espalier" / "gates.safetensors"
            self.assertEqual(file.exists(), gated, step)
        gates = read_safetensors(self.checkpoint("after", 15) / "espalier" / "gates.safetensors")
        self.assertEqual(sorted(name for name in gates if name.startswith("gates/")),
                         ["gates/heads", "gates/scale", "gates/stream", "gates/units"])

        # Other programs read the Hugging Face files alone: the gates are in those weights.
        bare = self.dir / "bare"
        bare.mkdir()
        for file in self.checkpoint("after", 15).iterdir():
            if file.is_file():
                shutil.copy(file, bare)
        self.assertEqual(json.loads((bare / "config.json").read_text())["model_type"], "llama")
        self.assertLess(abs(self.evaluate(bare) - self.evaluate(self.checkpoint("after", 15))), 1e-4)

        (self.dir / "stop" / "checkpoints").mkdir(parents=True)
        shutil.copytree(self.checkpoint("after", 15), self.dir / "stop" / "checkpoints" / "step-00000015")
        self.train("stop", sets=[*MSG, "checkpoint.at_growth=true"])
        same_training_state(self, self.checkpoint("after", 24), self.checkpoint("stop", 24))

        # A run without those gates cannot start from it.
        refused = self.train("new", sets=["growth.plugin=''", "growth.params={}", "schedule.growth.plugin=''",
                                          "schedule.mixture.plugin=''", "checkpoint.initial_load_optimizer='reset'",
                                          f"checkpoint.initial_load_path='{self.checkpoint('after', 15)}'"], check=5)
        self.assertIn("still fading in", refused.stderr)


if __name__ == "__main__":
    unittest.main()
