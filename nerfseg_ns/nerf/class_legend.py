"""The viewer's class legend: which colour is which class, and a checkbox to hide each."""

import tempfile
from pathlib import Path

import torch
from jaxtyping import Bool
from nerfstudio.viewer.viewer_elements import ViewerCheckbox, ViewerElement
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor, nn
from viser import ViserServer

from nerfseg_ns.core.class_table import ClassTable


def legend_picture(class_table: ClassTable, row_height: int = 44, width: int = 560) -> Image.Image:
    """A colour swatch and a name per class on a transparent ground, in two columns where the names are short enough.

    Sizes are in pixels, twice those that the viewer's panel shows, so that the text is sharp on any screen.
    """
    font = ImageFont.load_default(size=row_height * 0.55)
    widest = max((font.getlength(entry.name) for entry in class_table.classes), default=0.0)
    columns = 2 if row_height * 1.5 + widest <= width / 2 else 1
    rows = max(-(-len(class_table) // columns), 1)
    picture = Image.new("RGBA", (width, rows * row_height))
    draw = ImageDraw.Draw(picture)
    pad = row_height // 6
    for entry in class_table.classes:
        x, y = (entry.id // rows) * (width // columns), (entry.id % rows) * row_height
        # an outline, because class colours may be as dark as the panel
        swatch = (x, y + pad, x + row_height - 2 * pad, y + row_height - pad)
        draw.rounded_rectangle(swatch, 6, fill=entry.rgb, outline=(140, 144, 150), width=2)
        draw.text((x + row_height, y + row_height // 2), entry.name, (222, 226, 230), font=font, anchor="lm")
    return picture


class ViewerPicture(ViewerElement[str]):
    """A fixed picture in the viewer's panel."""

    def __init__(self, picture: Image.Image, caption: str) -> None:
        super().__init__(caption)
        self.picture = picture

    def _create_gui_handle(self, viser_server: ViserServer) -> None:
        # viser reads the picture from a file while it adds the element, and inlines it
        with tempfile.TemporaryDirectory() as folder:
            self.picture.save(Path(folder) / "legend.png")
            self.gui_handle = viser_server.gui.add_markdown(f"![{self.name}](legend.png)", image_root=Path(folder))

    def install(self, viser_server: ViserServer) -> None:
        """Add the picture to the panel."""
        self._create_gui_handle(viser_server)


class ViewerNote(ViewerElement[str]):
    """A line of text in the viewer's panel that the program can change."""

    def __init__(self, text: str) -> None:
        super().__init__("note")
        self._text = text

    @property
    def text(self) -> str:
        """The text shown."""
        return self._text

    @text.setter
    def text(self, text: str) -> None:
        if text != self._text:
            self._text = text
            if self.gui_handle is not None:
                self.gui_handle.content = text

    def _create_gui_handle(self, viser_server: ViserServer) -> None:
        self.gui_handle = viser_server.gui.add_markdown(self._text)

    def install(self, viser_server: ViserServer) -> None:
        """Add the text to the panel."""
        self._create_gui_handle(viser_server)


class ClassLegend(nn.Module):
    """Elements that nerfstudio's viewer finds on the model: legend, training stage, a checkbox per class.

    Without parameters or buffers, so nothing of it enters a checkpoint.
    """

    def __init__(self, class_table: ClassTable | None) -> None:
        super().__init__()
        self.stage = ViewerNote("")
        self.names = []
        if class_table is not None:
            self.legend = ViewerPicture(legend_picture(class_table), "classes")
            # The viewer looks at attributes only (not into lists) and orders them by name.
            for entry in class_table.classes:
                name = f"visible_{entry.id:03d}"
                hint = f"Show {entry.name} in semantics_colormap and semantics_overlay"
                setattr(self, name, ViewerCheckbox(entry.name, True, cb_hook=self.read_ticks, hint=hint))
                self.names.append(name)

        self.read_ticks()

    @property
    def elements(self) -> list[ViewerElement]:
        """The picture and the boxes; none without classes."""
        return [self.legend, *(getattr(self, name) for name in self.names)] if self.names else []

    def read_ticks(self, _: ViewerElement | None = None) -> None:
        """Take over which boxes are ticked.

        The viewer calls this between two pictures, while it holds the lock that a render holds. Read at any other time,
        a box that is clicked in the middle of a picture would change the rest of it only.
        """
        self._visible = torch.tensor([getattr(self, name).value for name in self.names], dtype=torch.bool)

    @property
    def visible(self) -> Bool[Tensor, "classes"]:
        """Which classes are to be seen, in the order of their ids."""
        return self._visible
