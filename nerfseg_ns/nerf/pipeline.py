"""The pipeline: one run, two stages."""

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from nerfstudio.engine.callbacks import TrainingCallback, TrainingCallbackAttributes, TrainingCallbackLocation
from nerfstudio.pipelines.base_pipeline import VanillaPipeline, VanillaPipelineConfig
from nerfstudio.utils import writer
from nerfstudio.utils.comms import is_main_process
from nerfstudio.utils.rich_utils import CONSOLE
from torch.cuda.amp.grad_scaler import GradScaler

from nerfseg_ns.core.confusion import ConfusionMatrix
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.kept_memory import keep_freed_memory
from nerfseg_ns.core.stages import StageSchedule
from nerfseg_ns.data.semantic_datamanager import SemanticDataManager, SemanticDataManagerConfig
from nerfseg_ns.nerf.geometry_checkpoint import check_weight_names, load_geometry
from nerfseg_ns.nerf.model import NerfSegModel, NerfSegModelConfig
from nerfseg_ns.nerf.scheduler import StageDecay
from nerfseg_ns.nerf.two_stage_model import TwoStageModel
from nerfseg_ns.viewer.selection_control import SelectionControl


@dataclass
class NerfSegPipelineConfig(VanillaPipelineConfig):
    """Configuration of :class:`NerfSegPipeline`."""

    _target: type = field(default_factory=lambda: NerfSegPipeline)
    datamanager: SemanticDataManagerConfig = field(default_factory=SemanticDataManagerConfig)
    model: NerfSegModelConfig = field(default_factory=NerfSegModelConfig)
    stage1_steps: int = 30000
    """Steps that learn geometry and colour."""
    stage2_steps: int = 5000
    """Steps that then learn semantics on the frozen geometry; 0: stop after stage 1."""
    geometry_config: Path | None = None
    """config.yml of a finished run whose geometry is used; the whole run is then stage 2."""


class NerfSegPipeline(VanillaPipeline):
    """Nerfstudio's pipeline with the stage switch.

    Raises:
        InputError: stage 2 is asked for and no training view is labelled; the geometry of ``geometry_config`` does
            not fit.
    """

    config: NerfSegPipelineConfig
    datamanager: SemanticDataManager

    def __init__(
        self,
        config: NerfSegPipelineConfig,
        device: str,
        test_mode: Literal["test", "val", "inference"] = "val",
        world_size: int = 1,
        local_rank: int = 0,
        grad_scaler: GradScaler | None = None,
    ) -> None:
        super().__init__(config, device, test_mode, world_size, local_rank, grad_scaler)
        if torch.device(device).type == "cpu":
            keep_freed_memory()  # now: what was freed while images were read, it would keep for good
        from_geometry = config.geometry_config is not None
        self.schedule = StageSchedule(0 if from_geometry else config.stage1_steps, config.stage2_steps)
        if not from_geometry and config.stage1_steps == 0:
            raise InputError(
                "--pipeline.stage1-steps 0: stage 2 needs a geometry; add --pipeline.geometry-config RUN/config.yml of "
                "a finished run, or train stage 1"
            )
        if self.nerfseg_model.joint and (from_geometry or config.stage2_steps > 0):
            raise InputError(
                "this method learns geometry and classes together: leave --pipeline.geometry-config out and "
                "--pipeline.stage2-steps at 0, or train nerfseg, which has two stages"
            )
        if config.stage2_steps > 0 or self.nerfseg_model.joint:
            self._check_labels()
        self.nerfseg_model.set_stage(self.schedule.stage(0))
        self.nerfseg_model.set_training_cameras(self.datamanager.train_dataset.cameras.camera_to_worlds[:, :3])
        self.selection = SelectionControl(self)  # nerfstudio's viewer looks for it here

    @property
    def nerfseg_model(self) -> TwoStageModel:
        """The model, unwrapped from DDP."""
        model = self.model
        assert isinstance(model, TwoStageModel)
        return model

    def _check_labels(self) -> None:
        dataset = self.datamanager.train_dataset
        if self.nerfseg_model.class_table is None or not dataset.labelled_view_indices:
            raise InputError(
                f"{self.datamanager.get_datapath()}: none of the {len(dataset)} training views is labelled, so "
                "there are no classes to learn; give label images, or train the geometry alone, `ns-train nerfseg "
                "--pipeline.stage2-steps 0`"
            )

    def load_pipeline(self, loaded_state: dict[str, Any], step: int) -> None:
        """Load a checkpoint's weights and the stage it was in.

        Raises:
            InputError: weights are missing, unknown or of another shape (nerfstudio would drop them in silence).
        """
        stored = {key.removeprefix("module.").removeprefix("_model.").removeprefix("module.") for key in loaded_state}
        check_weight_names(stored, set(self.nerfseg_model.state_dict()), f"the checkpoint of step {step}")
        super().load_pipeline(loaded_state, step)
        # The datamanager stays with all rays: outside of training (ns-export) stage 2's labelled pixels are no use.
        self.nerfseg_model.set_stage(self.schedule.stage(step))

    def get_average_image_metrics(
        self,
        data_loader: Any,
        image_prefix: str,
        step: int | None = None,
        output_path: Path | None = None,
        get_std: bool = False,
    ) -> dict[str, float]:
        """Means over the views, and ``dataset_*`` figures from one confusion matrix over all pixels."""
        model = self.nerfseg_model
        if model.class_table is not None:
            model.confusion = ConfusionMatrix(len(model.class_table))
        metrics = super().get_average_image_metrics(data_loader, image_prefix, step, output_path, get_std)
        if model.confusion is not None and model.confusion.counts.sum() > 0:
            scores = model.confusion.scores()
            metrics["dataset_miou"] = scores.miou
            metrics["dataset_overall_accuracy"] = scores.overall_accuracy
        model.confusion = None
        return metrics

    def get_training_callbacks(
        self, training_callback_attributes: TrainingCallbackAttributes
    ) -> list[TrainingCallback]:
        """The stage switch before each step, besides those of datamanager and model."""
        trainer = training_callback_attributes.trainer
        optimizers = training_callback_attributes.optimizers
        assert trainer is not None and optimizers is not None
        start, seed = trainer._start_step, trainer.config.machine.seed
        self._check_propagation()
        if self.config.geometry_config is not None and start == 0:
            outputs = self.datamanager.train_dataparser_outputs
            steps = load_geometry(self.nerfseg_model, self.config.geometry_config, outputs)
            CONSOLE.log(f"stage 1 comes from {self.config.geometry_config} ({steps:,} steps)")
        # Nerfstudio trains max_num_iterations further steps after a resume, whatever was done before.
        total = min(self.schedule.total_steps, trainer.config.max_num_iterations)
        if start >= total:  # nerfstudio would save step 0 over the finished run
            raise InputError(
                f"{trainer.config.load_dir}: this run is finished ({start} of {total} steps); raise "
                "--pipeline.stage2-steps, or --max-num-iterations where that ended it, to train it further"
            )
        trainer.config.max_num_iterations = max(total - start, 0)
        if total < self.schedule.total_steps:
            CONSOLE.log(
                f"[yellow]--max-num-iterations {total} ends the run in stage {self.schedule.stage(total - 1)}, before "
                f"the {self.schedule.total_steps} steps of both stages"
            )
        for scheduler in optimizers.schedulers.values():
            if isinstance(scheduler, StageDecay):
                scheduler.bind(self.schedule, start)

        def switch(step: int) -> None:
            if step == start:
                writer.GLOBAL_BUFFER["max_iter"] = total  # nerfstudio would show the ETA of the remainder
            stage = self.schedule.stage(step)
            if step == start or stage != self.datamanager.stage:
                self.nerfseg_model.set_stage(stage)
                self.datamanager.stage = stage
                # With gradients left behind, Adam would move the frozen weights once more.
                optimizers.zero_grad_all()
                self._announce(stage, start=step)
                if stage == 2:
                    self._propagate_labels(seed)

        return [
            TrainingCallback([TrainingCallbackLocation.BEFORE_TRAIN_ITERATION], switch, update_every_num_iters=1),
            *super().get_training_callbacks(training_callback_attributes),
        ]

    def _propagates(self) -> bool:
        return isinstance(self.datamanager, SemanticDataManager) and self.datamanager.config.propagated_share > 0

    def _check_propagation(self) -> None:
        """Now, not after hours of stage 1."""
        if not self._propagates():
            return
        if self.nerfseg_model.joint:
            raise InputError(
                f"--pipeline.datamanager.propagated-share {self.datamanager.config.propagated_share}: labels are "
                "propagated between the stages, and this method has one; leave it at 0, or train nerfseg"
            )
        if self.config.stage2_steps > 0 and importlib.util.find_spec("sklearn") is None:
            raise InputError(
                "stage 2 propagates labels with scikit-learn, which is not installed: pip install scikit-learn, or go "
                "without, --pipeline.datamanager.propagated-share 0"
            )

    def _propagate_labels(self, seed: int) -> None:
        """Once, on the geometry as stage 2 finds it; again, with the same result, after a resume."""
        model = self.nerfseg_model
        if not self._propagates():
            return
        from nerfseg_ns.nerf.propagated_labels import propagated_labels  # which imports what ns-* commands do not need

        assert isinstance(model, NerfSegModel)
        shown = is_main_process()
        if shown:  # progress bars are not drawn into a log file
            CONSOLE.log("labels are propagated to unlabelled pixels (--pipeline.datamanager.propagated-share 0: not)")
        found = propagated_labels(model, self.datamanager.train_dataset, seed, shown)
        self.datamanager.set_propagated(found.views, found.unlabelled_share)
        if shown:
            count = sum(len(labels.classes) for labels in found.views.values())
            CONSOLE.log(f"{count:,} pixels of {len(found.views)} views have propagated labels")

    def _announce(self, stage: int, start: int) -> None:
        if stage == 1:
            what = "geometry, colour and classes together" if self.nerfseg_model.joint else "geometry and colour"
            CONSOLE.log(f"stage 1 ({what}): steps {start} to {self.schedule.stage1_steps - 1}")
            return
        labelled = self.datamanager.train_dataset.labelled_view_indices
        CONSOLE.log(
            f"stage 2 (semantics on frozen geometry): steps {start} to {self.schedule.total_steps - 1}, "
            f"{len(labelled)} labelled views"
        )
