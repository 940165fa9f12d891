"""The README's picture of one click, from what scripts/demo.sh left: python scripts/selection_picture.py [OUT.png].

Prompt and masks are the demonstration's. The city is rendered at four times the size of its images, to be sharp.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from nerfseg_ns.core.mask_prompts import bounding_box
from nerfseg_ns.scene.city import build_city
from nerfseg_ns.scene.command import split_flight
from nerfseg_ns.scene.renderer import Renderer
from nerfseg_ns.scene.trajectory import plan_flight
from nerfseg_ns.selection.overlay_sheet import OBJECT, shown_views
from nerfseg_ns.selection.prompts_file import read_prompts

SCALE, SIDE, GAP, CAPTION = 4, 320, 6, 28
SHARE = 0.55
"""How much of an image's side is shown."""
COLUMNS = ("one click", "the building in another view", "and another", "alone")
CLICK, GROUND = (20, 200, 70), (24, 28, 36)


def main(out: Path) -> None:
    """Compose the click, the object in two other views, and alone in a third."""
    if not Path("demo/done/object").exists():
        sys.exit("demo/ holds no demonstration with a selected object; run: bash scripts/demo.sh")
    settings = dict(word.split("=") for word in Path("demo/settings").read_text().split())
    (prompted,) = read_prompts(Path("demo/prompts.json"))
    (first,) = prompted.views
    files = sorted(Path("demo/objects/masks", prompted.name).glob("*.png"))
    names, small = [path.stem for path in files], [np.array(Image.open(path)) > 0 for path in files]
    prompt = names.index(first.view)
    pixels = [int(mask.sum()) * _whole(mask) for mask in small]
    others = shown_views([prompt], pixels, len(COLUMNS) - 1)[1:]
    largest = max((view for view in range(len(names)) if view not in (prompt, *others)), key=lambda view: pixels[view])
    views = [prompt, *others, largest]

    seed, side = int(settings["seed"]), SCALE * int(settings["size"])
    city = build_city(seed)
    renderer = Renderer(city)
    flight = plan_flight(len(split_flight(int(settings["views"]))), side, city.grid.half_size, city.roof_height, seed)
    tiles = []
    for view in views:
        image = Image.fromarray(renderer.render(flight[int(names[view])]).colour)
        area = Image.fromarray(small[view].astype(np.uint8) * 255).resize(image.size, Image.Resampling.BICUBIC)
        area = area.point(lambda value: 255 * (value > 127))
        if view == prompt:
            x, y, _ = first.points[0]
            image = _clicked(image, x * SCALE, y * SCALE)
        elif view != views[-1]:
            image = _highlighted(image, area)
        else:
            image = Image.composite(image, Image.new("RGB", image.size, GROUND), area)
        tiles.append(_around(image, small[view], SHARE if view != views[-1] else None))

    sheet = Image.new("RGB", (len(tiles) * (SIDE + GAP) - GAP, CAPTION + SIDE), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=17)
    for column, (tile, title) in enumerate(zip(tiles, COLUMNS)):
        left = column * (SIDE + GAP)
        draw.text((left + SIDE // 2, CAPTION // 2), title, "black", font=font, anchor="mm")
        sheet.paste(tile, (left, CAPTION))
    out.parent.mkdir(parents=True, exist_ok=True)
    # a third of the bytes; kmeans: the click has too few pixels for a colour of its own otherwise
    sheet.quantize(256, kmeans=2).save(out, optimize=True)
    print(out)


def _whole(mask: np.ndarray) -> bool:
    """Whether a mask touches no edge of its image."""
    return not (mask[[0, -1]].any() or mask[:, [0, -1]].any())


def _clicked(image: Image.Image, x: float, y: float) -> Image.Image:
    draw, radius = ImageDraw.Draw(image), image.width / 64
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), CLICK, "white", image.width // 200)
    return image


def _highlighted(image: Image.Image, area: Image.Image) -> Image.Image:
    """The object tinted and outlined, as on the sheets of `nerfseg segment`."""
    image.paste(Image.blend(image, Image.new("RGB", image.size, OBJECT), 0.35), mask=area)
    edge = np.array(area.filter(ImageFilter.MaxFilter(7))) - np.array(area)
    image.paste(OBJECT, mask=Image.fromarray(edge))
    return image


def _around(image: Image.Image, mask: np.ndarray, share: float | None) -> Image.Image:
    """A square with the object as near to its middle as the image allows; without a share the object fills it."""
    x0, y0, x1, y1 = (SCALE * corner for corner in bounding_box(mask))
    side = min(image.width, 1.15 * max(x1 - x0, y1 - y0) if share is None else share * image.width)
    left, top = (min(max((low + high - side) / 2, 0), image.width - side) for low, high in ((x0, x1), (y0, y1)))
    return image.resize((SIDE, SIDE), Image.Resampling.LANCZOS, (left, top, left + side, top + side))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures/selection.png"))
