"""Nerfstudio's trainer configuration, careful with what an output folder already holds."""

from dataclasses import dataclass

from nerfstudio.engine.trainer import TrainerConfig

from nerfseg_ns.core.input_error import InputError


@dataclass
class NerfSegTrainerConfig(TrainerConfig):
    """Configuration of nerfstudio's trainer (the trainer itself is nerfstudio's)."""

    def save_config(self) -> None:
        """Write config.yml, unless another run's checkpoints are in the output folder.

        Nerfstudio would replace that run's configuration and, with its first checkpoint, delete all of its others.

        Raises:
            InputError: the folder holds checkpoints and the run does not resume from any.
        """
        folder = self.get_checkpoint_dir()
        held = sorted(folder.glob("step-*.ckpt"))
        if held and self.load_dir is None and self.load_checkpoint is None:
            raise InputError(
                f"{self.get_base_dir()}: holds a finished or interrupted run ({held[-1].name}); go on with it by "
                f"--load-dir {folder}, or start a new one with another --timestamp, --experiment-name or --output-dir"
            )
        super().save_config()
