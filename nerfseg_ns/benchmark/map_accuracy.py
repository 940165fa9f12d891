"""Row kind ``map``: an exported map against the true view from above."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nerfseg_ns.benchmark.row_kinds import MeasuredRow, RowKind, RowPlace, TableText
from nerfseg_ns.core.input_error import InputError


@dataclass(frozen=True)
class MapAccuracy:
    """What a row of this kind measures.

    The scene is a Google Earth Studio export with truth files, as ``nerfseg scene OUT --layout google-earth`` writes.

    Args:
        run_of: name of an earlier row of kind ``segmentation`` whose run is used.
        gsd: pixel size of the map, metres.
        crs: of the map; None: the UTM zone of the place.
        buildings: so many have their corners and heights measured, the largest that stand apart.
        minimum_views: training views that have to see a pixel.

    Raises:
        InputError: a number out of range.
    """

    run_of: str
    gsd: float = 0.25
    crs: str | None = None
    buildings: int = 10
    minimum_views: int = 1

    def __post_init__(self) -> None:
        if not self.gsd > 0:
            raise InputError(f"gsd {self.gsd:g}: expected above 0")
        for name, least in (("buildings", 1), ("minimum_views", 0)):
            if getattr(self, name) < least:
                raise InputError(f"{name} {getattr(self, name)}: expected {least} or more")


def _measure(settings: MapAccuracy, place: RowPlace) -> dict[str, Any]:
    from nerfseg_ns.benchmark.map_run import measure_map  # imports torch and nerfstudio

    return measure_map(settings, place)


def _table(rows: Sequence[MeasuredRow], baseline: MeasuredRow | None) -> TableText:
    cells = [
        [
            "",
            "corners, median",
            "corners found",
            "mIoU, middle / all",
            "overall accuracy, middle / all",
            "surface height, middle / all",
            "roofs, median",
            "building heights, median",
            "seen, middle / all",
        ]
    ]
    for row in rows:
        result, corners, middle = row.result, row.result["corners"], row.result["middle"]
        median = corners["median_m"]
        cells.append(
            [
                row.name,
                "–" if median is None else f"{median:.2f} m, {corners['median_pixels']:.1f} px",
                f"{corners['found']} of {corners['asked']}",
                f"{_share(middle['miou'])} / {_share(result['miou'])}",
                f"{_share(middle['overall_accuracy'])} / {_share(result['overall_accuracy'])}",
                f"{_metres(middle['height_median_m'])} / {_metres(result['height']['median_m'])}",
                _metres(result["roofs"]["median_m"]),
                _metres(result["building_heights"]["median_m"]),
                f"{middle['seen']:.0%} / {result['seen']:.0%}",
            ]
        )
    first = rows[0].result
    note = (
        f"Exported maps of {first['size_m']:.0f} m against the true view from above, pixel by pixel where a training "
        f"view sees the surface; the middle is the inner square of half the side. Corners of the "
        f"{first['corners']['buildings']} largest buildings that stand apart, anywhere: where lines fitted to the fall "
        "of the height along two edges meet. Heights are medians of absolute errors above the ellipsoid; building "
        "heights are those of the polygons (90 % inside less 10 % around)."
    )
    return TableText(cells, note)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _metres(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f} m"


map_accuracy = RowKind(
    settings=MapAccuracy,
    measure=_measure,
    table=_table,
    references=("run_of",),
)
