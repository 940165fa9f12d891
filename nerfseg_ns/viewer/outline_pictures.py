"""Pictures of what prompts mean in their first views, kept so that undo finds them again."""

import base64
import io
from collections.abc import Callable
from dataclasses import replace

from nerfseg_ns.selection.prompts import ObjectPrompt
from nerfseg_ns.viewer.mask_picture import mask_picture
from nerfseg_ns.viewer.panel_note import plain
from nerfseg_ns.viewer.workbench import Preview

KEPT = 16
"""Pictures kept for undo."""


class OutlinePictures:
    """Markdown of pictures by prompt; renaming an object does not change its picture.

    Args:
        preview: makes the mask of a prompt in its first view.
    """

    def __init__(self, preview: Callable[[ObjectPrompt], Preview]) -> None:
        self._preview = preview
        self._kept: dict[ObjectPrompt, str] = {}

    def get(self, prompt: ObjectPrompt) -> str | None:
        """The picture of a prompt, None when it was not drawn."""
        return self._kept.get(replace(prompt, name=""))

    def draw(self, prompt: ObjectPrompt, colour: tuple[int, int, int]) -> None:
        """Draw the picture of a prompt with views.

        Args:
            prompt: its first view is shown.
            colour: of the object, RGB 0..255.

        Raises:
            InputError: what :meth:`~nerfseg_ns.selection.selector.Selector.first_mask` raises.
        """
        preview = self._preview(prompt)
        stream = io.BytesIO()
        mask_picture(preview.image, preview.mask, prompt.views[0], colour).save(stream, "JPEG", quality=88)
        encoded = base64.b64encode(stream.getvalue()).decode("ascii")
        while len(self._kept) >= KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[replace(prompt, name="")] = (
            f"![mask](data:image/jpeg;base64,{encoded})\n\nView {plain(preview.view)}"
        )
