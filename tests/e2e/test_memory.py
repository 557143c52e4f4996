"""Memory does not grow with the number of steps."""

import unittest

from case import Case


class Memory(Case):
    def test_a_thousand_steps_take_no_more_memory_than_two_hundred(self):
        # One stage only: growth adds parameters on purpose.
        self.train(sets=['growth.plugin=""', "growth.params={}", 'schedule.growth.plugin=""', "training.steps=1200",
                         "checkpoint.interval=0", "metrics.log_interval=100", "validation.interval=0"])
        peak = self.metrics("run", "memory/max_reserved_gib")
        self.assertLess(peak[1200] - peak[200], 0.005, peak)


if __name__ == "__main__":
    unittest.main()
