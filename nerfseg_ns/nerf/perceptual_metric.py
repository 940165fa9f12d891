"""Models of other packages without LPIPS, whose weights are a download."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
from nerfstudio.engine.trainer import TrainerConfig

LPIPS_NOTE = "LPIPS was left out of the model while it was built: its weights are a download, and it is not measured"
_LPIPS = "LearnedPerceptualImagePatchSimilarity"


class NoPerceptualMetric(torch.nn.Module):
    """Stands in for LPIPS in a model that builds the metric when it is constructed."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__()

    def forward(self, *pictures: torch.Tensor) -> torch.Tensor:
        """Refuse to make up a figure."""
        raise RuntimeError(LPIPS_NOTE)


@contextmanager
def without_lpips(config: TrainerConfig) -> Iterator[bool]:
    """Let models of other packages be built without LPIPS, whose weights are a download of 244 MB.

    Yields:
        Whether anything was left out.
    """
    model_module = config.pipeline.model._target.__module__
    if model_module.startswith("nerfseg_ns."):
        yield False
        return
    with no_lpips(model_module):
        yield True


@contextmanager
def no_lpips(module: str) -> Iterator[None]:
    """The same for what a module of another package builds.

    Args:
        module: its name; it has been imported.
    """
    with ExitStack() as stack:
        stack.enter_context(mock.patch(f"torchmetrics.image.lpip.{_LPIPS}", NoPerceptualMetric))
        if hasattr(sys.modules[module], _LPIPS):
            stack.enter_context(mock.patch(f"{module}.{_LPIPS}", NoPerceptualMetric))
        yield
