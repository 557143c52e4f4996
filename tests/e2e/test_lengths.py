"""A run that is resumed with other settings: what is behind it stays as it was, what is left is settled from it."""

import json
import shutil
import unittest

from case import Case, same_training_state

ALONE = ["difficulty.plugin=\"\"", "growth.plugin=\"\"", "growth.params={}", "schedule.growth.plugin=\"\"",
         "schedule.mixture.plugin=\"\""]


class Lengths(Case):
    def state(self, run, step):
        return json.loads((self.checkpoint(run, step) / "espalier/state.json").read_text())

    def cut(self, source, run, step):
        (self.dir / run / "checkpoints").mkdir(parents=True)
        shutil.copytree(self.checkpoint(source, step), self.checkpoint(run, step))

    def test_a_run_in_tokens_goes_on_until_it_has_them(self):
        # 24 steps of 256 tokens; after 12 of them the batch doubles, so 6 steps hold the other half.
        sets = [*ALONE, "training.steps=6144tok", "schedule.lr.params={warmup=\"1536tok\"}", "metrics.log_interval=1"]
        self.train("whole", sets=sets)
        self.cut("whole", "run", 12)
        larger = [*sets, "training.global_batch=16"]
        self.train("run", sets=[*larger, "checkpoint.interval=3"])
        state = self.state("run", 18)
        self.assertEqual((state["step"], state["tokens"]), (18, 6144))
        self.assertEqual(state["trained"], [[0, 8, 32, 256, 256], [12, 16, 32, 512, 512]])
        rates = self.metrics("run", "train/lr")
        self.assertGreater(rates[13], rates[14])
        # Cut once more under the new settings, the run ends where it did.
        self.cut("run", "again", 15)
        self.train("again", sets=larger)
        same_training_state(self, self.checkpoint("run", 18), self.checkpoint("again", 18))

    def test_a_batch_ramp_goes_on_from_the_tokens_that_were_trained_on(self):
        ramp = ["schedule.batch.plugin=ramp-up", "schedule.batch.params={values=[4, 8, 16], tokens=4096}"]
        self.train("run", sets=[*ALONE, "training.global_batch=16", "checkpoint.interval=4", "training.steps=8"])  # 4096 tokens
        done = self.train("run", sets=[*ALONE, *ramp, "training.global_batch=16", "training.steps=12"])
        self.assertEqual(self.state("run", 12)["tokens"], 12 * 512, done.stderr)  # the ramp is behind

    def test_a_grown_run_can_be_lengthened_and_stays_in_its_stage(self):
        self.train("run", sets=["training.steps=12"])
        done = self.train("run", sets=["training.steps=40", "checkpoint.interval=10"])
        state = self.state("run", 40)
        self.assertEqual(state["stage_starts"], [0, 2, 6])
        self.assertEqual(len(self.metrics("run", "growth/loss_after")), 2)
        self.assertRegex(done.stderr, r"\n +3 +6 +34 ")
        self.cut("run", "again", 20)
        self.train("again", sets=["training.steps=40"])
        same_training_state(self, self.checkpoint("run", 40), self.checkpoint("again", 40))

    def test_a_run_between_two_growths_grows_at_the_new_boundary(self):
        self.train("run", sets=["training.steps=12", "checkpoint.interval=4"])
        self.cut("run", "longer", 4)
        self.train("longer", sets=["training.steps=48", "checkpoint.interval=6"])
        self.assertEqual(self.state("longer", 48)["stage_starts"], [0, 2, 24])
        self.cut("longer", "again", 18)
        self.train("again", sets=["training.steps=48"])
        same_training_state(self, self.checkpoint("longer", 48), self.checkpoint("again", 48))

    def test_an_older_checkpoint_that_does_not_say_what_its_steps_held(self):
        sets = [*ALONE, "training.steps=6144tok"]
        self.train("whole", sets=sets)
        self.cut("whole", "old", 12)
        self.forget("old", 12)
        self.train("old", sets=[*sets, "training.global_batch=16"])
        self.assertEqual(self.state("old", 18)["tokens"], 6144)
        self.cut("whole", "same", 12)
        self.forget("same", 12)
        self.train("same", sets=sets)
        same_training_state(self, self.checkpoint("whole", 24), self.checkpoint("same", 24))

    def forget(self, run, step):
        """Takes out of a checkpoint what older ones do not have."""
        import hashlib
        own = self.checkpoint(run, step) / "espalier"
        state = json.loads((own / "state.json").read_text())
        del state["trained"], state["stage_starts"]
        text = json.dumps(state)
        (own / "state.json").write_text(text)
        manifest = json.loads((own / "manifest.json").read_text())
        manifest["files"]["espalier/state.json"] = hashlib.sha256(text.encode()).hexdigest()
        (own / "manifest.json").write_text(json.dumps(manifest))

    def test_growth_that_is_due_after_the_end_names_what_to_change(self):
        for params in ('{steps=[4, 100]}', '{at=[0.5, 1.0]}'):
            done = self.train("run", sets=["schedule.growth.plugin=milestones", f"schedule.growth.params={params}"], check=2)
            self.assertIn("training.steps", done.stderr)
            self.assertIn("schedule.growth.params", done.stderr)
            self.assertNotIn("step 1/", done.stderr)
        done = self.train("run", sets=["training.steps=2"], check=2)
        self.assertIn("training.steps", done.stderr)


if __name__ == "__main__":
    unittest.main()
