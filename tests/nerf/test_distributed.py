"""The stage switch under DistributedDataParallel: two processes, gloo, CPU."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

GEOMETRY = ("field.", "proposal_networks.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.slow
def test_ranks_agree_and_the_geometry_stays_frozen(tmp_path: Path) -> None:
    script, port = Path(__file__).parent / "one_rank.py", free_port()
    commands = [[sys.executable, str(script), str(rank), str(port), str(tmp_path / f"{rank}.pt")] for rank in range(2)]
    workers = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for command in commands]
    for worker in workers:
        printed, _ = worker.communicate(timeout=180)
        assert worker.returncode == 0, printed.decode()[-2000:]
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2))
    for name in first["end"]:
        assert torch.equal(first["end"][name], second["end"][name]), f"{name} differs between the ranks"

    def moved(since: str, until: str, prefixes: tuple) -> set:
        names = [name for name in first["end"] if name.startswith(prefixes)]
        return {name.split(".")[0] for name in names if not torch.equal(first[since][name], first[until][name])}

    assert moved("start", "switch", GEOMETRY) == {"field", "proposal_networks"}
    assert moved("start", "switch", ("semantic_network.",)) == set()
    assert moved("switch", "end", GEOMETRY) == set()
    assert moved("switch", "end", ("semantic_network.",)) == {"semantic_network"}
