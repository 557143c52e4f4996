"""The data of each growth stage is reported when the stage ends, and a bound stops the run there."""

import json
import unittest

from case import Case

REPORT = "data.quality.report=true"


class Quality(Case):
    def test_every_stage_is_reported_with_the_loss_of_each_source(self):
        done = self.train("run", sets=[REPORT])
        self.assertRegex(done.stderr, r"data of stage 1/3, which ends at step 4: \d+ texts of [0-9.]+ words, [0-9.]+ % repeats")
        texts = self.metrics("run", "quality/texts")
        self.assertEqual(sorted(texts), [4, 12, 24])
        self.assertEqual(sorted(self.metrics("run", "quality/vocabulary_drift")), [12, 24], "the first stage has none before it")
        self.assertTrue({4, 12, 24} <= set(self.metrics("run", "val/easy/loss")))
        # The first stage opens the easiest tier alone, the second one more: their words differ.
        self.assertGreater(self.metrics("run", "quality/vocabulary_drift")[12], 0.01)

    def test_looking_changes_nothing(self):
        self.train("plain")
        self.train("seen", sets=[REPORT])
        losses = [self.metrics(run, "train/loss") for run in ("plain", "seen")]
        self.assertEqual(*losses)

    def test_a_bound_stops_the_run_at_the_end_of_the_stage_and_it_can_go_on(self):
        (self.dir / "words.txt").write_text("# listed\ncat\n")
        sets = [REPORT, f'data.quality.words="{self.dir}/words.txt"']
        done = self.train("run", sets=[*sets, "data.quality.max_listed_words=10"], check=3)
        self.assertRegex(done.stderr, r"data.quality.max_listed_words: stage \d ends at step \d+: [0-9.]+ listed words in a million, the bound is 10.0")
        saved = sorted(path.name for path in (self.dir / "run/checkpoints").glob("step-*"))
        self.assertIn(saved[-1], ("step-00000004", "step-00000012", "step-00000024"))
        self.train("run", sets=[*sets, "data.quality.max_listed_words=0"])
        self.train("whole")
        final = [json.loads((self.checkpoint(run, 24) / "espalier/state.json").read_text())["tokens"] for run in ("run", "whole")]
        self.assertEqual(*final)

    def test_what_is_refused(self):
        done = self.train("run", sets=["data.quality.max_drift=0.5"], check=2)
        self.assertIn("data.quality.report = true", done.stderr)
        (self.dir / "words.txt").write_text("two words\n")
        done = self.train("run", sets=[REPORT, f'data.quality.words="{self.dir}/words.txt"'], check=3)
        self.assertIn("words.txt:1", done.stderr)


if __name__ == "__main__":
    unittest.main()
