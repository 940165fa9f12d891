"""A finished training run, loaded for use: what every command that reads a config.yml starts with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from nerfstudio.data.datasets.base_dataset import InputDataset
from nerfstudio.data.utils.dataloaders import FixedIndicesEvalDataloader
from nerfstudio.engine.trainer import TrainerConfig
from nerfstudio.pipelines.base_pipeline import VanillaPipeline

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.georeference import GEOREFERENCE, Georeference
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.data.semantic_views import SEMANTICS, SemanticViews
from nerfseg_ns.nerf.geometry_checkpoint import newest_checkpoint, read_checkpoint, read_run_config
from nerfseg_ns.nerf.model import NerfSegModel
from nerfseg_ns.nerf.perceptual_metric import without_lpips

Split = Literal["train", "val", "test"]


@dataclass(frozen=True)
class LoadedRun:
    """A trained pipeline, in evaluation mode, with its weights.

    Args:
        config: the run's configuration.
        pipeline: datamanager and model.
        checkpoint: the file the weights come from.
        step: the training step it was saved at.
        split: which views :attr:`dataset` holds.
    """

    config: TrainerConfig
    pipeline: VanillaPipeline
    checkpoint: Path
    step: int
    split: Split

    @property
    def dataset(self) -> InputDataset:
        """The views of the split."""
        datamanager = self.pipeline.datamanager
        dataset = datamanager.train_dataset if self.split == "train" else datamanager.eval_dataset
        assert isinstance(dataset, InputDataset)
        return dataset

    @property
    def class_table(self) -> ClassTable | None:
        """The scene's classes, or None when the data has none."""
        semantics = self._semantic_views
        return semantics.class_table if semantics is not None and len(semantics.class_table) else None

    @property
    def georeference(self) -> Georeference | None:
        """Where the input frame lies on the Earth, or None when the data does not say."""
        georeference = self.dataset.metadata.get(GEOREFERENCE)
        return georeference if isinstance(georeference, Georeference) else None

    @property
    def frame(self) -> SceneFrame:
        """From the frame of the input poses to nerfstudio's scene frame."""
        outputs = self.dataset._dataparser_outputs
        return SceneFrame(outputs.dataparser_transform.float().cpu(), float(outputs.dataparser_scale))

    @property
    def view_names(self) -> list[str]:
        """File stems of the views, in order."""
        return [Path(name).stem for name in self.dataset.image_filenames]

    @property
    def labelled_views(self) -> tuple[int, ...]:
        """Indices of the views that have a label image."""
        return self._semantic_views.labelled_view_indices if self._semantic_views is not None else ()

    @property
    def _semantic_views(self) -> SemanticViews | None:
        views = self.dataset.metadata.get(SEMANTICS)
        return views if isinstance(views, SemanticViews) else None  # nerfstudio's own kind has no names of labels

    def views(self) -> FixedIndicesEvalDataloader:
        """Every view of the split once: (camera, batch) with batch["image"] and, when labelled, batch["semantics"]."""
        return FixedIndicesEvalDataloader(self.dataset, device=self.pipeline.device)


def load_run(config_path: Path, split: Split = "test", normals: bool = False) -> LoadedRun:
    """Load a training run.

    The steps are those of nerfstudio's ``eval_setup``, with checks before each of them, and three differences: the
    checkpoints beside config.yml are used, so that a run can be loaded after its folder has moved, and from any working
    directory when --data was absolute (config.yml holds paths as they were typed); weights that the checkpoint lacks
    are an error, where nerfstudio keeps random ones; nerfacto is built without LPIPS, whose weights are a download.

    config.yml is nerfstudio's own format, YAML that names Python classes to build: LOADING ONE RUNS CODE OF ITS
    WRITER'S CHOICE, so load only files that you trust. The checkpoint is read with ``weights_only=True``.

    Args:
        config_path: the config.yml that ns-train wrote.
        split: the views to load besides the training views.
        normals: whether models of nerfseg render normals too; only viewers show them.

    Raises:
        InputError: a missing or foreign config.yml, a method that is not installed, data that is not there, a missing
            checkpoint, one that is cut short or does not fit the configuration, or a split without views.
    """
    from nerfstudio.configs.method_configs import all_methods

    if config_path.is_dir():
        raise InputError(f"{config_path}: a folder; give the config.yml in it, such as {config_path / 'config.yml'}")
    config = read_run_config(config_path)
    if config.method_name not in all_methods:
        raise InputError(
            f"{config_path}: trained with method {config.method_name!r}, which is not installed here; "
            f"{did_you_mean(str(config.method_name), all_methods)}"
        )
    _require_data(config, config_path)
    checkpoint_dir = (config_path.parent / config.relative_model_dir).resolve()
    if not checkpoint_dir.is_dir():
        raise InputError(
            f"{checkpoint_dir}: no such folder; the checkpoints of {config_path} are expected there, and ns-train "
            "saves the first one after --steps-per-save steps"
        )
    checkpoint = newest_checkpoint(checkpoint_dir)
    state = read_checkpoint(checkpoint)

    # config.yml writes generic datamanagers without their type argument; the registered method has it.
    config.pipeline.datamanager._target = all_methods[config.method_name].pipeline.datamanager._target
    config.relative_model_dir = checkpoint_dir  # an absolute path wins over the output folder it is joined to
    config.load_dir = checkpoint_dir
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with without_lpips(config):
        pipeline = config.pipeline.setup(device=device, test_mode="val" if split == "val" else "test")
    pipeline.eval()
    if isinstance(pipeline.model, NerfSegModel):
        pipeline.model.renders_normals = normals
    if device == "cpu" and hasattr(pipeline.model, "gauss_params"):
        from nerfseg_ns.splats.gaussian_views import draw_without_cuda

        draw_without_cuda(pipeline.model)
    _load_weights(pipeline, state, checkpoint, config_path)

    run = LoadedRun(config, pipeline, checkpoint, int(state["step"]), split)
    if len(run.dataset) == 0:
        raise InputError(f"{pipeline.datamanager.get_datapath()}: its {split} split has no views; try another --split")
    return run


def _require_data(config: TrainerConfig, config_path: Path) -> None:
    datamanager = config.pipeline.datamanager
    data = datamanager.data or datamanager.dataparser.data
    if data.exists():
        return
    where = "" if data.is_absolute() else f" in {Path.cwd()}, and paths in it start where ns-train was called"
    advice = "" if data.is_absolute() else "call this command there, or "
    raise InputError(
        f"{config_path}: the data of the run, {data}, does not exist{where}; {advice}write the folder's absolute path "
        "in the place of each data: in that file"
    )


def _load_weights(pipeline: VanillaPipeline, state: dict[str, Any], checkpoint: Path, config_path: Path) -> None:
    stored = {key.removeprefix("module.").replace("_model.module.", "_model.", 1) for key in state["pipeline"]}
    missing = [key for key in pipeline.state_dict() if key.startswith("_model.") and key not in stored]
    problem = f"it lacks {', '.join(missing[:4])}{' ...' if len(missing) > 4 else ''}" if missing else None
    if problem is None:
        try:
            pipeline.load_pipeline(state["pipeline"], int(state["step"]))
            return
        except RuntimeError as error:
            problem = " ".join(str(error).split())[:400]
    raise InputError(
        f"{checkpoint}: its weights do not fit the model that {config_path} describes: {problem}; was the file "
        "edited, or trained with another implementation (tcnn, torch) or another number of classes?"
    )
