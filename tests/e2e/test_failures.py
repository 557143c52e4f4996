"""A run that fails loses no healthy step, and what comes after the last save is made up by the next process."""

import json
import shutil
import unittest

from case import Case, FIXTURES, same_training_state

FAILS = ["schedule.lr.plugin=fails_later", "schedule.mixture.plugin=\"\"", "checkpoint.interval=0", "checkpoint.at_growth=false"]
QUALITY = "data.quality.report=true"


class Failures(Case):
    def setUp(self):
        super().setUp()
        self.env["ESPALIER_PLUGIN_PATH"] = str(FIXTURES / "fails_later.so")

    def saved(self, run):
        return sorted(path.name for path in (self.dir / run / "checkpoints").glob("step-*"))

    def fails_in(self, call, after, code, run="run", sets=()):
        params = f"schedule.lr.params={{in=\"{call}\", after={after}}}"
        return self.train(run, sets=[*FAILS, params, *sets], check=code)

    def test_a_plugin_that_fails_leaves_the_last_whole_step_and_a_run_that_goes_on(self):
        done = self.fails_in("value", 7, 6)
        self.assertIn("value fails as asked", done.stderr)
        self.assertIn("saved its last whole step in", done.stderr)
        self.assertEqual(self.saved("run"), ["step-00000007"])
        fine = [*FAILS, "schedule.lr.params={in=\"none\"}"]
        self.train("whole", sets=[*fine, "checkpoint.interval=7"])
        same_training_state(self, self.checkpoint("whole", 7), self.checkpoint("run", 7))
        self.espalier("resume", self.dir / "run", sets=fine)
        same_training_state(self, self.checkpoint("whole", 24), self.checkpoint("run", 24))

    def test_state_that_cannot_be_saved_is_left_out_and_said(self):
        for call, after, step in (("observe", 5, 6), ("save", 0, 24)):
            done = self.fails_in(call, after, 6, run=call)
            self.assertIn(f"{call} fails as asked", done.stderr)
            self.assertIn("schedule.lr: its state cannot be saved and is left out", done.stderr)
            self.assertEqual(self.saved(call), [f"step-{step:08d}"])
            own = self.checkpoint(call, step) / "espalier"
            self.assertFalse((own / "plugins/schedule.lr.bin").exists())
            self.assertEqual(json.loads((own / "state.json").read_text())["plugin_state_left_out"], ["schedule.lr"])
            done = self.espalier("resume", self.dir / call,
                                 sets=["training.steps=26", "schedule.lr.params={in=\"none\"}"])
            self.assertIn("schedule.lr: the checkpoint lacks its state, which could not be saved; it starts afresh", done.stderr)

    def test_weights_that_the_last_update_has_ruined_are_not_saved(self):
        sets = [*FAILS[1:], "growth.plugin=", "growth.params={}", "schedule.growth.plugin=", "schedule.lr.params={}", "training.steps=1",
                "validation.batches=0", "training.max_norm=0", "optimizer.lr=1e38"]
        done = self.train("ruined", sets=sets, check=4)
        self.assertIn("the weights after step 1 are not finite, so they are not saved", done.stderr)
        self.assertEqual(self.saved("ruined"), [])

    def test_data_that_end_or_a_loss_that_runs_away_leave_the_step_before(self):
        # Two micro-batches a step: the data position must be that of the step, not of the batches taken since.
        for run, code, sets in (("data", 3, ["data.exhausted=error", "training.steps=4000", "validation.batches=0", "growth.plugin=\"\"",
                                             "growth.params={}", "schedule.growth.plugin=\"\"", "schedule.mixture.plugin=\"\"",
                                             "difficulty.plugin=\"\"", "training.global_batch=12"]),
                                ("loss", 4, ["optimizer.lr=1e14", "training.max_norm=0", "schedule.lr.params={warmup=\"20st\"}"])):
            often = self.train(f"{run}-often", sets=[*sets, "checkpoint.interval=1", "checkpoint.keep_latest=1"], check=code)
            self.assertNotIn("whole step", often.stderr, "it was saved already")
            once = self.train(run, sets=[*sets, "checkpoint.interval=0", "checkpoint.at_growth=false"], check=code)
            self.assertEqual(self.saved(run), self.saved(f"{run}-often"), once.stderr)
            step = int(self.saved(run)[0][5:])
            same_training_state(self, self.checkpoint(f"{run}-often", step), self.checkpoint(run, step))

    def test_both_errors_are_said_where_saving_fails_too(self):
        (self.dir / "run").mkdir()
        (self.dir / "run/checkpoints").write_text("a file where the folder belongs")
        done = self.fails_in("value", 3, None)
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn("value fails as asked", done.stderr)
        self.assertIn("cannot be saved either", done.stderr)

    def test_without_any_setting_a_run_saves_on_the_way_and_at_growth(self):
        text = self.config.read_text().replace("interval = 6\nkeep_latest = 0", "keep_latest = 0")
        self.config.write_text(text)
        self.train("run", sets=["training.steps=50", "schedule.growth.params={alpha=0.0}"])
        steps = {int(name[5:]) for name in self.saved("run")}
        self.assertEqual(steps, {5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 17, 33})


class AfterTheLastSave(Case):
    def test_the_end_of_a_run_is_made_up_once(self):
        self.train("run", sets=["validation.samples=2"])
        metrics = (self.dir / "run/metrics.jsonl").read_text()
        samples = (self.dir / "run/samples.txt").read_text()
        self.assertIn("the run is finished", self.train("run", sets=["validation.samples=2"]).stderr)
        # As a process leaves it that is ended after the last save, before or after the final validation.
        for lines in (metrics.splitlines(keepends=True)[:-1], metrics.splitlines(keepends=True)):
            for name in ("finished.json", "samples.txt"):
                (self.dir / "run" / name).unlink()
            (self.dir / "run/metrics.jsonl").write_text("".join(lines))
            done = self.train("run", sets=["validation.samples=2"])
            self.assertNotIn("the run is finished", done.stderr)
            self.assertEqual((self.dir / "run/samples.txt").read_text(), samples)
            self.assertEqual([json.loads(line)["step"] for line in (self.dir / "run/metrics.jsonl").read_text().splitlines()],
                             [json.loads(line)["step"] for line in metrics.splitlines()])
            self.assertIn("the run is finished", self.train("run", sets=["validation.samples=2"]).stderr)

    def test_the_last_stage_is_judged_by_the_next_process_and_by_all_of_its_data(self):
        self.train("whole", sets=[QUALITY])
        texts = self.metrics("whole", "quality/texts")
        (self.dir / "words.txt").write_text("cat\n")
        bound = [QUALITY, f'data.quality.words="{self.dir}/words.txt"']
        self.train("run", sets=[*bound, "checkpoint.interval=6"])
        for step, made_up in ((24, "ended after the last save"), (18, "stopped in the middle of the last stage")):
            run = f"from{step}"
            shutil.copytree(self.dir / "run", self.dir / run)
            (self.dir / run / "finished.json").unlink()
            for later in range(step + 6, 25, 6):
                shutil.rmtree(self.checkpoint(run, later))
            done = self.train(run, sets=[*bound, "data.quality.max_listed_words=10"], check=3)
            self.assertIn("stage 3 ends at step 24", done.stderr, made_up)
            self.assertEqual(self.metrics(run, "quality/texts"), texts, made_up)
            self.assertEqual(self.metrics(run, "quality/vocabulary_drift"), self.metrics("whole", "quality/vocabulary_drift"))
            self.train(run, sets=[*bound, "data.quality.max_listed_words=10"])  # told once; it goes on

    def test_a_process_that_ends_while_the_guard_goes_back_leaves_it_to_the_next(self):
        growth = ["growth.plugin=cgls", "growth.params={layers=[1, 2], phase_a=\"3st\", init=\"random\", init_std=5.0}",
                  "schedule.growth.params={alpha=0.0}", "growth.guard_after=2", "checkpoint.interval=2",
                  "checkpoint.keep_latest=1"]
        # Step 10, two after the growth at 8, is saved before the guard looks.
        self.train("cut", sets=[*growth, "growth.guard_bound=1e-9"], check=4)
        self.assertEqual(sorted(path.name for path in (self.dir / "cut/checkpoints").glob("step-*")), ["step-00000008"])
        self.train("late", sets=[*growth, "growth.guard_bound=1e9", "checkpoint.keep_latest=0"])
        for step in range(12, 25, 2):
            shutil.rmtree(self.checkpoint("late", step))
        (self.dir / "late/finished.json").unlink()
        done = self.train("late", sets=[*growth, "growth.guard_bound=1e-9"], check=4)
        self.assertRegex(done.stderr, r"2 steps after the growth at step 8 the training loss is .* went back to .*step-00000008")
        self.assertFalse(self.checkpoint("late", 10).exists())


if __name__ == "__main__":
    unittest.main()
