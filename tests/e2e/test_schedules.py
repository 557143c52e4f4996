"""Schedules of data, batch and sequence length in whole runs: planned before step 1, realised as planned, resumed exactly."""

import json
import shutil
import unittest

from case import Case, same_training_state

ALONE = ["difficulty.plugin=\"\"", "growth.plugin=\"\"", "growth.params={}", "schedule.growth.plugin=\"\""]
REUSE = [
    *ALONE,
    "schedule.lr.plugin=reuse",
    "schedule.lr.params={}",
    "schedule.mixture.plugin=mixture-switch",
    "schedule.mixture.params={sources=[\"hard\", \"easy\"], blends=[0, 1, 0.75, 0.25], when=[\"lr <= peak/5\"]}",
    "metrics.log_interval=1",
]

# Batches of 4 until 32 samples are drawn (8 steps), of 8 until 64 (4 steps), then of 16; growth at 8 and 16.
BATCH = ["training.global_batch=16", "schedule.growth.params={alpha=0.0}", "schedule.batch.plugin=ramp-up",
         "schedule.batch.params={values=[4, 8, 16], samples=64}", "metrics.log_interval=1"]
ROWS = ["schedule.seq_len.plugin=ramp-up", "schedule.seq_len.params={values=[8, 16, 32], length=\"12st\"}"]


class Schedules(Case):
    def resumes_exactly(self, sets, stops, last=24):
        """The run stopped at each of `stops` ends as the whole one."""
        self.train("whole", sets=[*sets, "checkpoint.interval=1"])
        for stop in stops:
            run = f"stop{stop}"
            (self.dir / run / "checkpoints").mkdir(parents=True)
            shutil.copytree(self.checkpoint("whole", stop), self.checkpoint(run, stop))
            self.train(run, sets=[*sets, "checkpoint.interval=0"])
            same_training_state(self, self.checkpoint("whole", last), self.checkpoint(run, last))

    def plan(self, sets):
        return json.loads(self.espalier("plan", self.config, "--json", sets=sets).stdout)

    # ---- data mixture
    def test_a_mixture_over_sources_switches_with_the_learning_rate(self):
        # The first step with a fifth of the rate is ceil(0.7113 * 24) = 18; the blend changes after it.
        plan = self.plan(REUSE)
        self.assertEqual([span["start"] for span in plan["mixture"]], [0, 19])
        self.assertEqual(plan["mixture_sources"], ["easy", "hard"])
        self.assertEqual([span["sources"] for span in plan["mixture"]], [[1.0, 0.0], [0.25, 0.75]])
        self.resumes_exactly(REUSE, (18, 19))
        log = (self.dir / "whole/run.log").read_text()
        self.assertLess(log.index("from step       19"), log.index("step 1/24"))
        self.assertRegex(log, r"from step       19 .*easy 25.0% hard 75.0%")
        rates = self.metrics("whole", "train/lr")
        self.assertEqual(rates[1], 5e-3)
        self.assertLess(rates[19], 1e-3)  # the row of step 19 is the 19th step, number 18 from 0
        self.assertGreater(rates[18], 1e-3)
        hard = self.metrics("whole", "data/hard/frac")
        self.assertEqual([hard[step] for step in range(1, 20)], [0.0] * 19)
        self.assertAlmostEqual(sum(hard[step] for step in range(20, 25)) / 5, 0.75, delta=0.03)

    def test_a_mixture_over_tiers_and_one_that_fills_neither(self):
        sets = ["schedule.mixture.plugin=competence", "schedule.mixture.params={pacing=\"linear\", c0=0.1, duration=\"12st\"}"]
        plan = self.plan(sets)
        self.assertEqual([span["start"] for span in plan["mixture"]], [0, 8, 12])
        self.assertEqual([sum(share > 0 for share in span["tiers"]) for span in plan["mixture"]], [1, 2, 3])
        self.assertEqual(plan["mixture_sources"], [])
        done = self.train("run", sets=["schedule.mixture.plugin=cosine", "schedule.mixture.params={}"], check=2)
        self.assertIn("neither tiers nor sources", done.stderr)
        self.assertRegex(done.stderr, r"--set|tiny\.toml:\d+")
        done = self.train("run", sets=[*ALONE, "schedule.mixture.plugin=competence", "schedule.mixture.params={}"], check=2)
        self.assertIn("this mixture weighs difficulty tiers, and there is only one", done.stderr)

    def test_a_loss_triggers_a_mixture_and_a_resume_knows_it(self):
        sets = ["schedule.mixture.plugin=mixture-switch",
                "schedule.mixture.params={blends=[1, 0, 0, 0, 0, 1], when=[\"loss <= 5.2\"]}",
                "metrics.log_interval=1"]
        self.resumes_exactly(sets, (4, 12))
        mean = self.metrics("whole", "data/difficulty_mean")
        steps = [step for step, value in mean.items() if value == 2.0]
        self.assertTrue(steps and 1 < min(steps) < 24, mean)
        self.assertEqual(steps, list(range(min(steps), 25)))

    # ---- batch and sequence length
    def test_a_batch_ramp_in_numbers_and_resumed(self):
        plan = self.plan(BATCH)
        self.assertEqual([(span["start"], span["sequences"]) for span in plan["step_sizes"]], [(0, 4), (8, 8), (12, 16)])
        self.assertEqual(plan["total_tokens"], 8192)
        self.assertEqual([stage["tokens"] for stage in plan["stages"]], [1024, 1024 + 4 * 512, 8 * 512])
        self.resumes_exactly(BATCH, (8, 9))
        tokens = self.metrics("whole", "train/tokens")
        self.assertEqual([tokens[step] for step in (1, 8, 9, 12, 13, 24)], [128, 1024, 1280, 2048, 2560, 8192])
        self.assertEqual([self.metrics("whole", "train/sequences")[step] for step in (8, 9, 13)], [4, 8, 16])
        self.assertAlmostEqual(self.metrics("whole", "train/flops")[24] / plan["total_flops"], 1, places=9)
        log = (self.dir / "whole/run.log").read_text()
        self.assertLess(log.index("from step        8  8 sequences"), log.index("step 1/24"))

    def test_lengths_in_tokens_follow_the_batch_ramp(self):
        self.assertEqual(self.plan([*BATCH, "training.steps=8192tok"])["total_steps"], 24)
        self.assertEqual(self.plan([*BATCH, "training.steps=8193tok"])["total_steps"], 25)
        # A ramp over half of a run given in tokens: both settle. 12 steps of 4 or 8 sequences, then 16.
        half = [item.replace("samples=64", "length=\"0.5dur\"") for item in BATCH]
        plan = self.plan([*half, "training.steps=8192tok"])
        starts = [span["start"] for span in plan["step_sizes"]]
        total = plan["total_steps"]
        self.assertEqual(starts, [0, -(-round(total / 2) // 2), round(total / 2)])
        spent = 128 * starts[1] + 256 * (starts[2] - starts[1]) + 512 * (total - starts[2])
        self.assertEqual(plan["total_tokens"], spent)
        self.assertTrue(8192 <= spent < 8192 + 512, spent)
        self.train("run", sets=[*BATCH, "schedule.lr.params={warmup=\"2048tok\"}", "optimizer.lr=0.012"])
        rates = self.metrics("run", "train/lr")
        self.assertAlmostEqual(rates[6], 0.006)
        self.assertAlmostEqual(rates[12], 0.012)

    def test_a_sequence_length_ramp_keeps_tokens_and_order(self):
        plan = self.plan([*ROWS, "metrics.log_interval=1"])
        self.assertEqual([(span["start"], span["seq_len"]) for span in plan["step_sizes"]], [(0, 8), (6, 16), (12, 32)])
        self.resumes_exactly([*ROWS, "metrics.log_interval=1"], (6, 11))
        self.train("plain", sets=["metrics.log_interval=1"])
        flops, full = self.metrics("whole", "train/flops"), self.metrics("plain", "train/flops")
        self.assertAlmostEqual(flops[24] / plan["total_flops"], 1, places=9)
        self.assertLess(flops[1], full[1])
        self.assertAlmostEqual(flops[24] - flops[23], full[24] - full[23])
        self.assertEqual(self.metrics("whole", "train/tokens"), self.metrics("plain", "train/tokens"))
        streams = [json.loads((self.checkpoint(run, 24) / "espalier/state.json").read_text()) for run in ("whole", "plain")]
        self.assertEqual(*[stream["data"]["stream"] for stream in streams])
        self.assertEqual(self.metrics("whole", "val/loss").keys(), self.metrics("plain", "val/loss").keys())

    def test_both_ramps_at_once_resume(self):
        self.resumes_exactly([*BATCH, *ROWS], (10,))

    def test_sizes_that_do_not_fit(self):
        for sets, text in (
            (["schedule.batch.params={values=[4, 6, 16], samples=64}"], "not a multiple of micro_batch = 4"),
            (["schedule.batch.params={values=[4, 32], samples=64}"], "above the 16"),
            ([*ROWS, "schedule.seq_len.params={values=[12, 32], length=\"12st\"}"], "does not divide training.seq_len = 32"),
            ([*ROWS, "schedule.seq_len.params={values=[8, 32], samples=9}"], "samples is for the batch"),
        ):
            done = self.train("run", sets=[*BATCH, *sets], check=2)
            self.assertIn(text, done.stderr)
            self.assertNotIn("step 1/", done.stderr)


if __name__ == "__main__":
    unittest.main()
