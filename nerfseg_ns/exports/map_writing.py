"""From the tiles of a map to its GeoTIFF files."""

from collections.abc import Sequence
from colorsys import hsv_to_rgb

from nerfseg_ns.exports.geotiff import Category, write_cog
from nerfseg_ns.exports.map_folder import MapFolder, layer_file
from nerfseg_ns.exports.map_grid import Tile
from nerfseg_ns.exports.map_layers import LAYERS
from nerfseg_ns.exports.tile_store import TileStore
from nerfseg_ns.selection.selector import Listener

_NO_OBJECT = Category("no object", (0, 0, 0))


def any_seen(description: MapFolder, store: TileStore, tiles: Sequence[Tile]) -> bool:
    """Whether any pixel has a value.

    Args:
        description: of the map; one of objects alone counts as seen, since most places have none.
        store: has all tiles.
        tiles: of the map.
    """
    asked = [name for name in description.layers if name != "objects"]
    if not asked:
        return True
    nodata = LAYERS[asked[0]].nodata  # None: the last band is opacity
    return any(bool((store.read(tile)[asked[0]][-1] != (nodata or 0)).any()) for tile in tiles)


def write_layers(description: MapFolder, store: TileStore, tiles: Sequence[Tile], listener: Listener) -> None:
    """Write the files of all layers.

    Raises:
        InputError: rasterio is missing, a tile is damaged, or a file cannot be written.
    """
    for number, name in enumerate(description.layers):
        listener.step("writing the map", number, len(description.layers))
        write_cog(
            layer_file(description.path, name),
            LAYERS[name],
            description.grid,
            description.projection.crs,
            ((tile, store.read(tile)[name]) for tile in tiles),
            store.folder,
            categories(description, name),
            _tags(description, name),
        )
    listener.step("writing the map", len(description.layers), len(description.layers))


def categories(description: MapFolder, name: str) -> list[Category]:
    """Meaning and colour of the values 0, 1, ... of a layer; none for layers of numbers."""
    if name == "class" and description.classes is not None:
        return [Category(entry.name, entry.rgb) for entry in description.classes.classes]
    if name == "objects":
        return [_NO_OBJECT, *(Category(text, _colour(number)) for number, text in enumerate(description.objects))]
    return []


def _colour(number: int) -> tuple[int, int, int]:
    """Hues a golden angle apart, so that neighbours differ."""
    red, green, blue = hsv_to_rgb(number * 0.381966 % 1.0, 0.75, 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)


def _tags(description: MapFolder, name: str) -> dict[str, str]:
    tags = {"AREA_OR_POINT": "Area"}
    if name == "height":
        tags["HEIGHTS"] = f"metres above the {description.height_reference}"
        if description.projection.crs is None:
            tags["HEIGHTS"] = description.height_reference
    for value, entry in enumerate(categories(description, name)):
        tags[f"VALUE_{value}"] = entry.name  # for readers that do not know GDAL's .aux.xml
    return tags
