"""A run of stage 2 on the geometry of another run, by ns-train in a process of its own."""

import atexit
import copy
import itertools
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml
from nerfstudio.engine.trainer import TrainerConfig
from nerfstudio.models.splatfacto import SplatfactoModelConfig

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.whole_file import write_whole_text
from nerfseg_ns.data.label_folder import LabelFolder
from nerfseg_ns.data.semantic_views import LabelOptions
from nerfseg_ns.nerf.geometry_checkpoint import read_run_config
from nerfseg_ns.nerf.pipeline import NerfSegPipelineConfig

_PROGRESS = re.compile(rb"^(\d+) \((\d+\.\d+)%\)", re.MULTILINE)  # nerfstudio's line of figures
_SECONDS_BETWEEN_LOOKS = 0.3
_SECONDS_TO_STOP = 10.0
_NO_LIMIT = 1_000_000


@dataclass(frozen=True)
class SecondStage:
    """A run beside the one whose geometry it learns on: ``RUN-clicks``, ``RUN-clicks-2`` and so on.

    Args:
        geometry: config.yml of the finished run.
        folder: of this run; made by :meth:`beside`.
        steps: of training.
    """

    geometry: Path
    folder: Path
    steps: int

    @classmethod
    def beside(cls, geometry: Path, steps: int | None = None) -> "SecondStage":
        """Make the folder of a new run.

        Args:
            geometry: config.yml of the finished run.
            steps: of training; None: as many as that run's stage 2 has, or else its method's.

        Raises:
            InputError: the run cannot learn classes, see :func:`learner_config`; the folder cannot be made.
        """
        config = learner_config(geometry)
        if steps is None:
            from nerfstudio.configs.method_configs import all_methods

            method = all_methods.get(str(config.method_name))
            of_method = method.pipeline.stage2_steps if method is not None else 5000  # type: ignore[attr-defined]
            steps = config.pipeline.stage2_steps or of_method
        geometry = geometry.resolve()
        runs = geometry.parent.parent
        if runs.name != config.method_name:  # it was moved; nerfstudio's folders are EXPERIMENT/METHOD/TIMESTAMP
            runs = runs / "learned" / str(config.method_name)
        for number in itertools.count(1):
            folder = runs / (f"{geometry.parent.name}-clicks" + (f"-{number}" if number > 1 else ""))
            try:
                folder.mkdir(parents=True)
                return cls(geometry, folder, steps)
            except FileExistsError:
                continue
            except OSError as error:
                raise InputError(f"{folder}: cannot be made ({error.strerror})") from None
        raise AssertionError("itertools.count has no end")

    @property
    def labels(self) -> LabelFolder:
        """Where its labels are expected."""
        return LabelFolder(self.folder)

    @property
    def config_path(self) -> Path:
        """Its config.yml."""
        return self.folder / "config.yml"

    @property
    def log(self) -> Path:
        """What ns-train prints."""
        return self.folder / "train.log"

    def config(self) -> TrainerConfig:
        """The configuration: that of the geometry's run, with these labels alone and stage 2 alone."""
        config = copy.deepcopy(learner_config(self.geometry))
        experiment = self.folder.parent.parent
        config.output_dir, config.experiment_name, config.timestamp = (
            experiment.parent,
            experiment.name,
            self.folder.name,
        )
        config.machine.device_type, config.machine.num_devices = "cuda" if torch.cuda.is_available() else "cpu", 1
        config.load_dir = config.load_step = config.load_checkpoint = config.load_config = None
        config.vis, config.max_num_iterations = "tensorboard", _NO_LIMIT
        config.logging.local_writer.enable, config.logging.local_writer.max_log_size = True, 0
        pipeline = config.pipeline
        pipeline.geometry_config, pipeline.stage2_steps = self.geometry, self.steps
        options = pipeline.datamanager.dataparser
        options.label_data, options.labelled_views, options.labelled_view_names = self.folder, None, ()
        options.classes, options.class_names = None, ()
        return config

    def train(self, progress: Callable[[int, int], None]) -> None:
        """Train, in a process of its own.

        Args:
            progress: called again and again with steps done and steps in all. When it raises, as to cancel, the
                process is ended.

        Raises:
            InputError: training failed; the message says why, or else has the last line of the log.
        """
        config = self.config()
        write_whole_text(self.config_path, yaml.dump(config))
        command = [sys.executable, "-m", "nerfstudio.scripts.train", str(config.method_name)]
        command += ["--load-config", str(self.config_path)]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment
            )
        atexit.register(process.kill)  # also when the viewer ends by an exception in its main thread
        try:
            while process.poll() is None:
                progress(self._steps_done(), self.steps)
                time.sleep(_SECONDS_BETWEEN_LOOKS)
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(_SECONDS_TO_STOP)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            atexit.unregister(process.kill)
        if process.returncode != 0:
            raise InputError(f"training ended with status {process.returncode}: {self._last_line()} ({self.log})")
        progress(self.steps, self.steps)

    def discard(self) -> None:
        """Delete the folder, of a run that was cancelled or failed before it trained."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _steps_done(self) -> int:
        found = _PROGRESS.findall(self.log.read_bytes())
        return min(int(found[-1][0]), self.steps) if found else 0

    def _last_line(self) -> str:
        lines = [line.strip() for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines()]
        lines = [line for line in lines if line]
        told = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]  # of an InputError
        return (told or lines or ["it printed nothing"])[-1]


def learner_config(path: Path) -> TrainerConfig:
    """The configuration of a finished run that can learn classes on its geometry.

    Raises:
        InputError: there is no such file, or the run is of a method or on data that has no classes.
    """
    config = read_run_config(path)
    if isinstance(config.pipeline.model, SplatfactoModelConfig) and not isinstance(
        config.pipeline, NerfSegPipelineConfig
    ):
        raise InputError(
            f"a run of {config.method_name} has no classes to learn, but nerfseg-splat learns them on its Gaussians: "
            "Save prompts, nerfseg segment --labels-out DIR, then ns-train nerfseg-splat --pipeline.geometry-config "
            f"{path} with --label-data DIR"
        )
    if not isinstance(config.pipeline, NerfSegPipelineConfig):
        raise InputError(
            f"a run of {config.method_name} has no classes to learn; train a run of nerfseg, nerfseg-big, nerfseg-lite "
            "or nerfseg-splat on this scene (stage 1 is enough: --pipeline.stage2-steps 0) and click there. Save "
            "prompts keeps your clicks"
        )
    if not isinstance(config.pipeline.datamanager.dataparser, LabelOptions):
        raise InputError(
            f"{path}: its dataparser has no labels; train with carla-mvs-data, google-earth-data or "
            "semantic-nerfstudio-data"
        )
    return config
