"""A plugin that crashes or ends the process in the middle of a run costs neither its weights nor the word of who it was."""

import subprocess
import unittest

from case import BUILD, Case, FIXTURES, same_training_state

SETS = ["schedule.lr.plugin=ends_badly", "schedule.mixture.plugin=\"\"", "checkpoint.interval=0", "checkpoint.at_growth=false"]
ENDS = {"segfault": "crashed: signal 11 (SIGSEGV)", "abort": "crashed: signal 6 (SIGABRT)", "exit": "called exit(0)",
        "recursion": "crashed: signal 11 (SIGSEGV)", "bus_error": "crashed: signal 7 (SIGBUS)"}


class PluginCrashes(Case):
    def setUp(self):
        super().setUp()
        self.env["ESPALIER_PLUGIN_PATH"] = str(FIXTURES / "ends_badly.so")

    def ends(self, how, call, after, run):
        params = f"schedule.lr.params={{how=\"{how}\", in=\"{call}\", after={after}}}"
        return self.train(run, sets=[*SETS, params], check=6)

    def test_however_it_ends_the_last_whole_step_is_saved_and_the_plugin_named(self):
        fine = [*SETS, "schedule.lr.params={how=\"none\"}"]
        self.train("whole", sets=[*fine, "checkpoint.interval=7"])
        for how, text in ENDS.items():
            with self.subTest(how):
                done = self.ends(how, "value", 7, how)
                self.assertIn(f"org.example.test.ends_badly: {text} in value()", done.stderr)
                self.assertIn("saved its last whole step in", done.stderr)
                for name in ("model.safetensors", "espalier/optimizer.safetensors"):
                    self.assertEqual((self.checkpoint("whole", 7) / name).read_bytes(), (self.checkpoint(how, 7) / name).read_bytes())
        done = self.espalier("resume", self.dir / "segfault", sets=["schedule.lr.params={how=\"none\"}"])
        self.assertIn("lacks its state, which could not be saved", done.stderr)
        self.assertTrue(self.checkpoint("segfault", 24).exists())

    def test_before_the_first_step_and_while_saving(self):
        done = self.ends("exit", "bind", 0, "bind")
        self.assertIn("called exit(0) in bind(lr)", done.stderr)
        done = self.ends("abort", "save", 0, "save")
        self.assertIn("crashed: signal 6 (SIGABRT) in save()", done.stderr)
        self.assertTrue(self.checkpoint("save", 24).exists())

    def test_isolated_it_costs_its_process_only(self):
        self.train("whole", sets=["checkpoint.interval=7", "plugins.isolate=true"])
        self.train("here", sets=["checkpoint.interval=7"])
        same_training_state(self, self.checkpoint("whole", 24), self.checkpoint("here", 24))
        for how in ("segfault", "exit"):
            params = f"schedule.lr.params={{how=\"{how}\", in=\"value\", after=7}}"
            done = self.train(how, sets=[*SETS, "plugins.isolate=true", params], check=6)
            self.assertRegex(done.stderr, r"org\.example\.test\.ends_badly: .* in value\(\)")
            self.assertIn("plugins.isolate = false runs it in this process", done.stderr)
            self.assertIn("saved its last whole step in", done.stderr)
            self.assertTrue(self.checkpoint(how, 7).exists())

    def test_the_worker_does_not_load_libtorch(self):
        libraries = subprocess.run(["ldd", BUILD / "bin" / "espalier-worker"], capture_output=True, text=True, check=True).stdout
        self.assertIn("libc.so", libraries)
        self.assertNotIn("torch", libraries)

    def test_plan_names_it_too(self):
        sets = [*SETS, "schedule.lr.params={how=\"segfault\"}"]
        done = self.espalier("plan", self.config, sets=sets, check=6)
        self.assertIn("org.example.test.ends_badly: crashed: signal 11 (SIGSEGV) in value()", done.stderr)


if __name__ == "__main__":
    unittest.main()
