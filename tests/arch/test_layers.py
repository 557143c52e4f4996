"""Includes point one way through the rooms, core names no plugin, and sdk/ and plugins/ see neither LibTorch nor core.

`python3 tests/arch/test_layers.py --rooms` prints each room with its files, its lines and the rooms that it sees.
"""

import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# The rooms in the order in which includes may point: each sees itself and those before it.
ROOMS = """
base config device dist
data/text data/tokenizer data/shards data/difficulty data/prepare data/stream data/generate
model schedule growth checkpoint/model_files eval optim train checkpoint/snapshot checkpoint/inspect plugin report run app
""".split()
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]', re.M)
SOURCES = {".h", ".hpp", ".c", ".cpp", ".cu"}


def files(folder):
    return [path for path in sorted((ROOT / folder).rglob("*")) if path.suffix in SOURCES]


def room_of(path):
    """The room of a path below core/; the innermost folder that is one."""
    parts = pathlib.PurePath(path).parts
    for length in range(len(parts) - 1, 0, -1):
        if "/".join(parts[:length]) in ROOMS:
            return "/".join(parts[:length])
    return None


def seen_rooms(text):
    """The rooms that a file includes from, in the order of its lines."""
    return [room_of(target.removeprefix("core/")) for target in INCLUDE.findall(text) if target.startswith("core/")]


def violations(room, text):
    """Includes of a core file that point on."""
    return [seen for seen in seen_rooms(text) if seen is None or ROOMS.index(seen) > ROOMS.index(room)]


def arrows():
    """Room -> the other rooms that its files include from."""
    out = {room: set() for room in ROOMS}
    for path in files("core"):
        room = room_of(path.relative_to(ROOT / "core"))
        if room is not None:
            out[room] |= set(seen_rooms(path.read_text())) - {room}
    return out


def linked(room, targets, cache):
    """The rooms whose libraries come with that of `room`, itself among them."""
    if room not in cache:
        cache[room] = {room}
        for other in targets[room]:
            cache[room] |= linked(other, targets, cache)
    return cache[room]


def link_edges():
    """Room -> rooms that its target names, from the CMake files. A room may have several targets (spec, plan)."""
    room_by_target, edges = {}, {room: set() for room in ROOMS}
    texts = {room: (ROOT / "core" / room / "CMakeLists.txt").read_text() for room in ROOMS}
    for room, text in texts.items():
        for target in re.findall(r"(?:espalier_layer\(|add_library\(espalier_)(\w+)", text):
            room_by_target[target] = room
    room_by_target["data"] = "data/stream"
    for room, text in texts.items():
        for names in re.findall(r"LAYERS ([\w\s]+?)(?:LIBRARIES|\))", text):
            edges[room] |= {room_by_target[name] for name in names.split()} - {room}
    return edges


class Layers(unittest.TestCase):
    def test_core_includes_point_one_way(self):
        seen = 0
        for path in files("core"):
            room = room_of(path.relative_to(ROOT / "core"))
            if room is None:
                self.assertEqual(path.name, "empty.cpp")
                continue
            self.assertEqual(violations(room, path.read_text()), [], path)
            seen += 1
        self.assertGreater(seen, 50)

    def test_every_room_is_a_target_that_links_what_it_sees(self):
        edges, cache = link_edges(), {}
        header_only = {"schedule"}
        for room, others in arrows().items():
            # Plugins implement what the trainer's layers declare, and are told of the data; these are headers to them.
            if room == "plugin":
                continue
            self.assertLessEqual(others - header_only, linked(room, edges, cache), room)

    def test_the_check_catches_an_arrow_that_points_on(self):
        self.assertEqual(violations("model", '#include "core/train/trainer.h"\n'), ["train"])
        self.assertEqual(violations("train", '#include "core/model/spec.h"\n'), [])
        self.assertEqual(violations("data/text", '#include "core/data/stream/data_loader.h"\n'), ["data/stream"])
        self.assertEqual(violations("data/text", '#include "core/data/nowhere.h"\n'), [None])

    def test_what_stands_apart_is_seen_by_the_app_alone(self):
        seen_by = {room for room, others in arrows().items() if "data/generate" in others}
        self.assertEqual(seen_by, {"app"})
        self.assertEqual(arrows()["data/generate"], {"base"})

    def test_eval_and_model_files_do_not_see_the_trainer(self):
        for room in ("eval", "checkpoint/model_files"):
            self.assertFalse(arrows()[room] & {"train", "optim", "growth", "checkpoint/snapshot"}, room)

    def test_core_names_no_plugin(self):
        names = [path.parent.name for path in (ROOT / "plugins").glob("*/*/CMakeLists.txt")]
        self.assertIn("midas", names)
        # Default values and hints may name a plugin to the user; code may not branch on one.
        pattern = re.compile(r'[=!]=\s*"(' + "|".join(names) + r')"|org\.espalier\.(growth|difficulty|schedule)\.')
        for path in files("core"):
            code = re.sub(r"//.*", "", path.read_text())
            self.assertIsNone(pattern.search(code), path)

    def test_sdk_and_plugins_stand_alone(self):
        for folder in ("sdk", "plugins"):
            for path in files(folder):
                for target in INCLUDE.findall(path.read_text()):
                    self.assertNotRegex(target, r"^(core/|torch/|ATen/|c10/|boost/|spdlog/|toml\+\+|nlohmann)", path)

    def test_the_sdk_reads_from_the_abi_to_the_recipes(self):
        allowed = {  # folder -> what it may include of ours, by the start of the path
            "sdk/include/espalier/cpp": ("espalier/", ("espalier/recipes/", "espalier/sdk.hpp")),
            "sdk/include/espalier/recipes": ("espalier/", ("espalier/sdk.hpp",)),
        }
        for folder, (start, never) in allowed.items():
            for path in files(folder):
                for target in INCLUDE.findall(path.read_text()):
                    if "/" in target:
                        self.assertTrue(target.startswith(start) and not target.startswith(never), f"{path}: {target}")

    def test_plugins_see_their_own_folder_and_what_scorers_share(self):
        for path in files("plugins"):
            kind = path.relative_to(ROOT / "plugins").parts[0]
            for target in INCLUDE.findall(path.read_text()):
                if target.startswith(".."):
                    self.assertEqual(kind, "difficulty", f"{path}: {target}")
                    self.assertTrue(target.startswith("../common/"), f"{path}: {target}")
                self.assertNotRegex(target, r"^(growth|schedule|difficulty|plugins)/", path)
        for path in files("plugins/difficulty/common"):
            for target in INCLUDE.findall(path.read_text()):
                self.assertNotIn("recipes/", target, path)

    def test_cuda_headers_stay_in_device_and_dist(self):
        for path in files("core"):
            if room_of(path.relative_to(ROOT / "core")) in ("device", "dist"):
                continue
            for target in INCLUDE.findall(path.read_text()):
                self.assertNotRegex(target, r"^(cuda|nccl|c10/cuda|ATen/cuda)", path)

    def test_what_reads_foreign_text_has_one_owner(self):
        owners = {r'#include\s*<nlohmann/json\.hpp>': {"core/base/json.h"}, r'#include\s*<CLI/': {"core/app/command_line.cpp"},
                  r'json::parse\(': {"core/base/json.cpp", "core/base/json_object.cpp"}}
        for pattern, owner in owners.items():
            found = {str(path.relative_to(ROOT)) for path in files("core") if re.search(pattern, path.read_text())}
            self.assertEqual(found, owner, pattern)

    def test_files_stay_short(self):
        for folder in ("core", "sdk", "plugins"):
            for path in files(folder):
                self.assertLessEqual(len(path.read_text().splitlines()), 400, path)


def print_rooms():
    found = arrows()
    for room in ROOMS:
        own = [path for path in files("core/" + room) if room_of(path.relative_to(ROOT / "core")) == room]
        lines = sorted(len(path.read_text().splitlines()) for path in own)
        others = ", ".join(other for other in ROOMS if other in found[room])
        print(f"{room:24} {len(own):3} files {sum(lines):6} lines, median {lines[len(lines) // 2]:3} -> {others}")
    print(sum(len(others) for others in found.values()), "arrows")


if __name__ == "__main__":
    if "--rooms" in sys.argv:
        print_rooms()
    else:
        unittest.main()
