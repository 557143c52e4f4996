"""Bad input gets a clear error, its exit code and a hint, and loses nothing."""

import gzip
import json
import os
import shutil
import subprocess
import unittest

from case import Case, ESPALIER, FIXTURES, sha256

CONFIG, DATA, DIVERGED, CHECKPOINT, PLUGIN = 2, 3, 4, 5, 6


class Errors(Case):
    def refused(self, code, *texts, sets=(), run="run"):
        done = self.train(run, sets=sets, check=code)
        for text in texts:
            self.assertIn(text, done.stderr)
        self.assertNotIn("step 1/", done.stderr, "it must be refused before step 1")
        return done

    # ---- configuration
    def test_unknown_key_has_a_place_and_a_suggestion(self):
        self.config.write_text(self.config.read_text().replace("d_model = 32", "d_modle = 32"))
        self.refused(CONFIG, "tiny.toml:7:", "d_modle", "did you mean 'd_model'?")

    def test_wrong_type_and_range(self):
        self.refused(CONFIG, "--set training.seq_len", sets=['training.seq_len="long"'])
        self.refused(CONFIG, "optimizer.lr", sets=["optimizer.lr=-1"])

    def test_syntax_error_has_a_line(self):
        self.config.write_text("[job\nname = 1")
        self.refused(CONFIG, "tiny.toml:1:")

    def test_missing_file(self):
        done = self.espalier("train", self.dir / "none.toml", check=CONFIG)
        self.assertIn("none.toml", done.stderr)

    def test_heads_must_divide_the_width(self):
        self.refused(CONFIG, "d_model = 30 is not divisible by num_heads = 4", sets=["model.d_model=30"])

    def test_micro_batches_must_fill_the_batch(self):
        self.refused(CONFIG, "global_batch = 10", sets=["training.global_batch=10"])

    def test_a_schedule_that_starves_a_stage(self):
        self.refused(CONFIG, "prop-alpha", sets=["schedule.growth.params={alpha = 30.0}"])

    def test_usage(self):
        self.assertEqual(self.espalier("trian", check=None).returncode, CONFIG)
        self.assertEqual(self.espalier(check=None).returncode, CONFIG)

    # ---- data
    def write_easy(self, content):
        (self.dir / "easy.jsonl").write_bytes(content)

    def test_missing_data_file(self):
        os.remove(self.dir / "easy.jsonl")
        self.refused(DATA, "easy.jsonl")

    def test_empty_data_file(self):
        self.write_easy(b"")
        self.refused(DATA, "easy.jsonl", "empty")

    def test_data_that_is_not_utf8(self):
        self.write_easy(b'{"text": "fine"}\n{"text": "caf\xe9"}\n')
        self.refused(DATA, "easy.jsonl:2", "UTF-8")

    def test_truncated_gzip(self):
        self.write_easy(gzip.compress(b'{"text": "a few words that make a document"}\n' * 200)[:-9])
        self.refused(DATA, "easy.jsonl", "truncated")

    def test_missing_text_field(self):
        self.write_easy(b'{"body": "x"}\n')
        self.refused(DATA, "easy.jsonl:1", "text")

    def test_a_source_that_runs_out_stops_the_run_or_is_an_error(self):
        done = self.train("stop", sets=["data.exhausted=stop", "training.steps=4000", "validation.batches=0"])
        self.assertIn("used up", done.stderr)
        self.assertTrue(list((self.dir / "stop/checkpoints").glob("step-*")))
        done = self.train("error", sets=["data.exhausted=error", "training.steps=4000", "validation.batches=0"], check=DATA)
        self.assertIn("used up", done.stderr)

    # ---- checkpoints and run folders
    def test_vocabulary_of_another_tokenizer(self):
        self.train("run", sets=["training.steps=24"])
        before = sha256(self.checkpoint("run", 24) / "model.safetensors")
        self.refused(CHECKPOINT, "another tokenizer", sets=["training.steps=30", 'data.tokenizer="sentencepiece"', "data.vocab_size=420"])
        self.assertEqual(before, sha256(self.checkpoint("run", 24) / "model.safetensors"))

    def test_another_shape_than_the_checkpoint(self):
        self.train("run")
        self.refused(CHECKPOINT, "d_model 32 instead of 64", sets=["training.steps=30", "model.d_model=64"])

    def test_a_damaged_newest_checkpoint_is_named_and_skipped(self):
        self.train("run", sets=["checkpoint.interval=6"])
        whole = sha256(self.checkpoint("run", 24) / "model.safetensors")
        with open(self.checkpoint("run", 24) / "model.safetensors", "r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"\x55")
        done = self.espalier("resume", self.dir / "run")
        self.assertIn("skipping a damaged checkpoint: step-00000024", done.stderr)
        self.assertIn("step-00000018 at step 18", done.stderr)
        self.assertEqual(whole, sha256(self.checkpoint("run", 24) / "model.safetensors"))

    def test_no_valid_checkpoint(self):
        self.train("run", sets=["checkpoint.interval=0", "checkpoint.at_growth=false"])
        os.truncate(self.checkpoint("run", 24) / "espalier/state.json", 5)
        self.espalier("resume", self.dir / "run", check=CHECKPOINT)

    def test_resume_never_refuses_a_used_folder(self):
        self.train("run")
        self.refused(CONFIG, "already has a checkpoint", sets=['checkpoint.resume="never"'])

    def test_two_runs_in_one_folder(self):
        first = subprocess.Popen(self.command("train", self.config, "--run-dir", self.dir / "run",
                                              sets=["training.steps=2000", "metrics.log_interval=1", "validation.interval=0"]),
                                 env=self.env, stderr=subprocess.PIPE, text=True)
        self.addCleanup(first.stderr.close)
        for line in first.stderr:
            if "step 1/" in line:
                break
        self.refused(CONFIG, "another espalier process")
        first.kill()
        first.communicate()

    def test_disk_full_keeps_what_was_saved(self):
        if os.geteuid() != 0 or shutil.which("mount") is None:
            self.skipTest("needs root to mount a small file system")
        disk = self.dir / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1600k", "tmpfs", disk], capture_output=True).returncode != 0:
            self.skipTest("cannot mount a tmpfs here")
        self.addCleanup(subprocess.run, ["umount", "-l", disk])
        done = self.espalier("train", self.config, "--run-dir", disk / "run", sets=["training.steps=2000", "checkpoint.interval=2", "metrics.tensorboard=false"], check=CHECKPOINT)
        self.assertIn("No space left", done.stderr)
        self.assertIn("hint", done.stderr)
        left = sorted((disk / "run/checkpoints").glob("step-*"))
        self.assertGreaterEqual(len(left), 1)
        (disk / "run/metrics.jsonl").unlink()
        self.espalier("eval", left[-1], "--text", self.config)

    def test_read_only_run_folder(self):
        if os.geteuid() == 0:
            target = "/proc/espalier-run"  # nobody can create folders there
        else:
            target = self.dir / "locked" / "run"
            target.parent.mkdir()
            target.parent.chmod(0o500)
        done = self.espalier("train", self.config, "--run-dir", target, check=CONFIG)
        self.assertIn("cannot create the folder", done.stderr)

    def test_divergence_stops_before_the_update(self):
        done = self.train("run", sets=["optimizer.lr=1e30", "training.max_norm=0", "checkpoint.interval=1", "schedule.lr.params={warmup = \"0st\"}"], check=DIVERGED)
        self.assertIn("not finite", done.stderr)
        newest = sorted((self.dir / "run/checkpoints").glob("step-*"))[-1]
        self.assertTrue((newest / "espalier/manifest.json").exists())

    # ---- plugins
    def with_plugin(self, name):
        self.env["ESPALIER_PLUGIN_PATH"] = str(FIXTURES / f"{name}.so")

    def test_missing_plugin_lists_what_there_is(self):
        self.refused(PLUGIN, "mida", "midas", sets=["growth.plugin=mida"])

    def test_unknown_parameter(self):
        self.refused(CONFIG, "block_sise", "block_size", sets=["growth.params={block_sise = 1}"])

    def test_plugin_of_another_major_version(self):
        self.with_plugin("wrong_abi_major")
        self.refused(PLUGIN, "ABI", sets=["growth.plugin=wrong_abi_major"])

    def test_plugin_that_needs_a_newer_host(self):
        self.with_plugin("needs_newer_host")
        self.refused(PLUGIN, "newer", sets=["growth.plugin=needs_newer_host"])

    def test_plugins_that_crash_while_probed_disturb_nobody(self):
        self.env["ESPALIER_PLUGIN_PATH"] = str(FIXTURES)
        done = self.espalier("plugin", "list", "--json")
        listing = json.loads(done.stdout)
        by_file = {os.path.basename(item["path"]): item for item in listing}
        self.assertEqual(by_file["midas.so"]["status"], "ok")
        for name in ("abort_in_entry", "segfault_in_init", "spin_in_init", "exit_in_constructor", "no_entry", "not_an_elf"):
            self.assertNotEqual(by_file[f"{name}.so"]["status"], "ok", name)
        self.assertIn("SIGABRT", by_file["abort_in_entry.so"]["status"])

    def test_plugin_that_throws(self):
        self.with_plugin("throw_in_plan")
        self.refused(PLUGIN, "throw_in_plan", sets=["growth.plugin=throw_in_plan", "growth.params={}"])

    def test_success_without_output(self):
        self.with_plugin("empty_plan")
        self.refused(PLUGIN, "assigns nothing", sets=["growth.plugin=empty_plan", "growth.params={}"])

    def test_failure_without_a_reason(self):
        self.with_plugin("silent_failure")
        done = self.train(sets=["growth.plugin=silent_failure", "growth.params={}"], check=PLUGIN)
        self.assertIn("silent_failure", done.stderr)

    def test_false_claim_of_preservation_is_refused(self):
        self.with_plugin("false_claim")
        self.mid_run_failure("false_claim", "claims to preserve")

    def mid_run_failure(self, plugin, text):
        """The plan fails at the first growth event; what was saved before is whole and untouched."""
        done = self.train(sets=[f"growth.plugin={plugin}", "growth.params={}", "checkpoint.interval=1"], check=PLUGIN)
        self.assertIn(text, done.stderr)
        newest = sorted((self.dir / "run/checkpoints").glob("step-*"))[-1]
        self.espalier("eval", newest, "--text", self.config)


if __name__ == "__main__":
    unittest.main()
