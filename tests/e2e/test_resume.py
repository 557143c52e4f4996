"""A run that is interrupted, in any way, ends where the uninterrupted one does, bit for bit."""

import signal
import subprocess
import time
import unittest

from case import Case, same_training_state


class Resume(Case):
    def test_n_plus_n_steps_equal_2n_across_epoch_stage_and_growth(self):
        self.train("whole")
        growth = self.metrics("whole", "growth/loss_after")
        self.assertEqual(len(growth), 2, "the run must grow twice")
        state = self.checkpoint("whole", 24) / "espalier" / "state.json"
        self.assertIn('"stream"', state.read_text())
        # Stop at every saved step in turn: 6 lies in stage 2, 12 at its end (growth follows), 18 in a later epoch.
        for stop in (6, 12, 18):
            run = f"stop{stop}"
            (self.dir / run / "checkpoints").mkdir(parents=True)
            subprocess.run(["cp", "-r", self.checkpoint("whole", stop), self.dir / run / "checkpoints"], check=True)
            done = self.train(run)
            self.assertIn(f"at step {stop}", done.stderr)
            same_training_state(self, self.checkpoint("whole", 24), self.checkpoint(run, 24))

    def test_every_boundary_is_an_exact_place_to_stop(self):
        whole = self.train("whole", sets=["checkpoint.interval=1"])
        starts = sorted(self.metrics("whole", "growth/loss_after"))
        for boundary in starts:
            for stop in (boundary - 1, boundary, boundary + 1):
                run = f"stop{stop}"
                (self.dir / run / "checkpoints").mkdir(parents=True)
                subprocess.run(["cp", "-r", self.checkpoint("whole", stop), self.dir / run / "checkpoints"], check=True)
                self.train(run, sets=["checkpoint.interval=0"])
                same_training_state(self, self.checkpoint("whole", 24), self.checkpoint(run, 24))
        self.assertIn("growth at step", whole.stderr)

    def test_the_run_passes_the_end_of_an_epoch(self):
        self.train("whole", sets=["validation.batches=0"])
        rows = self.metrics("whole", "train/tokens")
        size = sum((self.dir / f"{name}.jsonl").stat().st_size for name in ("easy", "hard"))
        self.assertGreater(rows[24], 2 * size, "the fixture no longer covers two epochs")

    def test_a_growth_in_bf16_resumes_exactly_too(self):
        sets = ["training.dtype=bf16", "checkpoint.interval=4"]
        self.train("whole", sets=sets)
        (self.dir / "cut/checkpoints").mkdir(parents=True)
        subprocess.run(["cp", "-r", self.checkpoint("whole", 8), self.dir / "cut/checkpoints"], check=True)
        self.train("cut", sets=sets)
        same_training_state(self, self.checkpoint("whole", 24), self.checkpoint("cut", 24))

    def test_plugin_state_travels_with_the_checkpoint(self):
        from case import FIXTURES

        extra = ["schedule.lr.plugin=counter", "schedule.lr.params={}"]
        sets = extra + ["checkpoint.interval=6"]
        self.env["ESPALIER_PLUGIN_PATH"] = str(FIXTURES / "counter.so")
        self.train("whole", sets=sets)
        blob = self.checkpoint("whole", 12) / "espalier" / "plugins" / "schedule.lr.bin"
        self.assertTrue(blob.exists())
        (self.dir / "cut/checkpoints").mkdir(parents=True)
        subprocess.run(["cp", "-r", self.checkpoint("whole", 12), self.dir / "cut/checkpoints"], check=True)
        self.train("cut", sets=sets)
        same_training_state(self, self.checkpoint("whole", 24), self.checkpoint("cut", 24))


class Signals(Case):
    def start(self, run, sets):
        process = subprocess.Popen(self.command("train", self.config, "--run-dir", self.dir / run, sets=sets), env=self.env,
                                   cwd=self.dir, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.stderr.close)
        return process

    def wait_for_line(self, process, text):
        for line in process.stderr:
            if text in line:
                return
        self.fail(f"the program ended without saying '{text}'")

    def test_sigterm_saves_and_exits_0_and_the_run_goes_on_exactly(self):
        sets = ["training.steps=400", "checkpoint.interval=0", "metrics.log_interval=1", "validation.interval=0"]
        process = self.start("cut", sets)
        self.wait_for_line(process, "step 30/400")
        process.send_signal(signal.SIGTERM)
        rest = process.communicate(timeout=120)[1]
        self.assertEqual(process.returncode, 0, rest)
        self.assertIn("stopped by a signal", rest)
        saved = sorted((self.dir / "cut/checkpoints").glob("step-*"))
        self.assertEqual(len(saved), 1)
        step = int(saved[0].name[5:])
        self.assertLess(step, 400)
        self.espalier("resume", self.dir / "cut")
        self.train("whole", sets=sets)
        same_training_state(self, self.checkpoint("whole", 400), self.checkpoint("cut", 400))

    def test_kill_9_in_the_middle_of_a_save_loses_at_most_that_save(self):
        # A checkpoint every step, killed at moments spread over the saves: whatever is left must resume exactly.
        sets = ["training.steps=60", "checkpoint.interval=1", "checkpoint.keep_latest=2", "validation.interval=0"]
        caught = 0
        for attempt in range(6):
            process = self.start("cut", sets)
            temporary = self.dir / "cut" / "checkpoints"
            deadline = time.time() + 60
            while process.poll() is None and time.time() < deadline:
                if any(temporary.glob("*.tmp")):
                    time.sleep(0.0007 * attempt)
                    break
            process.send_signal(signal.SIGKILL)
            process.communicate()
            caught += any(temporary.glob("*.tmp"))
        self.assertGreater(caught, 0, "no kill hit a save; the test did not test anything")
        self.train("cut", sets=sets)
        self.train("whole", sets=sets)
        same_training_state(self, self.checkpoint("whole", 60), self.checkpoint("cut", 60))

    def test_metrics_hold_each_step_once_after_an_interruption(self):
        sets = ["checkpoint.interval=6", "metrics.log_interval=1"]
        self.train("cut", sets=sets)
        for step in (18, 24):
            subprocess.run(["rm", "-r", self.checkpoint("cut", step)], check=True)
        self.espalier("resume", self.dir / "cut")
        lines = (self.dir / "cut/metrics.jsonl").read_text().splitlines()
        losses = [line for line in lines if '"train/loss"' in line]
        self.assertEqual(len(losses), 24)


if __name__ == "__main__":
    unittest.main()
