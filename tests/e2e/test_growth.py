"""Growth methods in whole runs: each stops and resumes exactly wherever it is, and bad settings are refused before step 1."""

import json
import re
import shutil
import unittest

from case import Case, FIXTURES, same_training_state, sha256

LIGO = [
    "growth.plugin=ligo",
    "growth.params={num_layers=[1], d_model=[16], num_heads=[2], num_kv_heads=[1], d_ff=[24], steps=6, lr=1e-2}",
    "schedule.growth.params={alpha=0.0}",  # grows at step 12 of 24; the operator is learned until 18
]
CGLS = [
    "growth.plugin=cgls",
    "growth.params={layers=[1, 2], phase_a=\"3st\"}",
    "schedule.growth.params={alpha=0.0}",  # grows at 8 and 16 of 24; phase A until 11 and 19
    "schedule.mixture.params={phase_a=\"balanced\"}",
]


class Growth(Case):
    def resumes_exactly(self, sets, stops):
        """The run stopped at each of `stops` ends as the whole one."""
        whole = self.train("whole", sets=[*sets, "checkpoint.interval=1"])
        for stop in stops:
            run = f"stop{stop}"
            (self.dir / run / "checkpoints").mkdir(parents=True)
            shutil.copytree(self.checkpoint("whole", stop), self.checkpoint(run, stop))
            self.train(run, sets=[*sets, "checkpoint.interval=0"])
            same_training_state(self, self.checkpoint("whole", 24), self.checkpoint(run, 24))
        return whole.stderr

    def test_ligo_resumes_in_the_middle_of_its_operator_phase(self):
        log = self.resumes_exactly(LIGO, (11, 12, 13, 15, 17, 18, 19))
        self.assertIn("growth at step 18: stage 2/2 | 1 -> 3 layers, width 16 -> 32", log)
        own = self.checkpoint("whole", 15) / "espalier"
        self.assertEqual(json.loads((own / "state.json").read_text())["operators"]["done"], 3)
        self.assertTrue((own / "operators.safetensors").exists())
        config = json.loads((self.checkpoint("whole", 15) / "config.json").read_text())
        self.assertEqual(config["num_hidden_layers"], 1, "until the fold the model is the small one")
        manifest = json.loads((self.checkpoint("whole", 24) / "espalier" / "manifest.json").read_text())
        event = manifest["lineage"][0]
        self.assertEqual((event["step"], event["operator_steps"]), (18, 6))
        self.assertTrue((self.checkpoint("whole", 24) / "espalier" / "plans" / f"{event['plan_sha256']}.safetensors").exists())

    def test_operator_steps_leave_the_small_model_alone_and_are_charged(self):
        self.train("whole", sets=[*LIGO, "checkpoint.interval=1", "checkpoint.at_growth=false", "metrics.log_interval=1"])
        weights = [sha256(self.checkpoint("whole", step) / "model.safetensors") for step in (12, 13, 18)]
        self.assertEqual(weights[0], weights[2])
        self.assertEqual(weights[0], weights[1])
        flops = self.metrics("whole", "train/flops")
        small, operator, large = flops[12] - flops[11], flops[14] - flops[13], flops[20] - flops[19]
        self.assertLess(small, large)
        self.assertLess(large, operator)
        tokens = self.metrics("whole", "train/tokens")
        self.assertEqual(tokens[14] - tokens[13], tokens[12] - tokens[11])

    def test_an_operator_of_another_setting_is_not_resumed(self):
        self.train("whole", sets=[*LIGO, "checkpoint.interval=1"])
        (self.dir / "other/checkpoints").mkdir(parents=True)
        shutil.copytree(self.checkpoint("whole", 15), self.checkpoint("other", 15))
        changed = [item.replace("lr=1e-2", "lr=2e-2") for item in LIGO]
        done = self.train("other", sets=changed, check=5)
        self.assertIn("another growth operator", done.stderr)

    def test_cgls_resumes_in_the_middle_of_phase_a(self):
        self.resumes_exactly(CGLS, (7, 8, 9, 10, 11, 12, 17))

    def test_cgls_old_layers_rest_in_phase_a(self):
        from safetensors_reader import read_safetensors

        sets = [*CGLS, "checkpoint.interval=1", "optimizer.weight_decay=0.5"]
        self.train("whole", sets=sets)
        before, after, free = (read_safetensors(self.checkpoint("whole", s) / "model.safetensors") for s in (8, 11, 12))
        for name, value in before.items():
            if name.startswith("model.layers.0."):
                self.assertEqual(value, after[name], name)
                self.assertNotEqual(value, free[name], name)
        self.assertTrue(any(name.startswith("model.layers.1.") for name in after))

    def test_growth_after_the_first_step_and_before_the_last(self):
        sets = ["schedule.growth.plugin=milestones", "schedule.growth.params={steps=[1, 23]}"]
        self.train("run", sets=sets)
        self.assertEqual(sorted(self.metrics("run", "growth/loss_after")), [1, 23])
        config = json.loads((self.checkpoint("run", 24) / "config.json").read_text())
        self.assertEqual(config["num_hidden_layers"], 3)
        self.refused(2, "must be at least 1", ["schedule.growth.plugin=milestones", "schedule.growth.params={steps=[0, 23]}"])
        self.refused(2, "steps|stage", ["schedule.growth.plugin=milestones", "schedule.growth.params={steps=[1, 24]}"])

    def test_a_method_in_every_dimension_at_once_and_in_two_hops(self):
        sets = ["model.num_layers=4",
                "growth.plugin=zero",
                "growth.params={num_layers=[1, 2], d_model=[16, 24], num_heads=[2, 3], num_kv_heads=[1, 1], d_ff=[24, 40], new_units=\"zero_out\"}"]
        self.train("run", sets=[*sets, "model.num_kv_heads=1", "model.num_heads=4", "schedule.growth.params={alpha=0.0}"])
        for step, moved in self.metrics("run", "growth/max_logit_diff").items():
            self.assertLess(moved, 1e-3, f"at step {step}")
        self.assertEqual(len(self.metrics("run", "growth/max_logit_diff")), 2)

    # ---- the guard
    def test_the_guard_goes_back_to_before_the_growth(self):
        sets = [*CGLS, "growth.guard_bound=1e-9", "growth.guard_after=2", "checkpoint.interval=2", "checkpoint.keep_latest=1",
                "growth.params={layers=[1, 2], phase_a=\"3st\", init=\"random\", init_std=5.0}"]
        done = self.train("run", sets=sets, check=4)
        self.assertRegex(done.stderr, r"2 steps after the growth at step 8 the training loss is .* went back to .*step-00000008")
        left = sorted(path.name for path in (self.dir / "run" / "checkpoints").iterdir())
        self.assertEqual(left, ["LATEST", "step-00000008"])
        config = json.loads((self.checkpoint("run", 8) / "config.json").read_text())
        self.assertEqual(config["num_hidden_layers"], 1)
        # The same run without the guard continues from there.
        self.train("run", sets=CGLS)

    def test_the_audit_and_the_recovery_are_recorded(self):
        self.train("run", sets=[*CGLS, "optimizer.lr=2e-2"])
        for name in ("grad_norm_before", "grad_norm_after", "dead_units", "layer_similarity", "max_logit_diff"):
            self.assertEqual(sorted(self.metrics("run", f"growth/{name}")), [8, 16], name)

    def test_the_gap_between_stages_of_sub_networks_is_recorded(self):
        sets = ["growth.plugin=raptr", "growth.params={path_lengths=[2.0, 2.5]}", "schedule.growth.params={alpha=0.0}"]
        log = self.train("run", sets=[*sets, "optimizer.lr=2e-2"]).stderr
        before, after = (self.metrics("run", f"growth/loss_{side}") for side in ("before", "after"))
        self.assertEqual((sorted(before), sorted(after)), ([8, 16], [8, 16]))
        self.assertRegex(log, r"step 16: stage 3/3 begins, the model keeps its shape \| probe loss .* mean of 8 sub-networks each")
        for step in (8, 16):
            self.assertNotEqual(before[step], after[step])
            self.assertLess(abs(before[step] - after[step]), 1.0)
        # Looking changes nothing: the run stopped at the boundary sees the same gap.
        whole = self.train("whole", sets=[*sets, "optimizer.lr=2e-2", "checkpoint.interval=8"]).stderr
        (self.dir / "again/checkpoints").mkdir(parents=True)
        shutil.copytree(self.checkpoint("whole", 8), self.checkpoint("again", 8))
        self.train("again", sets=[*sets, "optimizer.lr=2e-2"])
        self.assertEqual(self.metrics("again", "growth/loss_after"), after)
        self.assertEqual(self.metrics("again", "growth/loss_before"), before)
        self.assertIn("stage 2/3 begins", whole)

    # ---- refused before step 1
    def test_a_schedule_that_only_its_values_show_to_be_wrong(self):
        self.refused(2, r"wsd", ["schedule.lr.plugin=wsd", "schedule.lr.params={warmup=\"6st\", decay=\"6st\", on_growth=\"restart\"}"])

    def refused(self, code, text, sets):
        done = self.train("run", sets=sets, check=code)
        self.assertRegex(done.stderr, text)
        self.assertNotIn("step 1/", done.stderr)

    def test_an_operator_phase_longer_than_its_stage(self):
        self.refused(2, "growth.plugin=ligo: growth stage 2 has 12 steps, and learning its growth operator takes 12", [item.replace("steps=6", "steps=12") for item in LIGO])

    def test_a_phase_a_longer_than_its_stage(self):
        self.refused(2, "phase_a takes 8 steps, its stage has 8", [item.replace("3st", "8st") for item in CGLS])

    def test_shrinking_and_growth_past_the_target(self):
        self.refused(2, "layers|shrink", [item.replace("[1, 2]", "[2, 1]") for item in CGLS])
        self.refused(2, "layers|past", [item.replace("[1, 2]", "[1, 5]") for item in CGLS])

    def test_an_alpha_that_starves_a_stage(self):
        self.refused(2, "stage 1 of 3", ["schedule.growth.params={alpha=9.0}"])

    def test_heads_that_do_not_divide(self):
        self.refused(2, "num_heads", ["growth.plugin=net2net", "growth.params={num_heads=[3], d_model=[24]}"])


if __name__ == "__main__":
    unittest.main()
