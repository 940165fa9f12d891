"""A trained run of the smallest size, and a way to call nerfstudio's commands on it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

STAGE1, STAGE2 = 6, 6
MODEL_OPTIONS = {
    "compile": "False",
    "num-levels": "2",
    "max-res": "32",
    "log2-hashmap-size": "8",
    "num-nerf-samples-per-ray": "8",
    "num-proposal-samples-per-ray": "8",
    "eval-num-rays-per-chunk": "576",
}
CLOSED_PORT = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Result:
    """How a command ended."""

    status: int
    printed: str

    @property
    def text(self) -> str:
        """What it printed, in one line, without the line breaks that nerfstudio's console puts in."""
        return " ".join(self.printed.split())


class Commands:
    """nerfstudio's commands without network: any download fails at once."""

    def __init__(self, folder: Path, program_folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"},  # tests read warnings
            "PATH": f"{program_folder}{os.pathsep}{os.environ['PATH']}",
            "TORCH_HOME": str(folder / "torch-home"),
            "OMP_NUM_THREADS": "1",
            "COLUMNS": "200",
            "CUDA_VISIBLE_DEVICES": "",
            **{name: CLOSED_PORT for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY")},
        }
        self._server: subprocess.Popen | None = None
        self._count = 0

    def __call__(self, command: str, *arguments: str | Path, columns: int = 200) -> Result:
        """Run a command in a process forked from one that has imported nerfstudio already."""
        if self._server is None:
            script = Path(__file__).parent / "command_server.py"
            self._server = subprocess.Popen(
                [sys.executable, script],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=self.environment,
                cwd=self.folder,
            )
            self._answer()
        assert self._server.stdin is not None
        self._count += 1
        log = self.folder / f"command-{self._count:02d}.log"
        request = [command, [str(word) for word in arguments], str(log), columns]
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return Result(int(self._answer()), log.read_text(encoding="utf-8"))

    def _answer(self) -> str:
        assert self._server is not None and self._server.stdout is not None
        answer = self._server.stdout.readline().strip()
        assert answer, "the command server has died"
        return answer

    def script(self, command: str, *arguments: str | Path) -> Result:
        """Run the console script itself."""
        ended = subprocess.run(
            [Path(sys.executable).parent / command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.environment,
            cwd=self.folder,
            timeout=300,
        )
        return Result(ended.returncode, ended.stdout)

    def close(self) -> None:
        """End the process that the commands are forked from."""
        if self._server is not None:
            self._server.terminate()
            self._server.wait()


@pytest.fixture(scope="session")
def ffmpeg_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a program ``ffmpeg``, which ns-render needs on the PATH for videos."""
    imageio_ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="imageio-ffmpeg brings the ffmpeg that is used here")
    folder = tmp_path_factory.mktemp("programs")
    (folder / "ffmpeg").symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    return folder


@pytest.fixture(scope="session")
def commands(tmp_path_factory: pytest.TempPathFactory, ffmpeg_folder: Path) -> Iterator[Commands]:
    """Calls ``commands("ns-train", ...)``, with relative paths in a folder of their own."""
    commands = Commands(tmp_path_factory.mktemp("commands"), ffmpeg_folder)
    yield commands
    commands.close()


def train_arguments(
    scene: Path,
    name: str,
    *options: str | Path,
    method: str = "nerfseg-lite",
    model: dict[str, str] | None = None,
    parser: str = "carla-mvs-data",
    dataparser: tuple[str, ...] = (),
) -> list[str | Path]:
    """The words after ns-train: a run NAME of a few steps, with all its checkpoints kept."""
    words: list[str | Path] = [method, "--data", scene, "--output-dir", "outputs", "--experiment-name", "tiny"]
    words += ["--timestamp", name, "--vis", "tensorboard", "--machine.device-type", "cpu"]
    words += ["--steps-per-save", "2", "--save-only-latest-checkpoint", "False"]
    words += ["--pipeline.stage1-steps", str(STAGE1), "--pipeline.stage2-steps", str(STAGE2)]
    words += ["--pipeline.datamanager.train-num-rays-per-batch", "32"]
    words += ["--pipeline.datamanager.stage2-num-rays-per-batch", "32"]
    for option, value in {**MODEL_OPTIONS, **(model or {})}.items():
        words += [f"--pipeline.model.{option}", value]
    return [*words, *options, parser, *dataparser]


@dataclass(frozen=True)
class Run:
    """A run on disk."""

    folder: Path

    @property
    def config(self) -> Path:
        """Its config.yml."""
        return self.folder / "config.yml"

    @property
    def checkpoints(self) -> Path:
        """The folder of its checkpoints."""
        return self.folder / "nerfstudio_models"

    @property
    def steps(self) -> list[int]:
        """The steps of which there are checkpoints."""
        return sorted(int(path.stem.removeprefix("step-")) for path in self.checkpoints.glob("*.ckpt"))

    def weights(self, step: int) -> dict[str, torch.Tensor]:
        """The model's weights at a step, read without unpickling any object."""
        state = torch.load(self.checkpoints / f"step-{step:09d}.ckpt", weights_only=True)
        assert state["step"] == step
        return {name.removeprefix("_model."): value for name, value in state["pipeline"].items()}

    def moved(self, since: int, until: int) -> set[str]:
        """The modules whose weights differ between two steps."""
        before, after = self.weights(since), self.weights(until)
        return {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}


@pytest.fixture(scope="session")
def scene(commands: Commands, write_tiny_scene: Callable[..., Path]) -> Path:
    """The tiny scene, for the whole session: all of its views are labelled."""
    return write_tiny_scene(commands.folder / "scene")


@pytest.fixture(scope="session")
def train(commands: Commands, scene: Path) -> Callable[..., tuple[Run, Result]]:
    """Calls ns-train and returns the run and how the command ended.

    Arguments of the function: name of the run; options; and by name what :func:`train_arguments` takes, ``kill_after``
    (the step after whose checkpoint the process is killed) and ``script`` (run the console script itself).
    """

    def train(
        name: str, *options: str | Path, kill_after: int | None = None, script: bool = False, **more: Any
    ) -> tuple[Run, Result]:
        words = train_arguments(more.pop("scene", scene), name, *options, **more)
        if kill_after is not None:
            words = ["kill-after", str(kill_after), *words]
        result = (commands.script if script else commands)("ns-train", *words)
        return Run(commands.folder / "outputs" / "tiny" / str(words[words.index("--data") - 1]) / name), result

    return train


@pytest.fixture(scope="session")
def trained(train: Callable[..., tuple[Run, Result]]) -> tuple[Run, Result]:
    """A run of both stages, trained by the console script, and what it printed."""
    return train("whole", script=True)


@pytest.fixture
def copy_of_trained(trained: tuple[Run, Result], tmp_path: Path) -> Run:
    """A copy of the trained run, to be broken."""
    return Run(Path(shutil.copytree(trained[0].folder, tmp_path / "copy")))
