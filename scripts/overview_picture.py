"""The README's picture, from what scripts/demo.sh left in demo/: python scripts/overview_picture.py [OUT.png]."""

import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

SIDE, GAP, CAPTION = 300, 6, 28
COLUMNS = ("captured (never trained on)", "rendered", "rendered classes")


def main(out: Path) -> None:
    """Compose captured, rendered and class pictures of two test views."""
    captured = sorted(Path("demo/scene/test/color").glob("*.png"))
    rendered = [sorted(Path("demo/renders/test", name).rglob("*.png")) for name in ("rgb", "semantics_colormap")]
    if not captured or any(len(files) != len(captured) for files in rendered):
        sys.exit("demo/ holds no finished demonstration; run: bash scripts/demo.sh")
    chosen = [len(captured) // 4, (2 * len(captured)) // 3]
    size = (3 * SIDE + 2 * GAP, CAPTION + len(chosen) * (SIDE + GAP) - GAP)
    sheet = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=15)
    for column, title in enumerate(COLUMNS):
        draw.text((column * (SIDE + GAP) + SIDE // 2, CAPTION // 2), title, "black", font=font, anchor="mm")
    for row, view in enumerate(chosen):
        for column, files in enumerate([captured, *rendered]):
            smooth = Image.Resampling.NEAREST if column == 2 else Image.Resampling.LANCZOS
            picture = Image.open(files[view]).convert("RGB").resize((SIDE, SIDE), smooth)
            sheet.paste(picture, (column * (SIDE + GAP), CAPTION + row * (SIDE + GAP)))
    out.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(256).save(out, optimize=True)  # a third of the bytes
    print(out)


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/pictures/overview.png"))
