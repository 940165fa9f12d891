"""Memory that is kept."""

import os
import subprocess
import sys

import pytest

from nerfseg_ns.core import kept_memory

FAULTS = """
import resource
import torch
from nerfseg_ns.core.kept_memory import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def steps():
    before = faults()
    for _ in range(20):
        tensors = [torch.zeros(5 << 20) for _ in range(4)]  # 80 MB
        del tensors
    return faults() - before

steps()
without = steps()
kept = keep_freed_memory()
steps()
print(without, steps() if kept else None)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc")
def test_pages_are_not_cleared_again_and_again() -> None:
    # in a process of its own, since it cannot be undone; glibc's threshold is held where it begins, or the few sizes of
    # this loop would move it above them, as the many sizes of a training do not
    beginning = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "131072"}
    found = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True, env=beginning)
    if "None" in found.stdout:
        pytest.skip("another C library")
    without, kept = map(int, found.stdout.split())
    if without < 100_000:  # of 409,600 pages of 4 kB
        pytest.skip(f"large pages: {without} faults")
    assert kept < without / 20


def test_another_system_goes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_memory.sys, "platform", "darwin")
    assert not kept_memory.keep_freed_memory()


def test_another_c_library_goes_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_memory.sys, "platform", "linux")
    monkeypatch.setattr(kept_memory.ctypes, "CDLL", lambda name: object())
    assert not kept_memory.keep_freed_memory()
