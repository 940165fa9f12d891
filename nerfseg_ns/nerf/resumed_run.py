"""What a resumed run has to agree on with the run that wrote its checkpoint."""

from pathlib import Path
from typing import Any

import yaml
from nerfstudio.engine.trainer import TrainerConfig
from nerfstudio.utils.rich_utils import CONSOLE

from nerfseg_ns.core.input_error import InputError


class _PlainLoader(yaml.SafeLoader):
    """Reads a config.yml without building the Python objects that it names: resuming needs no trust in the file."""


def _plain(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_PlainLoader.add_multi_constructor("tag:yaml.org,2002:python/", _plain)


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
    ours = config.pipeline
    recorded = _recorded_stages(path)
    if recorded is None:
        return  # a method without stages: its weights are refused by name when they are loaded
    stage1_steps, geometry_config = recorded
    if not _same_file(geometry_config, ours.geometry_config):
        advice = (
            "leave the option out"
            if geometry_config is None
            else f"resume with --pipeline.geometry-config {geometry_config}"
        )
        raise InputError(
            f"{checkpoint}: its run had --pipeline.geometry-config {geometry_config} and this one has "
            f"{ours.geometry_config} ({path}); {advice}, or start a new run without the checkpoint"
        )
    if ours.geometry_config is None and stage1_steps != ours.stage1_steps:
        raise InputError(
            f"{checkpoint}: its run had --pipeline.stage1-steps {stage1_steps} and this one has "
            f"{ours.stage1_steps} ({path}); resume with --pipeline.stage1-steps {stage1_steps}, or start a new "
            "run without the checkpoint (--pipeline.stage2-steps may change)"
        )


def _recorded_stages(path: Path) -> tuple[int, Path | None] | None:
    """``stage1_steps`` and ``geometry_config`` of a run's config.yml; None when its method has no stages."""
    try:
        pipeline = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)["pipeline"]
        if "stage1_steps" not in pipeline:
            return None
        parts = pipeline["geometry_config"]
        return int(pipeline["stage1_steps"]), None if parts is None else Path(*parts)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: not a nerfstudio config.yml ({reason}); it belongs to the checkpoint") from None


def _same_file(one: Path | None, other: Path | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == other or one.resolve() == other.resolve()
