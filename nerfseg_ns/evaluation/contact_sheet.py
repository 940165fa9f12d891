"""A contact sheet of evaluated views: what was captured, what was labelled, what was rendered, what is wrong."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from nerfseg_ns.core.class_colours import label_colours, washed_out
from nerfseg_ns.core.class_table import IGNORE, ClassTable
from nerfseg_ns.evaluation.view_scores import ShownView

_PAGE = (255, 255, 255)
_INK = (28, 32, 38)
_FAINT = (110, 116, 125)
_WRONG = (214, 34, 48)
_NO_LABEL = (255, 255, 255)
_GAP = 6
_HEADER = 28
_GUTTER = 118
_LEGEND_ROW = 26


def contact_sheet(views: Sequence[ShownView], class_table: ClassTable | None, tile_width: int = 288) -> Image.Image:
    """One row per view, with a legend of the classes below.

    With semantics the columns are image, label, prediction and errors (wrong pixels red on a pale view; pixels
    without a label white in both). Without semantics they are image, rendered view and difference.

    Args:
        views: the views to show; at least one.
        class_table: names and colours of the classes.
        tile_width: width of a picture on the sheet, pixels; smaller pictures are not enlarged beyond twice their size.

    Raises:
        ValueError: no view.
    """
    if not views:
        raise ValueError("a contact sheet needs at least one view")
    semantic = class_table is not None and any(view.prediction is not None for view in views)
    titles = ["image", "label", "prediction", "errors"] if semantic else ["image", "rendered", "difference"]
    rows = [
        [_tile(picture, tile_width, smooth) for picture, smooth in _pictures(view, class_table if semantic else None)]
        for view in views
    ]
    heights = [row[0].height for row in rows]
    widths = [max(row[column].width for row in rows) for column in range(len(titles))]
    width = _GUTTER + sum(widths) + _GAP * (len(titles) + 1)

    legend = _legend_entries(views, class_table) if semantic and class_table is not None else []
    columns, legend_height = _legend_layout(legend, width)
    height = _HEADER + sum(heights) + _GAP * (len(rows) + 1) + legend_height

    sheet = Image.new("RGB", (width, height), _PAGE)
    draw = ImageDraw.Draw(sheet)
    x = _GUTTER + _GAP
    for title, column_width in zip(titles, widths, strict=True):
        draw.text((x + column_width / 2, _HEADER / 2), title, _INK, ImageFont.load_default(size=15), anchor="mm")
        x += column_width + _GAP
    y = _HEADER
    for view, row, row_height in zip(views, rows, heights, strict=True):
        _caption(draw, view, y + row_height / 2)
        x = _GUTTER + _GAP
        for tile, column_width in zip(row, widths, strict=True):
            sheet.paste(tile, (x, y))
            draw.rectangle((x - 1, y - 1, x + tile.width, y + tile.height), outline=(205, 209, 214))
            x += column_width + _GAP
        y += row_height + _GAP
    _draw_legend(draw, legend, columns, y + _GAP, width)
    return sheet


def _pictures(view: ShownView, class_table: ClassTable | None) -> list[tuple[UInt8[Tensor, "h w 3"], bool]]:
    """The pictures of a row, each with whether it may be smoothed when it is made smaller."""
    if class_table is None:
        difference = (view.image.float() - view.rendered.float()).abs().mean(dim=-1, keepdim=True)
        return [(view.image, True), (view.rendered, True), (_bytes(1.0 - difference / 255.0).expand(-1, -1, 3), True)]
    blank = torch.full_like(view.image, 255)
    no_label = torch.tensor(_NO_LABEL) / 255.0
    label = prediction = errors = blank
    if view.label is not None:
        label = _bytes(label_colours(view.label, class_table.colours, no_label))
    if view.prediction is not None:
        prediction = _bytes(label_colours(view.prediction, class_table.colours, no_label))
    if view.label is not None and view.prediction is not None:
        errors = _errors(view.image, view.label, view.prediction)
    return [(view.image, True), (label, False), (prediction, False), (errors, False)]


def _errors(
    image: UInt8[Tensor, "h w 3"], label: UInt8[Tensor, "h w"], prediction: UInt8[Tensor, "h w"]
) -> UInt8[Tensor, "h w 3"]:
    picture = washed_out(image.float() / 255.0)
    unlabelled = label == IGNORE
    picture = torch.where(((label != prediction) & ~unlabelled)[..., None], torch.tensor(_WRONG) / 255.0, picture)
    return _bytes(torch.where(unlabelled[..., None], torch.tensor(_NO_LABEL) / 255.0, picture))


def _bytes(picture: Float[Tensor, "h w c"]) -> UInt8[Tensor, "h w c"]:
    return (picture * 255.0).round().clamp(0, 255).to(torch.uint8)


def _tile(picture: UInt8[Tensor, "h w 3"], tile_width: int, smooth: bool) -> Image.Image:
    image = Image.fromarray(picture.contiguous().numpy())
    width = min(tile_width, 2 * image.width)
    size = (width, max(1, round(image.height * width / image.width)))
    if size == image.size:
        return image
    # Class colours must not be mixed: a blend of two classes would be the colour of a third.
    return image.resize(size, Image.Resampling.LANCZOS if smooth else Image.Resampling.NEAREST)


def _caption(draw: ImageDraw.ImageDraw, view: ShownView, middle: float) -> None:
    accuracy = view.score.overall_accuracy
    lines = [
        (_shortened(view.score.name), 15, _INK),
        (f"PSNR {view.score.psnr:.1f} dB", 13, _FAINT),
        (f"SSIM {view.score.ssim:.2f}", 13, _FAINT),
    ]
    if accuracy is not None:
        lines.insert(1, (f"{100 * accuracy:.1f} % right", 13, _INK))
    y = middle - 10 * (len(lines) - 1)
    for text, size, colour in lines:
        draw.text((_GUTTER - 4, y), text, colour, ImageFont.load_default(size=size), anchor="rm")
        y += 20


def _shortened(name: str, length: int = 13) -> str:
    return name if len(name) <= length else f"…{name[-length + 1 :]}"


Entry = tuple[str, tuple[int, int, int]]


def _legend_entries(views: Sequence[ShownView], class_table: ClassTable) -> list[Entry]:
    """The classes that occur on the sheet, then what else its colours mean."""
    pictures = [picture for view in views for picture in (view.label, view.prediction) if picture is not None]
    occurring = set(torch.cat([picture.flatten() for picture in pictures]).unique().tolist())
    entries: list[Entry] = [(c.name, c.rgb) for c in class_table.classes if c.id in occurring]
    if IGNORE in occurring or any(view.label is None for view in views):
        entries.append(("no label", _NO_LABEL))
    return [*entries, ("wrong", _WRONG)]


def _legend_layout(entries: Sequence[Entry], width: int) -> tuple[int, int]:
    """Columns, and height in pixels, of the legend."""
    if not entries:
        return 1, 0
    font = ImageFont.load_default(size=14)
    widest = max(font.getlength(name) for name, _ in entries) + 44
    columns = max(1, int((width - 2 * _GAP) // widest))
    return columns, _LEGEND_ROW * -(-len(entries) // columns) + 2 * _GAP


def _draw_legend(draw: ImageDraw.ImageDraw, entries: Sequence[Entry], columns: int, top: int, width: int) -> None:
    cell = (width - 2 * _GAP) / columns
    for index, (name, colour) in enumerate(entries):
        x = _GAP + (index % columns) * cell + 4
        y = top + (index // columns) * _LEGEND_ROW
        draw.rounded_rectangle((x, y + 4, x + 22, y + _LEGEND_ROW - 6), 3, fill=colour, outline=(150, 155, 162))
        draw.text((x + 30, y + _LEGEND_ROW / 2 - 1), name, _INK, ImageFont.load_default(size=14), anchor="lm")
