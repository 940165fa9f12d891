"""Nerfstudio's trainer configuration, careful with what an output folder already holds."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

from nerfstudio.engine.trainer import TrainerConfig

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.nerf.geometry_checkpoint import newest_checkpoint
from nerfseg_ns.nerf.resumed_run import check_same_stages


@dataclass
class NerfSegTrainerConfig(TrainerConfig):
    """Configuration of nerfstudio's trainer (the trainer itself is nerfstudio's)."""

    def save_config(self) -> None:
        """Write config.yml, unless another run's checkpoints are in the output folder.

        Nerfstudio would replace that run's configuration and, with its first checkpoint, delete all of its others.

        Raises:
            InputError: the folder holds checkpoints and the run does not resume from them; the checkpoint to resume
                from is missing or cut short, or is of a run with another first stage.
        """
        source = self._checkpoint_to_resume()
        folder = self.get_checkpoint_dir()
        held = sorted(folder.glob("step-*.ckpt"))
        if held and (source is None or source.parent.resolve() != folder.resolve()):
            raise InputError(
                f"{self.get_base_dir()}: holds a finished or interrupted run ({held[-1].name}); go on with it by "
                f"--load-dir {folder}, or start a new one with another --timestamp, --experiment-name or --output-dir"
            )
        if source is not None:
            check_same_stages(self, source)
        super().save_config()

    def _checkpoint_to_resume(self) -> Path | None:
        path = self.load_checkpoint
        if self.load_dir is not None:
            path = newest_checkpoint(self.load_dir)
            if self.load_step is not None:
                path = self.load_dir / f"step-{self.load_step:09d}.ckpt"
        if path is None:
            return None
        # a kill while nerfstudio writes leaves a zip file without its end, the newest of its folder
        if not path.is_file() or not zipfile.is_zipfile(path):
            what = "cut short" if path.is_file() else "missing"
            raise InputError(
                f"{path}: this checkpoint is {what}; delete it to resume from an older step-*.ckpt beside it"
            )
        return path
