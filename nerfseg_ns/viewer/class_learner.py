"""Learning classes from objects in a viewer, whose model says them afterwards. Light until something is learned."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nerfseg_ns.core.class_table import ClassTable
from nerfseg_ns.core.input_error import InputError

if TYPE_CHECKING:
    from nerfstudio.pipelines.base_pipeline import Pipeline

    from nerfseg_ns.nerf.class_legend import ClassLegend
    from nerfseg_ns.selection.click_labels import LabelledScene
    from nerfseg_ns.selection.selected_object import SelectedObject
    from nerfseg_ns.selection.selector import Listener


@dataclass(frozen=True)
class LearnedClasses:
    """What was learned from objects.

    Args:
        folder: of the run, an ordinary one of ns-train.
        class_table: its classes.
    """

    folder: Path
    class_table: ClassTable


class ClassLearner:
    """Trains stage 2 beside a run, on labels that objects make, and gives its model what was learned.

    Args:
        pipeline: the run, whose model the viewer shows.
        config_path: config.yml of the run.
        lock: nerfstudio's train lock.
        make_way: see :class:`~nerfseg_ns.viewer.shared_renderer.SharedRenderer`.
        training: asked whether the run is still training.
        steps: of training; None: those of the run.

    Attributes:
        learned: what was learned last, None: nothing yet.
        changed: called after that, with the legend whose place the model's new one takes.
    """

    def __init__(
        self,
        pipeline: "Pipeline",
        config_path: Path,
        lock: "threading.Lock | None" = None,
        make_way: Callable[[], None] = lambda: None,
        training: Callable[[], bool] = lambda: False,
        steps: int | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.config_path = config_path
        self.make_way = make_way
        self.training = training
        self.steps = steps
        self.learned: LearnedClasses | None = None
        self.changed: Callable[[ClassLegend], None] = lambda former: None
        self._lock = lock if lock is not None else threading.Lock()
        self._learning = threading.Lock()

    def class_table(self) -> ClassTable:
        """The classes of the run's data; empty without any."""
        from nerfseg_ns.data.semantic_views import SEMANTICS, SemanticViews

        dataset: Any = self.pipeline.datamanager.train_dataset
        views = dataset.metadata.get(SEMANTICS)
        return views.class_table if isinstance(views, SemanticViews) else ClassTable(())

    def learn(
        self, objects: Sequence["SelectedObject"], scene: "LabelledScene", listener: "Listener"
    ) -> LearnedClasses:
        """Learn from objects; another browser's learning is waited for.

        Args:
            objects: those without a class are left out.
            scene: the training views of the run.
            listener: told of the progress.

        Raises:
            InputError: no object has a class, the run is still training or cannot learn classes, or training failed.
            SelectionCancelled: see :class:`~nerfseg_ns.selection.selector.Listener`; nothing is left behind.
        """
        if self.training():
            raise InputError(
                "the run is still training, and what is learned now would be of another geometry; wait until it has "
                "ended, or stop it and open it with nerfseg viewer. Save prompts keeps your clicks"
            )
        from nerfseg_ns.nerf.second_stage import learner_config
        from nerfseg_ns.selection.click_labels import ClickLabels

        learner_config(self.config_path)  # first: it says which runs can
        labels = ClickLabels.of(objects, self.class_table())
        while not self._learning.acquire(timeout=0.2):
            listener.step("waiting for other learning", 0, 0)
        try:
            former = self._learn(labels, scene, listener)
        finally:
            self._learning.release()
        self.changed(former)
        assert self.learned is not None
        return self.learned

    def _learn(self, labels: Any, scene: "LabelledScene", listener: "Listener") -> "ClassLegend":
        from nerfseg_ns.nerf.learned_classes import read_learned, take_classes
        from nerfseg_ns.nerf.second_stage import SecondStage
        from nerfseg_ns.selection.prompts_file import write_prompts
        from nerfseg_ns.viewer.shared_renderer import borrowed

        model: Any = self.pipeline.model
        run = SecondStage.beside(self.config_path, self.steps)
        try:
            if not labels.write(scene, run.labels, listener):
                run.discard()
                raise InputError(
                    f"no pixel of the training views shows an object with a class and {labels.confidence:g} of the "
                    "votes; lower the objects' thresholds or segment them again"
                )
            write_prompts(run.folder / "prompts.json", [selected.prompt for selected in labels.objects])
            run.train(lambda done, total: listener.step("learning classes", done, total))
            learned = read_learned(model, run.config_path, labels.table)
        except InputError:
            raise  # its log says more
        except BaseException:
            run.discard()
            raise
        former = model.class_legend
        with borrowed(self._lock, self.make_way):
            take_classes(model, learned)
        self.learned = LearnedClasses(run.folder, labels.table)
        return former
