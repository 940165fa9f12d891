"""``nerfseg export vectors``: polygons of classes or objects, with area, height and class."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import tyro

from nerfseg_ns.core.class_table import IGNORE
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.near_matches import did_you_mean
from nerfseg_ns.core.whole_file import refuse_existing
from nerfseg_ns.exports.geotiff import raster_io
from nerfseg_ns.exports.map_folder import MapFolder
from nerfseg_ns.exports.map_layers import NO_OBJECT, LayerName
from nerfseg_ns.exports.map_options import MapOptions
from nerfseg_ns.exports.raster_regions import Region, connected_regions, geometry_package, joined, simplified, true_area
from nerfseg_ns.exports.region_survey import RegionFigures, RegionSurvey
from nerfseg_ns.exports.vector_file import Attributes, vector_io, write_geojson, write_geopackage

Of = Literal["classes", "objects"]
Format = Literal["gpkg", "geojson", "both"]

_LAYER: dict[Of, LayerName] = {"classes": "class", "objects": "objects"}
_RENDERED: dict[Of, tuple[LayerName, ...]] = {
    "classes": ("class", "confidence", "height"),
    "objects": ("objects", "class", "confidence", "height"),
}


@dataclass(kw_only=True)
class VectorOptions(MapOptions):
    """Options of ``nerfseg export vectors``."""

    output_dir: Path
    """Where the files go."""
    load_config: Path | None = None
    """The config.yml of the run, of which a map is rendered first. It can run code: load only files that you trust."""
    gsd: float | None = None
    """Side of a pixel of that map, in metres of the map."""
    from_: Annotated[Path | None, tyro.conf.arg(name="from", metavar="DIR")] = None
    """A finished map of nerfseg export orthomap, in place of --load-config and --gsd."""
    of: Of = "classes"
    """What the polygons are of."""
    classes: tuple[str, ...] = ()
    """Only these classes, by name. Unset: all."""
    simplify: float | None = None
    """Leave corners out as long as the outline moves by less than this, metres of the map; 0 keeps the pixels' edges.
    Unset: one pixel."""
    minimum_area: float = 0.0
    """Square metres of the map; what is smaller goes to its largest neighbour."""
    format: Format = "both"
    """gpkg: in map coordinates; geojson: in longitude and latitude."""
    overwrite: bool = False
    """Replace existing files."""


@dataclass(frozen=True, eq=False)
class VectorFeature:
    """A polygon and what is known of it.

    Args:
        value: class or object id.
        outline: shapely geometry in map coordinates.
        area: on the ground, square metres.
        figures: heights, confidence, class.
    """

    value: int
    outline: Any
    area: float
    figures: RegionFigures


def main(arguments: list[str]) -> None:
    """Run the command.

    Raises:
        InputError: a mistake in the options, the files or the run.
    """
    options = tyro.cli(
        VectorOptions,
        args=arguments,
        prog="nerfseg export vectors",
        description="Write polygons of classes (one for each connected region) or of objects (one for each object) "
        "with area, height, confidence and class: classes.gpkg, classes.geojson, objects.gpkg or objects.geojson. The "
        "map they are drawn from is left in OUTPUT-DIR/orthomap.",
    )
    for path in vectors(options):
        print(path)


def vectors(options: VectorOptions) -> list[Path]:
    """Write the polygons.

    Returns:
        The files.

    Raises:
        InputError: options that contradict each other or are out of range, an unknown class, a map without the layer,
            nothing to draw, files that exist; and see :func:`~nerfseg_ns.exports.map_rendering.render_map`.
    """
    for name in ("simplify", "minimum_area"):
        value = getattr(options, name)
        if value is not None and not value >= 0:
            raise InputError(f"--{name.replace('_', '-')} {value:g}: expected 0 or more")
    endings = ("gpkg", "geojson") if options.format == "both" else (options.format,)
    files = {ending: options.output_dir / f"{options.of}.{ending}" for ending in endings}
    if not options.overwrite:
        refuse_existing(list(files.values()))
    vector_io(), geometry_package()
    folder = _map(options)
    crs = folder.projection.crs
    if crs is None and "geojson" in files:
        if options.format == "geojson":
            raise InputError(
                "--format geojson: it holds longitude and latitude, and nothing says where on the Earth the scene "
                "lies; add --origin LATITUDE LONGITUDE ALTITUDE when you render the map, or take --format gpkg"
            )
        print("note: without a place on the Earth there is no GeoJSON, only a GeoPackage", file=sys.stderr)
        del files["geojson"]
    features = map_features(folder, options)
    outlines, attributes = [feature.outline for feature in features], feature_table(features, folder, options.of)
    if "gpkg" in files:
        write_geopackage(files["gpkg"], options.of, outlines, attributes, crs)
    if "geojson" in files and crs is not None:
        write_geojson(files["geojson"], options.of, outlines, attributes, crs)
    return list(files.values())


def map_features(folder: MapFolder, options: VectorOptions) -> list[VectorFeature]:
    """The polygons of a map.

    Raises:
        InputError: an unknown class, a map without the layer, nothing to draw.
    """
    chosen = _chosen_classes(folder, options)
    with raster_io().open(folder.layer(_LAYER[options.of])) as file:
        values = file.read(1)
    # what lies between objects is a region, too: specks go to it
    valid = values != IGNORE if options.of == "classes" else np.ones(values.shape, dtype=bool)
    regions = connected_regions(values, valid, folder.grid, options.minimum_area)
    if options.of == "objects":
        regions = joined([region for region in regions if region.value != NO_OBJECT])
    elif chosen is not None:
        regions = [region for region in regions if region.value in chosen]
    tolerance = folder.grid.gsd if options.simplify is None else options.simplify
    with RegionSurvey(folder) as survey:
        features = [_feature(region, survey, folder, tolerance) for region in regions]
    if options.of == "objects" and options.classes:
        features = [one for one in features if _class_of(folder, one.value, one.figures.class_id) in options.classes]
    if not features:
        ids = np.unique(values[valid & (values != NO_OBJECT)] if options.of == "objects" else values[valid])
        there = [_name(folder, options.of, value) for value in ids]
        raise InputError(
            f"{folder.path}: nothing to draw: no region of {' or '.join(options.classes) or options.of} with "
            f"{options.minimum_area:g} square metres; the map shows {', '.join(there) or 'nothing'}"
        )
    return features


def feature_table(features: Sequence[VectorFeature], folder: MapFolder, of: Of) -> Attributes:
    """The fields of the polygons: id, name, class, area, heights, confidence."""
    figures = [feature.figures for feature in features]
    own = [feature.value for feature in features]
    named: dict[str, Sequence[Any]]
    if of == "classes":
        named = {"class_id": own, "class_name": [_name(folder, of, value) for value in own]}
    else:
        ids = [one.class_id for one in figures]
        named = {
            "object_id": own,
            "object_name": [_name(folder, of, value) for value in own],
            "class_name": [_class_of(folder, number, value) for number, value in zip(own, ids)],
        }
    return {
        "id": list(range(1, len(features) + 1)),
        **named,
        "area_m2": [round(feature.area, 2) for feature in features],
        "height_m": [_rounded(one.height) for one in figures],
        "ground_m": [_rounded(one.ground) for one in figures],
        "top_m": [_rounded(one.top) for one in figures],
        "confidence": [_rounded(one.confidence) for one in figures],
    }


def _map(options: VectorOptions) -> MapFolder:
    if options.from_ is not None:
        if options.load_config is not None or options.gsd is not None:
            raise InputError("--from names a finished map: leave --load-config and --gsd out, or leave --from out")
        return MapFolder.read(options.from_)
    if options.load_config is None or options.gsd is None:
        raise InputError(
            "expected --load-config CONFIG and --gsd METRES, or --from DIR, a finished nerfseg export orthomap"
        )
    from nerfseg_ns.exports.map_rendering import render_map

    try:
        return render_map(
            options.load_config,
            options,
            options.gsd,
            _RENDERED[options.of],
            options.output_dir / "orthomap",
            options.overwrite,
            needed=_LAYER[options.of],
        )
    except KeyboardInterrupt:
        print("finished tiles are kept: the same command goes on from there", file=sys.stderr)
        raise


def _chosen_classes(folder: MapFolder, options: VectorOptions) -> set[int] | None:
    if not options.classes:
        return None
    names = () if folder.classes is None else folder.classes.names
    known = [*names, *(name for name in folder.object_classes if name is not None and options.of == "objects")]
    for name in options.classes:
        if name not in known:
            raise InputError(f"--classes {name}: the map has no such class; {did_you_mean(name, known)}")
    return {names.index(name) for name in options.classes if name in names}


def _feature(region: Region, survey: RegionSurvey, folder: MapFolder, tolerance: float) -> VectorFeature:
    figures = survey.figures(region.outline)
    outline = simplified(region.outline, tolerance)
    height = figures.top if figures.top is not None else folder.heights[0]
    return VectorFeature(region.value, outline, true_area(outline, folder.projection, height), figures)


def _name(folder: MapFolder, of: Of, value: int) -> str:
    if of == "classes":
        return str(value) if folder.classes is None else folder.classes.names[value]
    return folder.objects[value - 1]


def _class_of(folder: MapFolder, number: int, most: int | None) -> str | None:
    """What an object is: what its prompts say, or else the class of most of its pixels."""
    said = folder.object_classes[number - 1]
    return said if said is not None or most is None else _name(folder, "classes", most)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
