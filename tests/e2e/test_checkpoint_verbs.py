"""`espalier checkpoint`: what a checkpoint holds, in what two differ, whether one is whole, and a growth done again."""

import json
import os
import shutil
import unittest

from case import Case, sha256


class CheckpointVerbs(Case):
    @classmethod
    def setUpClass(cls):
        # Two equal runs: one keeps what lies before each growth, the other what each growth made.
        cls.shared = Case("train")
        cls.shared.setUp()
        for run, at_growth in (("before", "false"), ("after", "true")):
            cls.shared.train(run, sets=["checkpoint.interval=4", f"checkpoint.at_growth={at_growth}"])

    @classmethod
    def tearDownClass(cls):
        cls.shared.doCleanups()

    def at(self, run, step):
        return self.shared.checkpoint(run, step)

    def copy_of(self, run, step):
        target = self.dir / run / "checkpoints" / f"step-{step:08d}"
        shutil.copytree(self.at(run, step), target)
        return target

    def test_inspect(self):
        text = self.espalier("checkpoint", "inspect", self.shared.dir / "after").stdout
        for part in ("step 24,", "num_hidden_layers = 3", "growth at step 4, stage 2", "growth at step 12, stage 3",
                     "growth: org.espalier.growth.midas", "model.safetensors"):
            self.assertIn(part, text)
        self.assertNotIn("layers.1.*", text)
        summary = json.loads(self.espalier("checkpoint", "inspect", self.at("after", 12), "--json", "--plans").stdout)
        self.assertEqual((summary["step"], summary["stage"], len(summary["lineage"])), (12, 2, 2))
        self.assertEqual(summary["files"]["model.safetensors"], os.path.getsize(self.at("after", 12) / "model.safetensors"))
        self.assertEqual(summary["bytes"], sum(summary["files"].values()))
        # Per layer 9 tensors; embedding and final norm: 20 for two layers and 29 for three, and two moments of each.
        self.assertEqual(summary["tensors"]["model.safetensors"]["F32"]["tensors"], 29)
        self.assertEqual(summary["tensors"]["model.safetensors"]["F32"]["values"], summary["num_params"])
        self.assertEqual(summary["types"]["F32"]["tensors"], 29 + 2 * 29)
        self.assertEqual(summary["lineage"][1]["num_params"][1], summary["num_params"])
        first, second = (event["plan"] for event in summary["lineage"])
        self.assertIn("layers.1.* = layers.0.* | moments map (9 parameters)", first)
        self.assertTrue(any(line.startswith("layers.2.*") for line in second), second)

    def test_the_newest_whole_checkpoint_of_a_run_is_told(self):
        run = self.dir / "run"
        shutil.copytree(self.shared.dir / "after", run)
        os.truncate(run / "checkpoints" / "step-00000024" / "model.safetensors", 1000)
        done = self.espalier("checkpoint", "inspect", run)
        self.assertIn("step 20,", done.stdout)
        self.assertIn("skipping a damaged checkpoint: step-00000024", done.stderr)

    def test_diff(self):
        a, b = self.at("after", 8), self.at("before", 8)
        done = self.espalier("checkpoint", "diff", a, b, "--exit-code", check=1)  # the setting differs
        self.assertIn("checkpoint.at_growth", done.stdout)
        self.assertIn("0 different", done.stdout)
        self.assertIn("equal in all of it", self.espalier("checkpoint", "diff", a, a, "--exit-code").stdout)
        self.espalier("checkpoint", "diff", a, b)  # exits with 0 all the same
        other = self.copy_of("after", 8)
        state = json.loads((other / "espalier" / "state.json").read_text())
        state["lr_previous"] = 0.5
        (other / "espalier" / "state.json").write_text(json.dumps(state))
        manifest = json.loads((other / "espalier" / "manifest.json").read_text())
        manifest["files"]["espalier/state.json"] = sha256(other / "espalier" / "state.json")
        (other / "espalier" / "manifest.json").write_text(json.dumps(manifest))
        done = self.espalier("checkpoint", "diff", a, other, "--exit-code", check=1)
        self.assertIn("state: lr_previous: ", done.stdout)
        found = json.loads(self.espalier("checkpoint", "diff", a, self.at("after", 24), "--json").stdout)
        self.assertFalse(found["equal"])
        self.assertIn("num_layers", found["architecture"][0])
        self.assertIn("layers.2.attn.q.weight", found["parameters"]["only_second"])
        self.assertGreater(found["parameters"]["different"]["embed.weight"]["max"], 0)
        self.assertGreater(found["moments"]["different"]["step/embed.weight"]["max"], 0)

    def test_verify_names_what_is_damaged(self):
        run = self.dir / "run"
        for step in (12, 24):
            self.copy_of("after", step).parent.parent.rename(run) if step == 12 else shutil.copytree(
                self.at("after", 24), run / "checkpoints" / "step-00000024")
        self.assertEqual(self.espalier("checkpoint", "verify", run).stdout.count(": whole"), 2)
        broken = run / "checkpoints" / "step-00000012"
        plan = next((broken / "espalier" / "plans").glob("*.bin"))
        bytes_ = bytearray(plan.read_bytes())
        bytes_[-1] ^= 1
        plan.write_bytes(bytes_)
        done = self.espalier("checkpoint", "verify", run, check=5)
        self.assertIn("step-00000012: damaged: does not match the sha256", done.stdout)
        self.assertIn("step-00000024: whole", done.stdout)
        # Somebody who also mends the manifest does not get past the plan's own hash.
        manifest = broken / "espalier" / "manifest.json"
        data = json.loads(manifest.read_text())
        data["files"][str(plan.relative_to(broken))] = sha256(plan)
        manifest.write_text(json.dumps(data))
        done = self.espalier("checkpoint", "verify", broken, check=5)
        self.assertIn("does not match its hash", done.stdout)
        # Nor is it executed, and each of several damaged files is named.
        done = self.espalier("checkpoint", "verify", broken, "--replay", self.at("before", 12), check=5)
        self.assertIn("does not match its hash", done.stderr)
        for name in ("model.safetensors", "espalier/state.json"):
            os.truncate(broken / name, 10)
        told = json.loads(self.espalier("checkpoint", "verify", run, "--json", check=5).stdout)
        self.assertFalse(told["whole"])
        first, second = told["checkpoints"]
        self.assertEqual([damage["place"] for damage in first["damages"]],
                         [str(broken / "espalier/state.json"), str(broken / "model.safetensors")])
        self.assertEqual(second["damages"], [])

    def test_a_growth_is_done_again_from_its_stored_plan(self):
        for step in (4, 12):
            done = self.espalier("checkpoint", "verify", self.at("after", step), "--replay", self.at("before", step))
            self.assertIn("bit for bit", done.stdout)
            self.assertIn(f"the growth at step {step}", done.stdout)
        result = json.loads(self.espalier("checkpoint", "verify", self.at("after", 4), "--replay", self.at("before", 4),
                                          "--json").stdout)
        self.assertEqual(result["parameters"]["different"], {})
        self.assertGreater(result["parameters"]["equal"], 18)
        self.assertGreater(result["moments"]["equal"], 36)
        for after, before, why in ((("after", 8), ("before", 4), "was trained on from step 4 to 8"),
                                   (("after", 12), ("before", 8), "began at step 12"),
                                   (("after", 12), ("after", 12), "as many growths already"),
                                   (("before", 4), ("before", 4), "holds none")):
            done = self.espalier("checkpoint", "verify", self.at(*after), "--replay", self.at(*before), check=5)
            self.assertIn(why, done.stderr)

    def test_a_stranger_cannot_speak_to_the_terminal(self):
        foreign = self.copy_of("after", 8)
        manifest = foreign / "espalier" / "manifest.json"
        data = json.loads(manifest.read_text())
        for plugin in data["plugins"]:
            plugin["id"] += "\x1b[31m\r"
            plugin["version"] += "\nfalse line"
        data["lineage"][0]["parent"] = "x\x07\nfalse line"
        manifest.write_text(json.dumps(data))
        done = self.espalier("checkpoint", "inspect", foreign)
        self.assertNotRegex(done.stdout + done.stderr, "[\x1b\r\x07]")
        self.assertNotIn("\nfalse line", done.stdout)
        other = self.espalier("checkpoint", "diff", foreign, self.at("after", 8), check=None)
        self.assertNotRegex(other.stdout + other.stderr, "[\x1b\r\x07]")

    def test_what_is_no_checkpoint(self):
        (self.dir / "empty").mkdir()
        model = self.dir / "model"
        shutil.copytree(self.at("after", 8), model, ignore=shutil.ignore_patterns("espalier"))
        cut = self.copy_of("after", 8)
        os.truncate(cut / "model.safetensors", 1000)
        for path, why in ((self.dir / "empty", "no checkpoint"), (self.dir / "nowhere", "no checkpoint"),
                          (model, "no checkpoint of Espalier"), (cut, "does not match the sha256")):
            done = self.espalier("checkpoint", "inspect", path, check=5)
            self.assertIn(why, done.stderr)
        done = self.espalier("checkpoint", check=2)


if __name__ == "__main__":
    unittest.main()
