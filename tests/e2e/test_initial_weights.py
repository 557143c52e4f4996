"""A new run from another run's weights: continued pre-training, apart from resuming."""

import json
import re
import shutil
import unittest

from case import Case, sha256

# Continues the last shape without growth, at a lower learning rate and with another mixture.
CONTINUED = [
    "growth.plugin=",
    "growth.params={}",
    "schedule.growth.plugin=",
    "schedule.growth.params={}",
    "schedule.mixture.plugin=",
    "schedule.mixture.params={}",
    "difficulty.plugin=",
    "schedule.lr.plugin=reuse",
    "schedule.lr.params={}",
    "optimizer.lr=1e-3",
    "job.name=continued",
]
SWITCH = [
    "schedule.mixture.plugin=mixture-switch",
    'schedule.mixture.params={sources=["easy", "hard"], blends=[0.9, 0.1, 0.2, 0.8], when=["lr <= peak/5"]}',
]


class InitialWeights(Case):
    def setUp(self):
        super().setUp()
        self.train("base", sets=["checkpoint.keep_latest=1"])

    def load(self, path, *more):
        return [*CONTINUED, f'checkpoint.initial_load_path="{path}"', *more]

    def test_starts_at_step_0_with_the_old_weights_and_says_what_differs(self):
        done = self.train("next", sets=self.load(self.dir / "base", "checkpoint.interval=1", "optimizer.lr=1e-30",
                                                 "optimizer.weight_decay=0"))
        self.assertIn("step 1/24", done.stderr)
        self.assertIn("optimizer.lr: 0.005 -> 1e-30", done.stderr)
        self.assertNotIn("schedule.lr.params.warmup", done.stderr, "settings of a plugin that is gone")
        self.assertIn('schedule.lr.plugin: "org.espalier.schedule.cosine" -> "org.espalier.schedule.reuse"', done.stderr)
        self.assertRegex(done.stderr, r"weights from .*step-00000024 \(24 steps, 6,144 tokens\); optimizer state loaded; "
                                      r"learning rate [0-9.e-]+ there, here from 1.000e-30")
        # At such a learning rate nothing moves: the first and the last checkpoint hold the base run's weights.
        base = sha256(self.checkpoint("base", 24) / "model.safetensors")
        self.assertEqual(base, sha256(self.checkpoint("next", 1) / "model.safetensors"))
        manifest = json.loads((self.checkpoint("next", 24) / "espalier/manifest.json").read_text())
        self.assertEqual(manifest["initial_weights"]["model_sha256"], base)
        self.assertEqual(manifest["initial_weights"]["step"], 24)
        self.assertEqual(manifest["lineage"], [])

    def test_loss_by_source_before_and_after_is_shown(self):
        done = self.train("next", sets=self.load(self.checkpoint("base", 24)))
        before, after = self.metrics("next", "val/easy/loss")[0], self.metrics("next", "val/easy/loss")[24]
        self.assertEqual(before, self.metrics("base", "val/easy/loss")[24])
        row = re.search(r"^easy +([0-9.]+) +([0-9.]+) +([+-][0-9.]+)$", done.stderr, re.M)
        self.assertIsNotNone(row, done.stderr)
        for shown, value in zip(row.groups(), (before, after, after - before)):
            self.assertAlmostEqual(float(shown), value, places=3)

    def test_the_optimizer_is_loaded_or_reset(self):
        def steps(run):
            state = json.loads((self.checkpoint(run, 1) / "espalier/state.json").read_text())
            return set(state["optimizer_steps"].values())

        for choice, expected in (("load", 25), ("reset", 1)):
            self.train(choice, sets=self.load(self.dir / "base", "checkpoint.interval=1", f"checkpoint.initial_load_optimizer={choice}"))
            self.assertEqual(max(steps(choice)), expected)
        self.assertNotEqual(*(sha256(self.checkpoint(run, 1) / "model.safetensors") for run in ("load", "reset")))

    def test_a_run_of_its_own_resumes_from_its_own_checkpoint(self):
        sets = self.load(self.dir / "base", *SWITCH)
        self.train("whole", sets=[*sets, "checkpoint.interval=1"])
        (self.dir / "part/checkpoints").mkdir(parents=True)
        for stop in (6, 16, 17, 18, 19):  # the blend switches with the learning rate, at 0.711 of 24 steps
            shutil.copytree(self.checkpoint("whole", stop), self.checkpoint("part", stop))
            done = self.train("part", sets=sets)
            self.assertIn("resuming from", done.stderr)
            for name in ("model.safetensors", "espalier/state.json"):
                self.assertEqual(sha256(self.checkpoint("whole", 24) / name), sha256(self.checkpoint("part", 24) / name), (stop, name))
            self.assertRegex(done.stderr, r"loss by source +before +after +change")
            shutil.rmtree(self.dir / "part/checkpoints")
            (self.dir / "part/checkpoints").mkdir()

    def test_learning_rate_and_blend_follow_the_recipe(self):
        self.train("next", sets=self.load(self.dir / "base", *SWITCH, "metrics.log_interval=1", "data.exhausted=repeat"))
        lr = self.metrics("next", "train/lr")
        self.assertEqual(lr[1], 1e-3)
        self.assertLess(lr[24], 2e-5)
        share = self.metrics("next", "data/easy/frac")
        low = min(step for step, value in lr.items() if value <= 1e-3 / 5)
        self.assertEqual(low, 19)  # ceil(0.71131 * 24) = 18 finished steps before it
        first = [share[step] for step in share if step <= low]
        second = [share[step] for step in share if step > low]
        self.assertAlmostEqual(sum(first) / len(first), 0.9, delta=0.03)
        self.assertAlmostEqual(sum(second) / len(second), 0.2, delta=0.03)

    def test_resume_shows_what_the_configuration_changed(self):
        self.train("base", sets=["training.steps=30", "optimizer.lr=1e-3"])
        done = self.train("base", sets=["training.steps=36", "optimizer.lr=2e-3"])
        self.assertIn("optimizer.lr: 0.001 -> 0.002", done.stderr)
        self.assertIn("training.steps", done.stderr)

    # ---- refused before step 1
    def refused(self, code, text, sets):
        done = self.train("next", sets=sets, check=code)
        self.assertIn(text, done.stderr)
        self.assertNotIn("step 1/", done.stderr)

    def test_what_cannot_be_started_from(self):
        self.refused(2, "holds no model", self.load(self.dir))
        self.refused(5, "another tokenizer", self.load(self.dir / "base", 'data.tokenizer="sentencepiece"', "data.vocab_size=420"))
        self.refused(5, "num_layers 3 instead of 4", self.load(self.dir / "base", "model.num_layers=4"))
        model = self.checkpoint("base", 24)
        with open(model / "model.safetensors", "r+b") as file:
            file.seek(-1, 2)
            file.write(b"\x55")
        self.refused(5, "sha256", self.load(model))

    def test_a_model_of_another_origin_has_no_optimizer_state(self):
        shutil.copytree(self.checkpoint("base", 24), self.dir / "hf")
        shutil.rmtree(self.dir / "hf/espalier")
        self.refused(2, 'initial_load_optimizer = "reset"', self.load(self.dir / "hf"))
        done = self.train("next", sets=self.load(self.dir / "hf", "checkpoint.initial_load_optimizer=reset"))
        self.assertIn("optimizer state reset", done.stderr)


if __name__ == "__main__":
    unittest.main()
