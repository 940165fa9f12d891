"""Classes that another run learned on the same geometry, taken over by a model that is at work."""

from pathlib import Path

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.label_image import LabelFormat
from nerfseg_ns.data.semantic_views import SEMANTICS, SemanticViews
from nerfseg_ns.nerf.geometry_checkpoint import (
    check_weight_names,
    newest_checkpoint,
    read_checkpoint,
    read_run_config,
)
from nerfseg_ns.nerf.two_stage_model import TwoStageModel

_PARTS = ("semantic_network", "gaussian_features")
"""The modules that stage 2 learns; a field has the first alone."""


def read_learned(model: TwoStageModel, config_path: Path, class_table: ClassTable) -> TwoStageModel:
    """A second model, with the weights of a run of stage 2. Takes no lock and changes nothing.

    Args:
        model: whose geometry that run learned on.
        config_path: config.yml of that run.
        class_table: its classes.

    Returns:
        The model, on the device of the first one, in evaluation mode.

    Raises:
        InputError: the run's configuration or checkpoint cannot be read, or its weights are of another model.
    """
    config = read_run_config(config_path)
    learned: TwoStageModel = config.pipeline.model.setup(
        scene_box=model.scene_box,
        num_train_data=model.num_train_data,
        metadata={SEMANTICS: SemanticViews(class_table, (), LabelFormat())},
        device=str(model.device),
        grad_scaler=None,
        seed_points=None,
    )
    state = read_checkpoint(newest_checkpoint(config_path.parent / config.relative_model_dir))
    stored = {key.removeprefix("_model.").removeprefix("module."): value for key, value in state["pipeline"].items()}
    weights = {name: stored[name] for name in stored if not name.startswith("datamanager.")}
    check_weight_names(set(weights), set(learned.state_dict()), str(config_path))
    learned.load_state_dict(weights)
    return learned.to(model.device).eval()


def take_classes(model: TwoStageModel, learned: TwoStageModel) -> None:
    """Let a model say what another one has learned. Nothing may render with it meanwhile.

    The legend comes with the classes; what the viewer shows of the old one is for the caller to take away.

    Args:
        model: goes over to stage 2.
        learned: of :func:`read_learned`; its parts become the model's.
    """
    for name in _PARTS:
        if hasattr(learned, name):
            setattr(model, name, getattr(learned, name))
    model.class_table = learned.class_table
    stage = model.class_legend.stage
    model.class_legend = learned.class_legend
    model.class_legend.stage = stage  # it is in the viewer already
    model.set_stage(2)
