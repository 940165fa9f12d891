"""A sheet that shows an object in its prompted views and in some others."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from nerfseg_ns.selection.prompts import ObjectPrompt, ViewPrompt
from nerfseg_ns.selection.scene import Scene

OBJECT = (255, 176, 0)
_INSIDE, _OUTSIDE, _BOX = (40, 200, 80), (230, 40, 50), (0, 190, 255)
_PAGE, _INK, _FAINT = (255, 255, 255), (28, 32, 38), (110, 116, 125)
_GAP, _TITLE, _CAPTION = 6, 26, 20
_COLUMNS = 3


def shown_views(prompted: Sequence[int], pixels: Sequence[int], count: int) -> list[int]:
    """The prompted views, then others that show the object, spread evenly over those that show it well.

    Args:
        prompted: numbers of the views with prompts.
        pixels: of the object in every view.
        count: views in all; more when more are prompted.
    """
    most = max(pixels, default=0)
    others = [view for view, size in enumerate(pixels) if view not in prompted and size > 0 and size >= most / 4]
    wanted = max(0, min(count - len(prompted), len(others)))
    return [*prompted, *(others[round((i + 0.5) * len(others) / wanted - 0.5)] for i in range(wanted))]


def overlay_sheet(
    scene: Scene, prompt: ObjectPrompt, masks: Sequence[Bool[np.ndarray, "h w"]], count: int = 6, tile_width: int = 320
) -> Image.Image:
    """Draw an object over the images of some views: the object tinted and outlined, with clicks and boxes.

    Args:
        scene: the views.
        prompt: of the object; green clicks are on it, red ones beside it.
        masks: of every view.
        count: views to show.
        tile_width: width of a picture, pixels.
    """
    names = list(scene.names)
    prompts = {names.index(view.view): view for view in prompt.views}
    pixels = [int(mask.sum()) for mask in masks]
    views = shown_views(list(prompts), pixels, count)
    tiles = [_tile(scene.image(view), masks[view], prompts.get(view), tile_width) for view in views]
    columns = min(_COLUMNS, len(tiles))
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    width = columns * (tile_width + _GAP) + _GAP
    height = _TITLE + sum(max(tile.height for tile in row) + _CAPTION + _GAP for row in rows)
    sheet = Image.new("RGB", (width, height), _PAGE)
    draw = ImageDraw.Draw(sheet)
    seen = sum(size > 0 for size in pixels)
    title = f"{prompt.name}: in {seen} of {len(names)} views"
    draw.text((_GAP, _TITLE / 2), title, _INK, ImageFont.load_default(size=15), anchor="lm")
    y, shown = _TITLE, iter(views)
    for row in rows:
        tallest = max(tile.height for tile in row)
        for column, tile in enumerate(row):
            view = next(shown)
            x = _GAP + column * (tile_width + _GAP)
            sheet.paste(tile, (x, y))
            caption = f"{names[view]}{' (prompted)' if view in prompts else ''}: {pixels[view]} pixels"
            middle = y + tallest + _CAPTION / 2
            draw.text((x + tile_width / 2, middle), caption, _FAINT, ImageFont.load_default(size=13), anchor="mm")
        y += tallest + _CAPTION + _GAP
    return sheet


def _tile(image: np.ndarray, mask: np.ndarray, prompt: ViewPrompt | None, width: int) -> Image.Image:
    scale = width / mask.shape[1]  # prompts are in pixels of the camera, which the mask has
    size = (width, max(1, round(mask.shape[0] * scale)))
    tile = Image.fromarray(image).resize(size, Image.Resampling.LANCZOS)
    area = Image.fromarray(mask.astype(np.uint8) * 255).resize(size, Image.Resampling.NEAREST)
    tile.paste(Image.blend(tile, Image.new("RGB", size, OBJECT), 0.35), mask=area)
    edge = Image.fromarray(np.array(area.filter(ImageFilter.MaxFilter(5))) - np.array(area))
    tile.paste(OBJECT, mask=edge)
    if prompt is None:
        return tile
    draw = ImageDraw.Draw(tile)
    if prompt.box is not None:
        draw.rectangle(tuple(value * scale for value in prompt.box), outline=_BOX, width=2)
    for x, y, label in prompt.points:
        x, y = x * scale, y * scale
        draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill=_INSIDE if label else _OUTSIDE, outline=_PAGE, width=2)
    return tile
