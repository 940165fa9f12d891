"""The hook by which nerfstudio's viewer finds the selection panel. Light: it is imported with every ns-* command."""

from pathlib import Path
from typing import TYPE_CHECKING

from nerfstudio.viewer.viewer_elements import ViewerControl

if TYPE_CHECKING:
    from nerfstudio.pipelines.base_pipeline import Pipeline
    from nerfstudio.viewer.viewer import Viewer


class SelectionControl(ViewerControl):
    """An attribute of a pipeline that puts the panel into the viewer when there is one.

    Args:
        pipeline: whose scene is selected in.
        segmenter: name of the 2D segmenter, None for the default.
        method: name of the engine, None for the default.
        opened: whether the panel is unfolded at the start.
        start: number of the training view where browsers start, None for viser's own place.
        config_path: config.yml of the run, None: where ns-train writes it.
        learn_steps: steps of learning from clicks, None: those of the run.
    """

    def __init__(
        self,
        pipeline: "Pipeline",
        segmenter: str | None = None,
        method: str | None = None,
        opened: bool = False,
        start: int | None = None,
        config_path: Path | None = None,
        learn_steps: int | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.segmenter = segmenter
        self.method = method
        self.opened = opened
        self.start = start
        self.config_path = config_path
        self.learn_steps = learn_steps

    def _setup(self, viewer: "Viewer") -> None:
        super()._setup(viewer)
        from nerfseg_ns.viewer.class_learner import ClassLearner
        from nerfseg_ns.viewer.viewer_panels import ViewerPanels
        from nerfseg_ns.viewer.viewer_pictures import ViewerPictures
        from nerfseg_ns.viewer.workbench import DEFAULT_METHOD, DEFAULT_SEGMENTER, Workbench

        pictures = ViewerPictures(viewer)
        folder = viewer.log_filename.parent
        learner = ClassLearner(
            self.pipeline,
            self.config_path or folder / "config.yml",
            viewer.train_lock,
            pictures.make_way,
            training=lambda: viewer.trainer is not None and viewer.trainer.training_state != "completed",
            steps=self.learn_steps,
        )
        workbench = Workbench(
            self.pipeline,
            folder / "objects",
            viewer.train_lock,
            self.segmenter or DEFAULT_SEGMENTER,
            self.method or DEFAULT_METHOD,
            finished=viewer.trainer is None,
            make_way=pictures.make_way,
            learner=learner,
        )
        self.panels = ViewerPanels(viewer, pictures, workbench, self.opened, self.start)
        self.panels.install()
