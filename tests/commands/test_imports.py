"""What the plugin adds to the start of every ns-* command."""

import json
import subprocess
import sys

import pytest

NEW_MODULES = """
import importlib.metadata, json, sys
find = importlib.metadata.entry_points
def find_no_plugin(**of):
    return find(**of, name="none") if "nerfstudio" in of.get("group", "") else find(**of)
importlib.metadata.entry_points = find_no_plugin
import nerfstudio.configs.method_configs
before = set(sys.modules)
assert not any(name.startswith("nerfseg_ns") for name in before), "nerfstudio has found the plugin all the same"
import nerfseg_ns.methods, nerfseg_ns.data.carla_mvs_dataparser, nerfseg_ns.data.semantic_nerfstudio_dataparser
import nerfseg_ns.data.google_earth_dataparser
print(json.dumps(sorted(set(sys.modules) - before)))
"""


@pytest.mark.slow
def test_entry_points_import_nothing_that_nerfstudio_does_not_import_itself():
    ended = subprocess.run([sys.executable, "-W", "ignore", "-c", NEW_MODULES], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    modules = json.loads(ended.stdout.splitlines()[-1])
    assert "scipy.ndimage" not in modules, "it takes a tenth of a second, for stage 2 alone"
    packages = {name.split(".")[0] for name in modules}
    assert "nerfseg_ns" in packages
    assert packages - {"nerfseg_ns"} <= set(sys.stdlib_module_names)
