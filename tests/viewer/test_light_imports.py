"""What the viewer's part of the plugin adds to the start of ns-train, with every user and every command."""

import json
import subprocess
import sys

import pytest

HEAVY = {"onnxruntime", "segment_anything", "mobile_sam"}
LIGHT = {"nerfseg_ns.viewer", "nerfseg_ns.viewer.selection_control"}
IMPORTS = """
import json, sys
import nerfstudio.scripts.train
from nerfstudio.configs.method_configs import all_methods
assert "nerfseg-lite" in all_methods
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.slow
def test_the_start_of_ns_train_imports_nothing_of_the_selection():
    ended = subprocess.run([sys.executable, "-W", "ignore", "-c", IMPORTS], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    modules = set(json.loads(ended.stdout.splitlines()[-1]))
    assert "nerfseg_ns.methods" in modules
    assert not HEAVY & {name.split(".")[0] for name in modules}
    assert {name for name in modules if name.startswith("nerfseg_ns.viewer")} <= LIGHT
    assert not {name for name in modules if name.startswith(("nerfseg_ns.selection", "nerfseg_ns.segmenters"))}
