"""What a resumed run has to agree on with the run that wrote its checkpoint."""

from pathlib import Path

from nerfstudio.engine.trainer import TrainerConfig
from nerfstudio.utils.rich_utils import CONSOLE

from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.nerf.geometry_checkpoint import read_run_config


def check_same_stages(config: TrainerConfig, checkpoint: Path) -> None:
    """Make sure that the steps of a checkpoint mean the same stage in the run that goes on from it.

    The stage is computed from the step, so another first stage would train the wrong half of the model in silence. The
    length of the second stage may change. Has to be called before the run writes its config.yml: a run that is resumed
    in its own folder replaces the file that is read here.

    Args:
        config: of the run that goes on.
        checkpoint: the file it goes on from; the config.yml of its run is expected beside its folder, and a line says
            so when it is not there.

    Raises:
        InputError: the runs differ in ``stage1_steps`` or ``geometry_config``; config.yml cannot be read.
    """
    path = checkpoint.absolute().parent.parent / "config.yml"
    if not path.is_file():
        CONSOLE.log(
            f"[yellow]{path} is missing: whether {checkpoint.name} was trained with the same --pipeline.stage1-steps "
            "and --pipeline.geometry-config cannot be checked"
        )
        return
    theirs, ours = read_run_config(path).pipeline, config.pipeline
    if not hasattr(theirs, "stage1_steps"):
        return  # a method without stages: its weights are refused by name when they are loaded
    if not _same_file(theirs.geometry_config, ours.geometry_config):
        advice = (
            "leave the option out"
            if theirs.geometry_config is None
            else f"resume with --pipeline.geometry-config {theirs.geometry_config}"
        )
        raise InputError(
            f"{checkpoint}: its run had --pipeline.geometry-config {theirs.geometry_config} and this one has "
            f"{ours.geometry_config} ({path}); {advice}, or start a new run without the checkpoint"
        )
    if ours.geometry_config is None and theirs.stage1_steps != ours.stage1_steps:
        raise InputError(
            f"{checkpoint}: its run had --pipeline.stage1-steps {theirs.stage1_steps} and this one has "
            f"{ours.stage1_steps} ({path}); resume with --pipeline.stage1-steps {theirs.stage1_steps}, or start a new "
            "run without the checkpoint (--pipeline.stage2-steps may change)"
        )


def _same_file(one: Path | None, other: Path | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or one.resolve() == other.resolve()
