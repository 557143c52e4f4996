"""What a run does to a folder: nothing before it may go on, nothing to what it did not make, and one newest checkpoint."""

import os
import pathlib
import shutil
import subprocess
import unittest

from case import Case, sha256

CONFIG, DATA, CHECKPOINT, PLUGIN = 2, 3, 5, 6


def contents(folder):
    return {str(path.relative_to(folder)): (sha256(path), path.stat().st_mtime_ns) for path in sorted(pathlib.Path(folder).rglob("*")) if path.is_file()}


class RunFolder(Case):
    def test_a_refused_run_leaves_the_folder_as_it_was(self):
        self.train("run", sets=["training.steps=12", "checkpoint.interval=6"])
        before = contents(self.dir / "run")
        refused = [
            (CHECKPOINT, ["training.steps=30", "model.d_model=64"]),
            (CHECKPOINT, ["training.steps=30", 'data.tokenizer="sentencepiece"', "data.vocab_size=420"]),
            (CONFIG, ["training.steps=30", 'checkpoint.resume="never"']),
            (CONFIG, ["training.steps=30", "growth.params={nonsense = 1}"]),
            (CONFIG, ["training.steps=30", "validation.interval=0.5ep", "schedule.growth.params={alpha = 30.0}"]),
            (DATA, ["training.steps=30", f'data.sources=[{{name = "x", path = "{self.dir}/none"}}]']),
            (PLUGIN, ["training.steps=30", "schedule.lr.plugin=none"]),
        ]
        for code, sets in refused:
            done = self.train("run", sets=sets, check=code)
            self.assertNotIn("step 13/", done.stderr)
            self.assertEqual(contents(self.dir / "run"), before, sets)
        self.espalier("resume", self.dir / "run", sets=["training.steps=14"])
        self.assertIn("d_model = 32", (self.dir / "run/config.resolved.toml").read_text())
        # A run that is finished changes nothing either.
        before = contents(self.dir / "run")
        self.espalier("resume", self.dir / "run", sets=["training.steps=10"])
        self.assertEqual(contents(self.dir / "run"), before)

    def test_the_lines_before_the_run_begins_are_in_its_log(self):
        self.train("run", sets=["training.steps=6"])
        log = (self.dir / "run/run.log").read_text()
        self.assertRegex(log, r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.\d{3} tokenized easy")
        self.assertLess(log.index("tokenized easy"), log.index("step 1/6"))

    def test_rotation_after_going_on_from_before_a_damaged_checkpoint(self):
        self.train("run", sets=["training.steps=12", "checkpoint.interval=4"])
        weights = self.checkpoint("run", 12) / "model.safetensors"
        data = bytearray(weights.read_bytes())
        data[-1] ^= 1
        weights.write_bytes(data)
        done = self.espalier("resume", self.dir / "run", sets=["training.steps=9", "checkpoint.keep_latest=1"])
        self.assertIn("skipping a damaged checkpoint: step-00000012", done.stderr)
        self.assertEqual(sorted(path.name for path in (self.dir / "run/checkpoints").iterdir()), ["LATEST", "step-00000009", "step-00000012"])
        self.assertTrue((self.checkpoint("run", 9) / "model.safetensors").exists())

    def test_every_verb_takes_the_newest_valid_checkpoint_of_a_run_folder(self):
        self.train("run", sets=["training.steps=12", "checkpoint.interval=4"])
        run = self.dir / "run"
        with open(self.checkpoint("run", 12) / "model.safetensors", "r+b") as file:
            file.truncate(1000)
        text = self.dir / "text.txt"
        text.write_text("the cat sat on a mat\n")
        expected = self.espalier("eval", self.checkpoint("run", 8), "--text", text, "--json").stdout
        for latest in (None, "step-00000012\n", "step-00000004\n"):
            (run / "checkpoints/LATEST").unlink(missing_ok=True)
            if latest:
                (run / "checkpoints/LATEST").write_text(latest)
            done = self.espalier("eval", run, "--text", text, "--json")
            self.assertEqual(done.stdout, expected)
            self.assertIn("skipping a damaged checkpoint: step-00000012", done.stderr)
            self.assertIn("step-00000008", done.stderr)
        prompt = ("--prompt", "the cat", "--max-tokens", "6")
        self.assertEqual(self.espalier("generate", run, *prompt).stdout, self.espalier("generate", self.checkpoint("run", 8), *prompt).stdout)
        score = lambda model: self.espalier("data", "score", self.config, "--json", "--scorer", f'host.loss {{ model = "{model}" }}').stdout
        self.assertEqual(score(self.checkpoint("run", 8)).split('"side_cars"')[1], score(run).split('"side_cars"')[1])
        # Its shape is not the one that this run begins with, which is seen once it is read.
        done = self.train("next", sets=["training.steps=6", f'checkpoint.initial_load_path="{run}"'], check=CHECKPOINT)
        self.assertIn(f"the newest checkpoint of {run} is step-00000008", done.stderr)
        (run / "checkpoints/LATEST").unlink(missing_ok=True)
        done = self.espalier("resume", run)
        self.assertIn("step-00000008 at step 8", done.stderr)

    def test_left_overs_of_a_killed_process_are_cleaned_away(self):
        self.train("run", sets=["training.steps=4"])
        run = self.dir / "run"
        (run / "checkpoints/step-00000009.tmp/espalier/plugins").mkdir(parents=True)
        mine = run / "checkpoints/step-00000005.tmp/mine"
        mine.mkdir(parents=True)
        left = [run / "checkpoints/LATEST.tmp", run / "samples.txt.tmp", run / "metrics.jsonl.tmp", run / "config.resolved.toml.tmp", run / "env.json.tmp",
                self.dir / "cache/files.json.tmp"]
        for path in left:
            path.write_text("half")
        self.espalier("resume", run, sets=["training.steps=6"])
        self.assertEqual([str(path) for path in left if path.exists()], [])
        self.assertFalse((run / "checkpoints/step-00000009.tmp").exists())
        self.assertTrue(mine.exists())

    def test_prepared_data_that_can_only_be_read(self):
        sets = ["training.steps=6", "checkpoint.interval=0", "validation.samples=0", 'data.dedup="exact"']
        self.espalier("data", "prepare", self.config, sets=sets)
        cache = self.dir / "cache"
        (cache / ".lock").unlink()
        copied = self.dir / "copied"
        shutil.copytree(cache, copied)  # other inodes, other times
        for folder in (cache, copied):
            if os.geteuid() == 0:
                if subprocess.run(["mount", "--bind", "-o", "ro", folder, folder], capture_output=True).returncode != 0:
                    self.skipTest("cannot mount a read-only folder here")
                self.addCleanup(subprocess.run, ["umount", "-l", folder])
            else:
                folder.chmod(0o500)
                self.addCleanup(folder.chmod, 0o700)
            done = self.train(f"run-{folder.name}", sets=sets + [f'data.cache_dir="{folder}"'])
            self.assertIn("cannot be written to", done.stderr)
            self.assertNotIn("tokenized", done.stderr)
            done = self.train("other", sets=sets + [f'data.cache_dir="{folder}"', 'data.tokenizer="bpe"', "data.vocab_size=400"], check=DATA)
            self.assertIn("data.cache_dir", done.stderr)


if __name__ == "__main__":
    unittest.main()
