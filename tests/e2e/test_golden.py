"""Losses of a tiny fp32 run never change silently.

The values come from the first commit that has this test (LibTorch 2.11.0, one thread). Sums are ordered differently with
other vector widths and on other processors, and a run amplifies such differences: hence the tolerance of 2e-3 after 24
steps, against a change of 1e-1 from, say, another initial seed.
"""

import unittest

from case import Case

GOLDEN = {1: 5.5192, 4: 5.1693, 8: 4.2925, 12: 3.7728, 16: 3.4662, 20: 3.3518, 24: 3.3254}
TOLERANCE = 2e-3


class Golden(Case):
    def losses(self, run, env=None):
        self.train(run, sets=["metrics.log_interval=4", "checkpoint.interval=0"], env=env)
        return self.metrics(run, "train/loss")

    def check(self, losses):
        self.assertEqual(set(losses), set(GOLDEN))
        for step, expected in GOLDEN.items():
            self.assertAlmostEqual(losses[step], expected, delta=TOLERANCE, msg=f"step {step}")

    def test_as_is(self):
        self.check(self.losses("run"))

    def test_with_avx2_kernels(self):
        self.check(self.losses("run", env={"ATEN_CPU_CAPABILITY": "avx2"}))

    def test_another_seed_is_outside_the_tolerance(self):
        self.train("other", sets=["job.seed=8", "checkpoint.interval=0"])
        other = self.metrics("other", "train/loss")
        self.assertGreater(max(abs(other[step] - GOLDEN[step]) for step in GOLDEN), 10 * TOLERANCE)


if __name__ == "__main__":
    unittest.main()
