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
        self.resumes_exactly(REUSE, (10, 18, 19, 20))
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
        self.assertIn("without a scorer there are no tiers", done.stderr)

    def test_a_loss_triggers_a_mixture_and_a_resume_knows_it(self):
        sets = ["schedule.mixture.plugin=mixture-switch",
                "schedule.mixture.params={blends=[1, 0, 0, 0, 0, 1], when=[\"loss <= 5.2\"]}",
                "metrics.log_interval=1"]
        self.resumes_exactly(sets, (4, 8, 12, 20))
        mean = self.metrics("whole", "data/difficulty_mean")
        steps = [step for step, value in mean.items() if value == 2.0]
        self.assertTrue(steps and 1 < min(steps) < 24, mean)
        self.assertEqual(steps, list(range(min(steps), 25)))


if __name__ == "__main__":
    unittest.main()
