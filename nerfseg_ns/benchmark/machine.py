"""What a figure was measured on: hardware and versions, written beside every result."""

import os
import platform
import resource
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from nerfseg_ns import __version__


def hardware() -> dict[str, Any]:
    """Processor, usable cores, memory and GPU of this machine, and what is used of it.

    Returns:
        ``cpu`` (model name), ``cores`` (those this process may run on), ``threads`` (that torch computes with),
        ``memory_gib``, ``gpu`` (name or None).
    """
    import torch

    pages, page_bytes = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": _cpu_name(),
        "cores": cores,
        "threads": torch.get_num_threads(),
        "memory_gib": round(pages * page_bytes / 2**30, 1),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that figures depend on (None: not installed).

    ``commit`` is that of :func:`source_commit`.
    """
    found: dict[str, str | None] = {"python": platform.python_version(), "nerfseg_ns": __version__}
    found["commit"] = source_commit(Path(__file__).parents[1])
    for package in ("nerfstudio", "torch", "torchvision", "tinycudann", "gsplat", "scikit-learn", "monai"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found


def source_commit(package: Path) -> str | None:
    """The commit of a package's source, ``-modified`` where files of it differ; None where git does not keep it.

    Settings say what a row was told to do, the commit what the code then did.
    """
    git = ["git", "-C", str(package)]
    try:
        kept = subprocess.run([*git, "ls-files", "__init__.py"], capture_output=True, text=True, check=True).stdout
        if not kept:  # a package that is installed below the folder of some other project
            return None
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
        status = subprocess.run([*git, "status", "--porcelain", "."], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}-modified" if status else commit


def peak_memory() -> dict[str, float | None]:
    """Largest memory that this process has held so far, GiB.

    Returns:
        ``resident_gib`` (main memory) and ``cuda_gib`` (allocated by torch on the GPU; None without one).
    """
    import torch

    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss is in bytes on macOS, in KiB on Linux
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
    cuda = torch.cuda.max_memory_allocated() / 2**30 if torch.cuda.is_available() else None
    return {"resident_gib": round(resident, 3), "cuda_gib": None if cuda is None else round(cuda, 3)}


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
