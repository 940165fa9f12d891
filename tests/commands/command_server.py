"""Runs nerfstudio's commands, each in a process of its own, but imports nerfstudio once for all of them.

Reads one JSON list per line: ``[command, [arguments], log file, columns]``; answers with the exit status. A command is
run by the function that its console script calls, at the top level of a forked process: its exit status, its output and
what an uncaught error prints are those of the real command.

``kill-after`` as the first argument kills the process (SIGKILL) when the checkpoint of that step is on disk.
"""

import importlib
import json
import os
import signal
import sys

import nerfstudio.scripts.eval
import nerfstudio.scripts.train  # noqa: F401 (imported here once, for the forked processes)
from nerfstudio.engine.trainer import Trainer

ENTRY_POINTS = {
    "ns-train": "nerfstudio.scripts.train:entrypoint",
    "ns-eval": "nerfstudio.scripts.eval:entrypoint",
    "ns-render": "nerfstudio.scripts.render:entrypoint",
    "ns-export": "nerfstudio.scripts.exporter:entrypoint",
    "nerfseg": "nerfseg_ns.cli:main",
}


def kill_after(step_to_die_at: int) -> None:
    save = Trainer.save_checkpoint

    def save_and_die(trainer: Trainer, step: int) -> None:
        save(trainer, step)
        if step == step_to_die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    Trainer.save_checkpoint = save_and_die


def become(command: str, arguments: list[str], log: str, columns: int) -> None:
    os.environ["COLUMNS"] = str(columns)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(file, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    if arguments[:1] == ["kill-after"]:
        kill_after(int(arguments[1]))
        arguments = arguments[2:]
    sys.argv = [command, *arguments]


print("ready", flush=True)
request = None
for line in sys.stdin:
    request = json.loads(line)
    child = os.fork()
    if child == 0:
        become(*request)
        break
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
else:
    request = None
if request is not None:
    module, function = ENTRY_POINTS[request[0]].split(":")
    getattr(importlib.import_module(module), function)()
