"""Blocks, packing and document masks in whole runs."""

import json
import subprocess
import unittest

from case import Case, same_training_state

PACKED = ['data.packing="best-fit"', "data.document_mask=true", "data.block_tokens=64"]
FIXED = ['growth.plugin=""', "growth.params={}", 'schedule.growth.plugin=""', 'schedule.mixture.plugin=""']


class Packing(Case):
    def start_from(self, run, source, step):
        (self.dir / run / "checkpoints").mkdir(parents=True)
        subprocess.run(["cp", "-r", self.checkpoint(source, step), self.dir / run / "checkpoints"], check=True)

    def stream(self, run, step):
        state = json.loads((self.checkpoint(run, step) / "espalier" / "state.json").read_text())
        return state["data"]["stream"]

    def test_a_packed_and_masked_run_that_grows_resumes_exactly(self):
        done = self.train("whole", sets=PACKED)
        self.assertRegex(done.stderr, r"best-fit packing: \d+\.\d\d% of the tokens are padding")
        self.assertEqual(len(self.metrics("whole", "growth/loss_after")), 2)
        for stop in (6, 12):
            self.start_from(f"stop{stop}", "whole", stop)
            self.train(f"stop{stop}", sets=PACKED)
            same_training_state(self, self.checkpoint("whole", 24), self.checkpoint(f"stop{stop}", 24))
        fractions = {name: self.metrics("whole", f"data/{name}/frac") for name in ("easy", "hard")}
        for step, fraction in fractions["easy"].items():
            self.assertAlmostEqual(fraction + fractions["hard"][step], 1)

    def test_the_mask_reaches_training_and_validation(self):
        plain = [*FIXED, "training.steps=4", "validation.interval=4", "model.position='learned'"]
        masked = plain + ["data.document_mask=true"]
        runs = {"plain": plain, "masked": masked, "restarted": masked + ["data.restart_positions=true"]}
        losses = {}
        for run, sets in runs.items():
            self.train(run, sets=sets)
            losses[run] = (self.metrics(run, "train/loss")[1], self.metrics(run, "val/loss")[4])
        for kind in (0, 1):
            self.assertEqual(len({loss[kind] for loss in losses.values()}), 3, losses)

    def test_a_run_goes_on_with_another_seq_len_at_the_next_token(self):
        base = [*FIXED, "data.block_tokens=64", "training.steps=12", "validation.batches=0"]
        long = base + ["training.seq_len=64", "training.micro_batch=2", "training.global_batch=4"]
        short = base + ["training.seq_len=32", "training.micro_batch=4", "training.global_batch=8"]
        self.train("long", sets=long)
        self.start_from("changed", "long", 6)
        self.train("changed", sets=short)
        expected, got = self.stream("long", 12), self.stream("changed", 12)
        self.assertEqual(got["index"], 2 * expected["index"])
        for key in ("drawn", "credit", "block_tokens"):
            self.assertEqual(got[key], expected[key], key)
        # Blocks of another length are another order; a learned table has a fixed length.
        self.start_from("blocks", "long", 6)
        refused = self.train("blocks", sets=short + ["data.block_tokens=32"], check=None)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("data.block_tokens = 64", refused.stderr)
        self.train("table", sets=long + ["model.position='learned'", "training.steps=6"])
        refused = self.train("table", sets=short + ["model.position='learned'"], check=None)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("learned positions for seq_len 64", refused.stderr)

    def test_settings_that_do_not_fit_are_named(self):
        for sets, key in ((["data.block_tokens=40"], "data.block_tokens"), (['data.packing="tight"'], "data.packing"),
                          (["data.restart_positions=true"], "data.restart_positions")):
            done = self.train("run", sets=sets, check=2)
            self.assertIn(key, done.stderr)


if __name__ == "__main__":
    unittest.main()
