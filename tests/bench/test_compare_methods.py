"""The arithmetic of compare_methods.py, with a pretended program. Run: python3 -m unittest test_compare_methods"""

import json
import pathlib
import tempfile
import unittest

import compare_methods as compare


class Pretended:
    """A program whose step costs `cost` FLOPs, and which refuses fewer than `least` steps."""

    def __init__(self, cost=10.0, least=1, lr_last=0.0, loss=3.0):
        self.cost, self.least, self.lr_last, self.loss = cost, least, lr_last, loss
        self.planned, self.trained = [], []

    def plan(self, arm, seed, steps):
        self.planned.append(steps)
        if steps < self.least:
            raise compare.Refused("a stage would get no step")
        return {"total_flops": self.cost * steps, "stages": [{"lr_last": self.lr_last, "lr_max": 1.0}]}

    def train(self, arm, seed, steps, folder):
        self.trained.append((arm.name, seed))
        loss = self.loss + 0.1 * seed + (0.5 if arm.name == "scratch" else 0.0)
        row = {"step": steps, "tokens": steps * 4, "flops": self.cost * steps, "seconds": 9.0, "val/loss": loss, "val/bpb": 2.0,
               "val/tales/loss": loss - 1}
        rows = [{"step": steps, "seconds": 1.0, "train/loss": 4.0}, row]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return 0


class Steps(unittest.TestCase):
    def test_the_budget_is_used_to_the_last_step(self):
        for cost in (1.0, 7.3, 900.0):
            for budget in (1e3, 12345.6, 1e6):
                steps = compare.steps_for(budget, lambda n: cost * n)
                self.assertLessEqual(cost * steps, budget)
                self.assertGreater(cost * (steps + 1), budget)

    def test_a_step_that_is_too_dear_is_refused(self):
        with self.assertRaisesRegex(compare.Refused, "one step"):
            compare.steps_for(5, lambda n: 10.0 * n)

    def test_the_words_of_the_program_are_passed_on(self):
        arm = compare.Arm("scratch", "x.toml", {})
        with self.assertRaisesRegex(compare.Refused, "no step"):
            compare.settle(Pretended(least=50), arm, 1, 300)  # 30 steps fit, 50 are needed
        with self.assertRaisesRegex(compare.Refused, "no step"):
            compare.settle(Pretended(least=float("inf")), arm, 1, 300)
        self.assertEqual(compare.settle(Pretended(least=50), arm, 1, 600), 60)

    def test_an_arm_that_has_not_decayed_is_refused(self):
        with self.assertRaisesRegex(compare.Refused, "decayed"):
            compare.settle(Pretended(lr_last=0.3), compare.Arm("scratch", "x.toml", {}), 1, 300)


class Statistics(unittest.TestCase):
    def test_quantiles_of_t(self):
        for degrees, expected in ((1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262), (30, 2.042)):
            self.assertAlmostEqual(compare.t_quantile(0.975, degrees), expected, places=3)

    def test_interval_of_paired_differences(self):
        mean, half = compare.interval([1.0, 2.0, 3.0])
        self.assertEqual(mean, 2.0)
        self.assertAlmostEqual(half, 4.3027 / 3**0.5, places=3)
        self.assertEqual(compare.interval([1.0]), (1.0, None))


class Runs(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.dir = pathlib.Path(temporary.name)
        (self.dir / "base.toml").write_text("[job]\n")
        (self.dir / "arms.toml").write_text(
            'base = "base.toml"\nflops = 1e3\nseeds = [1, 2, 3]\n[arms.scratch]\n[arms.grown]\nabout = "x"\n'
            '[arms.grown.growth]\nplugin = "stack"\nparams = { block_size = 2 }\n')
        self.arms, self.settings = compare.read_arms(self.dir / "arms.toml")

    def run_all(self, program, budget=1e3):
        done = [compare.run_one(program, arm, seed, budget, self.dir / "out") for seed in (1, 2, 3) for arm in self.arms]
        return {(name, seed): result for name, seed, result, _ in done}, [words for *_, words in done]

    def test_overrides_become_arguments(self):
        text = " ".join(self.arms[1].arguments(training__steps=7))
        self.assertIn('--set growth.plugin="stack" --set growth.params.block_size=2 --set training.steps=7', text)
        self.assertNotIn("about", text)
        self.assertEqual(self.settings["seeds"], [1, 2, 3])

    def test_a_folder_of_configurations_is_a_set_of_arms(self):
        (self.dir / "arms.toml").unlink()
        self.assertEqual([arm.name for arm in compare.read_arms(self.dir)[0]], ["base"])

    def test_finished_runs_are_kept_and_others_refused(self):
        program = Pretended()
        first, _ = self.run_all(program)
        self.assertEqual(len(program.trained), 6)
        again, words = self.run_all(program)
        self.assertEqual(len(program.trained), 6)
        self.assertEqual((first, set(words)), (again, {"was finished"}))
        self.arms[1].overrides["growth.params.block_size"] = 4
        changed, words = self.run_all(program)
        self.assertIsNone(changed["grown", 1])
        self.assertIn("other settings", words[1])
        self.assertIsNotNone(changed["scratch", 1])

    def test_an_unfinished_run_is_trained_again(self):
        program = Pretended()
        self.run_all(program)
        (self.dir / "out/grown/seed-2/metrics.jsonl").write_text('{"step": 50, "train/loss": 4}\n')
        self.run_all(program)
        self.assertEqual(program.trained[6:], [("grown", 2)])

    def test_the_report_pairs_runs_by_seed(self):
        results, _ = self.run_all(Pretended())
        text = compare.report(results, self.arms, "scratch", 1e3)
        self.assertIn("| grown | 3 | 100 | 400 | 1000 | 1 | 3.2000 ± 0.1000 | 2.0000 | -0.5000 ± 0.0000 |", text)
        self.assertIn("| grown | 2.2000 (-0.5000 ± 0.0000) |", text)
        self.assertNotIn("(!)", text)
        del results["scratch", 3]
        self.assertIn("Fewer than three", compare.report(results, self.arms, "scratch", 1e3))
        self.assertIn("(!)", compare.report(results, self.arms, "scratch", 1.1e3))


if __name__ == "__main__":
    unittest.main()
