"""What is checked of a growth before anything is trained: its plan, its settings, the weights that it starts from."""

import unittest

from case import Case

PLAIN = [
    "growth.plugin=",
    "growth.params={}",
    "schedule.growth.plugin=",
    "schedule.growth.params={}",
    "schedule.mixture.plugin=",
    "schedule.mixture.params={}",
    "difficulty.plugin=",
    "schedule.lr.params={}",
    "validation.samples=0",
]


def growing(plugin, params, *sets):
    grow = [f"growth.plugin={plugin}", f"growth.params={{{params}}}"]
    when = ["schedule.growth.plugin=milestones", "schedule.growth.params={at=[0.5]}"]
    return [*PLAIN[4:], *grow, *when, *sets]


class GrowthChecks(Case):
    def plan(self, sets, check=0):
        return self.espalier("plan", self.config, sets=sets, check=check).stderr

    def test_what_a_growth_cannot_do_is_said_by_plan(self):
        twins = 'd_ff=[16], width_init="select"'
        self.assertIn("twins", self.plan(growing("ligo", twins + ", steps=0")))
        self.assertNotIn("twins", self.plan(growing("ligo", twins + ", steps=2")))
        frozen = 'layers=[2], phase_a="2st", freeze_head=false'
        self.assertIn("one matrix is embedding and head", self.plan(growing("cgls", frozen, "model.tie_embeddings=true"), check=2))
        self.plan(growing("cgls", frozen, "model.tie_embeddings=false"))

    def test_lossless_growth_starts_from_any_model_with_the_norm_eps_that_it_names(self):
        self.train("base", sets=[*PLAIN, "training.steps=2", "model.norm_eps=1e-5", "checkpoint.interval=2"])
        load = f'checkpoint.initial_load_path="{self.dir / "base"}"'
        for plugin in ("lemon", "zero"):
            wider = growing(plugin, "d_model=[32], num_heads=[4], num_kv_heads=[2]", "model.d_model=48", "model.num_heads=6",
                            "model.num_kv_heads=3", "training.steps=4", load)
            refused = self.train(f"{plugin}-off", sets=[*wider, "model.norm_eps=1e-5"], check=5).stderr
            self.assertIn("has norm_eps 1e-05, the run begins with 1.5e-05 so that growth ends at 1e-05", refused)
            self.assertIn("set model.norm_eps = 6.66667e-06", refused)
            done = self.train(plugin, sets=[*wider, "model.norm_eps=6.66667e-06"])  # as a user copies it: rounded
            self.assertIn("weights from", done.stderr)
        other = [*PLAIN, "training.steps=2", load, "model.rope_theta=500000"]
        self.assertIn("rope_theta 10000 instead of 500000", self.train("theta", sets=other, check=5).stderr)


if __name__ == "__main__":
    unittest.main()
