"""Models and bytes that others wrote: read as they mean it, or refused with place, reason and way out."""

import json
import math
import os
import shutil
import struct
import subprocess
import unittest

from case import Case

ONE_SIZE = ["growth.plugin=", "growth.params={}", "schedule.growth.plugin=", "schedule.growth.params={}",
            "schedule.mixture.plugin=", "schedule.mixture.params={}", "difficulty.plugin="]
SHORT = [*ONE_SIZE, "schedule.lr.plugin=constant", "schedule.lr.params={}", "training.steps=2", "checkpoint.interval=0", "validation.samples=0"]


def read_tensors(path):
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8:8 + size])
    header.pop("__metadata__", None)
    return {name: (entry["dtype"], entry["shape"], raw[8 + size:][slice(*entry["data_offsets"])])
            for name, entry in header.items()}


def write_tensors(path, tensors):
    header, offset = {}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + len(data)]}
        offset += len(data)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data for _, _, data in tensors.values()))


class ForeignModels(Case):
    def setUp(self):
        super().setUp()
        self.train("base", sets=SHORT)
        self.model = self.dir / "model"
        shutil.copytree(self.checkpoint("base", 2), self.model)
        shutil.rmtree(self.model / "espalier")
        self.text = self.dir / "text.txt"
        self.text.write_text("the cat sat on a mat and saw one small dog run over some green hills")

    def edit(self, **keys):
        path = self.model / "config.json"
        config = json.loads(path.read_text())
        config.update(keys)
        path.write_text(json.dumps(config))

    def eval(self, check=0):
        done = self.espalier("eval", self.model, "--text", self.text, "--json", check=check)
        return json.loads(done.stdout)["nll"] if check == 0 else done.stderr

    def go_on(self, *sets, check=0):
        return self.train("next", check=check, sets=[*SHORT, f'checkpoint.initial_load_path="{self.model}"',
                                                     "checkpoint.initial_load_optimizer=reset", *sets])

    def test_weights_in_several_files_are_read_by_every_verb(self):
        whole = self.eval()
        tensors = read_tensors(self.model / "model.safetensors")
        (self.model / "model.safetensors").unlink()
        names = sorted(tensors)
        parts = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
        for file, part in parts.items():
            write_tensors(self.model / file, {name: tensors[name] for name in part})
        index = {"metadata": {"total_size": 0}, "weight_map": {name: file for file, part in parts.items() for name in part}}
        (self.model / "model.safetensors.index.json").write_text(json.dumps(index))
        self.assertEqual(self.eval(), whole)
        self.espalier("generate", self.model, "--prompt", "the", "--max-tokens", "3")
        self.go_on()
        (self.model / "model-00002-of-00002.safetensors").unlink()
        self.assertIn("model-00002-of-00002.safetensors, which is missing", self.eval(check=5))

    def test_settings_change_the_model_and_are_written_back(self):
        plain = self.eval()
        scaling = {"rope_type": "linear", "factor": 4.0}
        self.edit(rope_scaling=scaling, bos_token_id=7, max_position_embeddings=4096, initializer_range=0.125,
                  attention_dropout=0.5, torch_dtype="bfloat16")
        self.assertNotEqual(self.eval(), plain)
        refused = self.go_on(check=5).stderr
        self.assertIn("rope_scaling.type linear instead of none, rope_scaling.factor 4 instead of 1", refused)
        done = self.go_on('model.rope_scaling={type="linear", factor=4.0}')
        self.assertIn("bos_token_id = 7", done.stderr)
        self.assertIn("attention_dropout = 0.5: training goes on without dropout", done.stderr)
        folder = self.checkpoint("next", 2)
        config = json.loads((folder / "config.json").read_text())
        for key, value in (("rope_scaling", scaling), ("bos_token_id", 7), ("max_position_embeddings", 4096),
                           ("initializer_range", 0.125), ("attention_dropout", 0.5), ("torch_dtype", "float32")):
            self.assertEqual(config[key], value, key)
        # And again, by a run that goes on from that one.
        self.train("third", sets=[*SHORT, f'checkpoint.initial_load_path="{folder}"',
                                  'model.rope_scaling={type="linear", factor=4.0}'])
        again = json.loads((self.checkpoint("third", 2) / "config.json").read_text())
        self.assertEqual(again, config)

    def test_what_cannot_be_done_is_refused_by_name(self):
        for key, value in (("rope_scaling", {"rope_type": "yarn", "factor": 4.0}), ("hidden_act", "tanh"),
                           ("num_attention_heads", 0), ("max_position_embeddings", 0), ("num_hidden_layers", 2 ** 31),
                           ("sliding_window", 8), ("norm_type", "layer")):
            with self.subTest(key):
                before = (self.model / "config.json").read_text()
                self.edit(**{key: value})
                self.assertIn("rope_type" if key == "rope_scaling" else key, self.eval(check=5))
                (self.model / "config.json").write_text(before)

    def test_harmless_bytes_are_read(self):
        plain = self.eval()
        tensors = read_tensors(self.model / "model.safetensors")
        tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = ("BOOL", [4], bytes(4))
        write_tensors(self.model / "model.safetensors", tensors)
        self.edit(head_dim=None, num_labels=None, rope_scaling=None, pad_token_id=None, temperature=math.nan)
        path = self.model / "config.json"
        path.write_text(path.read_text().replace('"num_labels": null', '"num_labels": 1e999'))
        self.assertEqual(self.eval(), plain)
        tensors["model.layers.0.extra"] = ("U8", [4], bytes(4))
        write_tensors(self.model / "model.safetensors", tensors)
        self.assertIn("'model.layers.0.extra' has no place", self.eval(check=5))

    def test_names_that_are_not_utf8_and_numbers_that_are_not_json(self):
        corpus = os.fsencode(self.dir / "corpus")
        os.mkdir(corpus)
        with open(os.path.join(corpus, b"caf\xe9.jsonl"), "w") as out:
            for i in range(12):
                out.write('{"text": "one small dog run over some green hills %d", "score": NaN, "x": 1e999}\n' % i)
        sources = [f'data.sources=[{{name="s", path="{self.dir}/corpus"}}]', *SHORT]
        command = self.command("train", self.config, "--run-dir", os.fsdecode(os.fsencode(self.dir) + b"/r\xe9"), sets=sources)
        done = subprocess.run(command, capture_output=True, env=self.env, cwd=self.dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        prepared = self.espalier("data", "prepare", self.config, "--json", sets=sources)
        self.assertEqual(json.loads(prepared.stdout)["sources"][0]["documents"], 12)
        done = self.train("other", sets=[os.fsdecode(b"data.sources=[{name='s', path='caf\xe9.jsonl'}]")], check=2)
        self.assertIn("is not UTF-8", done.stderr)

    def test_sizes_that_no_machine_has_are_a_sentence_of_ours(self):
        for sets in (["model.num_layers=2147483648"], ["model.d_model=4611686018427387904"],
                     ["model.d_model=1048576", "model.num_layers=10000", "model.d_ff=1048576"]):
            done = self.train("big", sets=[*SHORT, *sets], check=2)
            self.assertNotRegex(done.stderr, "(?i)libtorch|c10|bad_alloc|allocator|internal error")


if __name__ == "__main__":
    unittest.main()
