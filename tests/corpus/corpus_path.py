"""Puts the corpus script on the import path of the tests."""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
SCRIPT_FOLDER = Path(__file__).resolve().parents[2] / "third_party" / "corpus"
if str(SCRIPT_FOLDER) not in sys.path:
    sys.path.insert(0, str(SCRIPT_FOLDER))
