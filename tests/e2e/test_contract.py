"""What scripts and other tools rely on: files, names, forms of commands."""

import json
import re
import struct
import subprocess
import unittest

from case import BUILD, Case, sha256

PLUGINS = ["compression", "cosine", "length", "midas", "prop-alpha", "stack", "tier-sync", "wsd"]


class TrainedRun(Case):
    """What one plain run left behind: it is trained once, and no test changes it."""

    @classmethod
    def setUpClass(cls):
        cls.trained = Case()
        cls.trained.setUp()
        cls.addClassCleanup(cls.trained.doCleanups)
        cls.done = cls.trained.train()
        cls.run_dir = cls.trained.dir / "run"
        cls.last = cls.trained.checkpoint("run", 24)

    def test_the_run_folder(self):
        for name in ("config.resolved.toml", "env.json", "metrics.jsonl", "samples.txt", "run.log", "checkpoints/LATEST"):
            self.assertTrue((self.run_dir / name).exists(), name)
        self.assertEqual((self.run_dir / "checkpoints/LATEST").read_text().strip(), "step-00000024")
        self.assertEqual(len(list((self.run_dir / "tb").glob("events.out.tfevents.*"))), 1)
        rows = [json.loads(line) for line in (self.run_dir / "metrics.jsonl").read_text().splitlines()]
        names = set().union(*rows)
        for row in rows:
            self.assertLessEqual({"step", "tokens", "flops", "seconds"}, set(row))
        self.assertLessEqual({"train/loss", "train/lr", "train/grad_norm", "train/tokens", "train/flops", "val/easy/loss", "val/bpb",
                              "throughput/tokens_per_sec", "time/step_ms", "time/data_wait_pct", "memory/max_reserved_gib",
                              "growth/stage", "growth/n_params", "growth/loss_before", "growth/loss_after",
                              "growth/max_logit_diff", "data/easy/frac", "data/difficulty_mean"}, names)
        # The timeline comes before step 1, and each growth event has its line.
        self.assertLess(self.done.stderr.index("FLOPs"), self.done.stderr.index("step 1/24"))
        self.assertEqual(len(re.findall(r"growth at step \d+: .* probe loss [\d.]+ -> [\d.]+", self.done.stderr)), 2)
        self.assertIn("unigram baseline", self.done.stderr)

    def test_the_manifest_tells_how_the_model_grew(self):
        manifest = json.loads((self.last / "espalier/manifest.json").read_text())
        self.assertEqual(manifest["format_version"], 2)
        self.assertEqual([event["to"]["num_hidden_layers"] for event in manifest["lineage"]], [2, 3])
        for event in manifest["lineage"]:
            plan = self.last / "espalier/plans" / (event["plan_sha256"] + ".bin")
            self.assertEqual(sha256(plan), event["plan_sha256"])
            self.assertEqual(event["plugin"]["id"], "org.espalier.growth.midas")
            self.assertRegex(event["plugin"]["sha256"], "^[0-9a-f]{64}$")
        self.assertIn("model.safetensors", manifest["files"])

    def test_the_event_file_is_a_tfrecord_with_our_scalars(self):
        data = next((self.run_dir / "tb").glob("*")).read_bytes()
        tags, at, records = set(), 0, 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            self.assertEqual(struct.unpack_from("<I", data, at + 8)[0], masked_crc32c(data[at:at + 8]))
            event = data[at + 12:at + 12 + length]
            self.assertEqual(struct.unpack_from("<I", data, at + 12 + length)[0], masked_crc32c(event))
            tags |= set(re.findall(rb"(?:train|val|growth)/[a-z_/]+", event))
            at += 16 + length
            records += 1
        self.assertGreater(records, 6)
        self.assertTrue(any(tag.startswith(b"train/loss") for tag in tags), tags)

    def test_the_resolved_configuration_trains_the_same(self):
        self.espalier("train", self.run_dir / "config.resolved.toml", "--run-dir", self.dir / "again")
        self.assertEqual((self.last / "model.safetensors").read_bytes(),
                         (self.checkpoint("again", 24) / "model.safetensors").read_bytes())

    def test_plan_prints_what_training_does(self):
        plan = json.loads(self.espalier("plan", self.config, "--json").stdout)
        self.assertEqual([stage["num_layers"] for stage in plan["stages"]], [1, 2, 3])
        self.assertEqual(sum(stage["steps"] for stage in plan["stages"]), 24)
        self.assertAlmostEqual(self.trained.metrics("run", "train/flops")[24] / plan["total_flops"], 1, places=9)
        starts = sorted(self.trained.metrics("run", "growth/loss_after"))
        self.assertEqual(starts, [stage["start"] for stage in plan["stages"][1:]])
        self.assertIn("total", self.espalier("plan", self.config).stdout)

    def test_eval_and_generate(self):
        text = self.dir / "text.txt"
        text.write_text("the cat sat on a mat and saw one small dog. caf\u00e9\n")
        out = json.loads(self.espalier("eval", self.last, "--text", text, "--json").stdout)
        size = len(text.read_bytes())
        self.assertEqual(out["tokens"], size)  # the byte tokenizer
        self.assertAlmostEqual(out["bpb"], out["nll"] * out["tokens"] / size / 0.6931471805599453, places=6)
        arguments = ("generate", self.last, "--prompt", "the cat", "--max-tokens", "12", "--seed", "3")
        first = self.espalier(*arguments).stdout
        self.assertTrue(first.startswith("the cat"))
        self.assertEqual(first, self.espalier(*arguments).stdout)


class Contract(Case):
    def test_plan_needs_no_data(self):
        self.config.write_text(self.config.read_text().replace("easy.jsonl", "not-there.jsonl"))
        self.espalier("plan", self.config)

    def test_data_prepare(self):
        out = json.loads(self.espalier("data", "prepare", self.config, "--json").stdout)
        self.assertEqual([source["name"] for source in out["sources"]], ["easy", "hard"])
        self.assertEqual(len(out["tiers"]), 3)
        scores = [tier["mean_score"] for tier in out["tiers"]]
        self.assertEqual(scores, sorted(scores))

    def test_plugin_list_and_info(self):
        listing = json.loads(self.espalier("plugin", "list", "--json").stdout)
        for item in listing:
            self.assertLessEqual({"id", "kind", "version", "path", "status"}, set(item))
        names = {item["id"].rsplit(".", 1)[-1] for item in listing if item["status"] == "ok"}
        self.assertLessEqual(set(PLUGINS), names)
        info = self.espalier("plugin", "info", "midas").stdout
        self.assertIn("block_size", info)
        self.assertIn('plugin = "', info)

    def test_every_verb_has_help(self):
        for verb in (["train"], ["resume"], ["plan"], ["eval"], ["generate"], ["data"], ["data", "prepare"], ["plugin"], ["plugin", "list"], ["plugin", "info"], []):
            self.assertIn("--help", self.espalier(*verb, "--help").stdout)
        self.assertRegex(self.espalier("--version").stdout, r"^\d+\.\d+\.\d+")

    def test_a_plugin_has_one_symbol_and_no_torch(self):
        for name in PLUGINS:
            library = BUILD / "lib/espalier/plugins" / f"{name}.so"
            symbols = subprocess.run(["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True).stdout.split()
            self.assertEqual(symbols[2::3], ["esp_entry_v0"], name)
            linked = subprocess.run(["ldd", library], capture_output=True, text=True, check=True).stdout
            self.assertNotRegex(linked, r"libtorch|libc10", name)

    def test_a_frozen_prefix_stays_bit_identical_and_a_bypassed_layer_rests(self):
        from case import FIXTURES
        from safetensors_reader import read_safetensors

        self.env["ESPALIER_PLUGIN_PATH"] = str(FIXTURES / "freeze_prefix.so")
        starts = [stage["start"] for stage in json.loads(self.espalier("plan", self.config, "--json").stdout)["stages"]]
        # freeze_steps reaches past the end of every stage: old layers never train again once a new one is there.
        self.train(sets=["growth.plugin=freeze_prefix", "growth.params={block_size = 1, freeze_steps = 1000}", "checkpoint.interval=1"])
        before = read_safetensors(self.checkpoint("run", starts[1]) / "model.safetensors")
        after = read_safetensors(self.checkpoint("run", starts[2]) / "model.safetensors")
        changed = [name for name in after if ".layers.1." in name]
        self.assertTrue(changed)
        for name in before:
            if ".layers.0." in name:
                self.assertEqual(before[name], after[name], name)


def masked_crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


if __name__ == "__main__":
    unittest.main()
