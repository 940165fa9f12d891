"""The albedo of every material, fixed to the surfaces of the world."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from nerfseg_ns.scene.city_mesh import Material, SurfaceTable
from nerfseg_ns.scene.surface_texture import NoiseTexture, cell_noise, fade, stripe

Albedo = Float[np.ndarray, "points 3"]


@dataclass(frozen=True)
class SurfacePoints:
    """Points on surfaces of one material.

    Args:
        world: positions [m].
        uv: pattern coordinates on the surface [m].
        surface: rows of the surface table.
        footprint: side of the area that a sample stands for [m].
        table: all surfaces.
    """

    world: Float[np.ndarray, "points 3"]
    uv: Float[np.ndarray, "points 2"]
    surface: Int[np.ndarray, " points"]
    footprint: Float[np.ndarray, " points"]
    table: SurfaceTable

    @property
    def colour(self) -> Albedo:
        """Main colour per point."""
        return self.table.colour[self.surface]

    @property
    def accent(self) -> Albedo:
        """Second colour per point."""
        return self.table.accent[self.surface]

    @property
    def own_uv(self) -> Float[np.ndarray, "points 2"]:
        """Pattern coordinates shifted per surface, so that neighbours do not repeat each other."""
        shift = (self.surface.astype(np.float64) * 0.6180339887) % 1.0
        return self.uv + (shift * 61.0)[:, None].astype(np.float32)


class Materials:
    """Albedo patterns with their noise textures."""

    def __init__(self) -> None:
        self._fine = NoiseTexture(11, 0.35, 11.0)
        self._broad = NoiseTexture(12, 1.0, 47.0)
        self._clouds = NoiseTexture(13, 1.2, 211.0)
        self._patterns: dict[Material, Callable[[SurfacePoints], Albedo]] = {
            Material.PAINT: self._paint,
            Material.ASPHALT: self._asphalt,
            Material.ROAD_MARK: self._road_mark,
            Material.PAVING: self._paving,
            Material.CONCRETE: self._concrete,
            Material.FACADE: self._facade,
            Material.CURTAIN_WALL: self._curtain_wall,
            Material.FLAT_ROOF: self._flat_roof,
            Material.TILED_ROOF: self._tiled_roof,
            Material.GRASS: self._grass,
            Material.FOLIAGE: self._foliage,
            Material.WATER: self._water,
            Material.FIELD: self._field,
            Material.BRICK: self._brick,
            Material.SOLAR_PANEL: self._solar_panel,
            Material.GRAVEL: self._gravel,
        }

    def albedo(
        self,
        world: Float[np.ndarray, "points 3"],
        surface: Int[np.ndarray, " points"],
        footprint: Float[np.ndarray, " points"],
        table: SurfaceTable,
    ) -> Albedo:
        """Linear RGB reflectance at points on surfaces."""
        world = world.astype(np.float32)
        offset = world - table.origin[surface]
        u = np.einsum("ij,ij->i", offset, table.u_axis[surface])
        v = np.einsum("ij,ij->i", offset, table.v_axis[surface])
        uv = np.stack([u, v], axis=1)
        footprint = footprint.astype(np.float32)
        result = np.empty((len(world), 3), dtype=np.float32)
        material = table.material[surface]
        for kind in np.unique(material):
            rows = np.flatnonzero(material == kind)
            points = SurfacePoints(world[rows], uv[rows], surface[rows], footprint[rows], table)
            result[rows] = self._patterns[Material(kind)](points)
        return np.clip(result, 0.004, 0.92)

    def _speckle(self, at: np.ndarray, footprint: np.ndarray, fine: float, broad: float) -> np.ndarray:
        return (1.0 + fine * self._fine.sample(at, footprint) + broad * self._broad.sample(at, footprint))[:, None]

    def _paint(self, p: SurfacePoints) -> Albedo:
        return p.colour * self._speckle(p.own_uv, p.footprint, 0.03, 0.04)

    def _asphalt(self, p: SurfacePoints) -> Albedo:
        ground = p.world[:, :2]
        cell = np.floor(ground / np.array([5.5, 4.1], dtype=np.float32))
        inside: np.ndarray = ground - cell * np.array([5.5, 4.1], dtype=np.float32)
        patched = (cell_noise(cell[:, 0], cell[:, 1], 5) < 0.13) & (inside[:, 0] < 3.4) & (inside[:, 1] < 2.2)
        tar = np.abs(self._broad.sample(ground * 1.7, p.footprint)) < 0.035
        tone = self._speckle(ground, p.footprint, 0.10, 0.13) + 0.10 * self._clouds.sample(ground, p.footprint)[:, None]
        return p.colour * tone * np.where(patched, 0.72, 1.0)[:, None] * np.where(tar, 0.8, 1.0)[:, None]

    def _road_mark(self, p: SurfacePoints) -> Albedo:
        wear = np.clip(0.55 + 0.5 * self._broad.sample(p.world[:, :2] * 2.3, p.footprint), 0.0, 1.0)[:, None] * 0.3
        return p.colour * (1 - wear) + 0.13 * wear

    def _paving(self, p: SurfacePoints) -> Albedo:
        ground, size = p.world[:, :2], 1.2
        cell = np.floor(ground / size)
        sharp = fade(size, p.footprint)
        slab = (cell_noise(cell[:, 0], cell[:, 1], 9) - 0.5) * 0.24 * sharp
        w = p.footprint / size
        joint = np.maximum(stripe(ground[:, 0] / size, 0.0, 0.06, w), stripe(ground[:, 1] / size, 0.0, 0.06, w))
        tone = self._speckle(ground, p.footprint, 0.06, 0.09)
        return p.colour * tone * (1 + slab - 0.35 * joint)[:, None]

    def _concrete(self, p: SurfacePoints) -> Albedo:
        return p.colour * self._speckle(p.own_uv, p.footprint, 0.05, 0.10)

    def _wall(self, p: SurfacePoints) -> Albedo:
        """Plaster or brick with streaks that run down."""
        streaks = p.own_uv * np.array([1.0, 0.12], dtype=np.float32)
        tone = (
            self._speckle(p.own_uv, p.footprint, 0.07, 0.05)
            + 0.06 * self._broad.sample(streaks * 2.0, p.footprint)[:, None]
        )
        return p.colour * tone

    def _brick(self, p: SurfacePoints) -> Albedo:
        course = 0.34
        row = np.floor(p.uv[:, 1] / course)
        sharp = fade(course, p.footprint)
        brick = np.floor(p.uv[:, 0] / 0.9 + 0.5 * (row % 2))
        tone = 1 + (cell_noise(brick, row, p.surface) - 0.5) * 0.35 * sharp
        mortar = stripe(p.uv[:, 1] / course, 0.0, 0.14, p.footprint / course)[:, None] * 0.5
        return (self._wall(p) * tone[:, None]) * (1 - mortar) + p.accent * mortar

    def _facade(self, p: SurfacePoints) -> Albedo:
        pattern, extent = p.table.pattern[p.surface], p.table.extent[p.surface]
        bay_width, storey_height = extent[:, 0] / pattern[:, 0], extent[:, 1] / pattern[:, 1]
        x, y = p.uv[:, 0] / bay_width, p.uv[:, 1] / storey_height
        wx, wy = p.footprint / bay_width, p.footprint / storey_height
        share_x, share_y = np.abs(pattern[:, 2]), pattern[:, 3]
        ground_floor = (pattern[:, 2] < 0) & (y < 1.0)
        share_x = np.where(ground_floor, 0.86, share_x)
        low = np.where(ground_floor, 0.06, 0.30)
        high = np.where(ground_floor, 0.66, 0.30 + share_y)
        left, right = 0.5 - share_x / 2, 0.5 + share_x / 2
        opening = stripe(x, left, right, wx) * stripe(y, low, high, wy)
        margin_x, margin_y = 0.16 / bay_width, 0.14 / storey_height
        framed = stripe(x, left - margin_x, right + margin_x, wx) * stripe(y, low - margin_y, high + margin_y, wy)
        bar = stripe(x * 2, 0.46, 0.54, 2 * wx) * opening
        wall = self._wall(p)
        band = stripe(y, 0.0, 0.07, wy)[:, None] * 0.6
        wall = wall * (1 - band) + p.accent * band
        glass = self._glass(p, np.floor(x), np.floor(y), (y - np.floor(y) - low) / (high - low))
        sign = (stripe(y, 0.74, 0.93, wy) * ground_floor * stripe(x, 0.04, 0.96, wx))[:, None]
        hue = cell_noise(np.floor(x / 2), np.zeros_like(x), p.surface // 4)
        palette = np.array(
            [
                [0.5, 0.08, 0.06],
                [0.1, 0.28, 0.15],
                [0.1, 0.2, 0.42],
                [0.65, 0.45, 0.1],
                [0.7, 0.67, 0.6],
                [0.15, 0.14, 0.14],
            ]
        )
        wall = wall * (1 - sign) + palette[np.minimum((hue * 6).astype(int), 5)].astype(np.float32) * sign
        trim = np.clip(framed - opening + bar, 0, 1)[:, None]
        opening = np.clip(opening - bar, 0, 1)[:, None]
        return wall * np.clip(1 - trim - opening, 0, 1) + p.accent * trim + glass * opening

    def _glass(self, p: SurfacePoints, i: np.ndarray, j: np.ndarray, rise: np.ndarray) -> Albedo:
        """Panes: dark rooms, some with curtains or blinds, lighter towards the top."""
        draw = cell_noise(i, j, p.surface)
        tint = np.array([0.055, 0.085, 0.11], dtype=np.float32) * (0.6 + 1.3 * cell_noise(j, i, p.surface + 7))[:, None]
        tint = tint * (0.8 + 0.6 * np.clip(rise, 0, 1))[:, None]
        blind = ((draw > 0.76) & (rise > (draw - 0.76) * 3.5))[:, None]
        mean = np.array([0.12, 0.13, 0.135], dtype=np.float32)
        glass = np.where(blind, np.array([0.48, 0.44, 0.37], dtype=np.float32), tint)
        sharp = fade(2.6, p.footprint)[:, None]
        return glass * sharp + mean * (1 - sharp)

    def _curtain_wall(self, p: SurfacePoints) -> Albedo:
        pattern, extent = p.table.pattern[p.surface], p.table.extent[p.surface]
        bay_width, storey_height = extent[:, 0] / pattern[:, 0], extent[:, 1] / pattern[:, 1]
        x, y = p.uv[:, 0] / bay_width, p.uv[:, 1] / storey_height
        wx, wy = p.footprint / bay_width, p.footprint / storey_height
        sharp = fade(1.6, p.footprint)
        pane = 0.75 + 0.55 * (0.5 + (cell_noise(np.floor(x), np.floor(y), p.surface) - 0.5) * sharp)
        broad = 1 + 0.22 * self._broad.sample(p.own_uv * 0.8, p.footprint)
        spandrel = stripe(y, 0.0, 0.26, wy)[:, None] * 0.65
        mullion = stripe(x, 0.0, 0.11, wx)[:, None]
        glass = p.colour * (pane * broad)[:, None]
        glass = glass * (1 - spandrel) + p.accent * 0.55 * spandrel
        return glass * (1 - mullion) + p.accent * mullion

    def _flat_roof(self, p: SurfacePoints) -> Albedo:
        strip = 1.9
        lane = np.floor(p.uv[:, 0] / strip)
        tone = 1 + (cell_noise(lane, np.zeros_like(lane), p.surface) - 0.5) * 0.14 * fade(strip, p.footprint)
        seam = stripe(p.uv[:, 0] / strip, 0.0, 0.06, p.footprint / strip)
        stain = np.clip(self._broad.sample(p.own_uv * 1.3, p.footprint) - 0.5, 0, 1.5) * 0.22
        return p.colour * self._speckle(p.own_uv, p.footprint, 0.07, 0.07) * (tone - 0.3 * seam - stain)[:, None]

    def _tiled_roof(self, p: SurfacePoints) -> Albedo:
        course = 0.55
        row, column = np.floor(p.uv[:, 1] / course), np.floor(p.uv[:, 0] / 0.8)
        tone = 1 + (cell_noise(column, row, p.surface) - 0.5) * 0.36 * fade(course, p.footprint)
        shade = stripe(p.uv[:, 1] / course, 0.0, 0.22, p.footprint / course)
        moss = np.clip(self._broad.sample(p.own_uv, p.footprint) - 0.7, 0, 1)[:, None] * 0.35
        tiles = p.colour * self._speckle(p.own_uv, p.footprint, 0.08, 0.08) * (tone - 0.42 * shade)[:, None]
        return tiles * (1 - moss) + np.array([0.13, 0.15, 0.07], dtype=np.float32) * moss

    def _grass(self, p: SurfacePoints) -> Albedo:
        ground = p.world[:, :2]
        dry = np.clip(0.3 + 0.35 * self._broad.sample(ground * 1.4, p.footprint), 0, 1)[:, None]
        straw = np.array([0.31, 0.27, 0.12], dtype=np.float32)
        return (p.colour * (1 - 0.45 * dry) + straw * 0.45 * dry) * self._speckle(ground, p.footprint, 0.17, 0.10)

    def _foliage(self, p: SurfacePoints) -> Albedo:
        # a skewed projection of space onto the plane: no surface of a crown is seen edge-on by it for long
        flat = np.stack([p.world[:, 0] + 0.6 * p.world[:, 2], p.world[:, 1] + 0.8 * p.world[:, 2]], axis=1)
        leaves = (
            self._fine.sample(flat * 0.55, p.footprint) * 0.20 + self._fine.sample(flat * 1.4 + 3.1, p.footprint) * 0.16
        )
        tone = np.clip(1 + leaves, 0.35, 1.9)[:, None]
        warm = np.array([1.12, 1.03, 0.8], dtype=np.float32) ** np.clip(leaves * 2.0, -1, 1)[:, None]
        return p.colour * tone * warm

    def _water(self, p: SurfacePoints) -> Albedo:
        ripples = p.world[:, :2] * np.array([1.0, 0.45], dtype=np.float32)
        algae = np.clip(self._broad.sample(p.world[:, :2] * 2.0, p.footprint), 0, 2)[:, None] * 0.18
        water = p.colour * self._speckle(ripples * 1.3, p.footprint, 0.10, 0.16)
        return water * (1 - algae) + np.array([0.10, 0.17, 0.07], dtype=np.float32) * algae

    def _field(self, p: SurfacePoints) -> Albedo:
        """A patchwork of fields with crop rows; meadow near the city."""
        shift, edge = p.table.pattern[p.surface, :2], p.table.pattern[p.surface, 2]
        ground = p.world[:, :2]
        bent = ground + shift + 7.0 * self._clouds.sample(ground * 0.6, p.footprint)[:, None]
        band = np.floor(bent[:, 1] / 64.0)
        across = bent[:, 0] / 88.0 + 0.37 * band
        field = np.floor(across)
        crop = cell_noise(field, band, 21)
        kinds = np.array(
            [[0.19, 0.26, 0.075], [0.30, 0.31, 0.11], [0.44, 0.37, 0.17], [0.27, 0.20, 0.12], [0.23, 0.30, 0.09]],
            dtype=np.float32,
        )
        colour = kinds[np.minimum((crop * 5).astype(int), 4)]
        turned = np.where(cell_noise(field, band, 22) < 0.5, bent[:, 0], bent[:, 1])
        rows = (stripe(turned / 4.2, 0.0, 0.5, p.footprint / 4.2) - 0.5)[:, None] * np.where(crop > 0.35, 0.26, 0.0)[
            :, None
        ]
        hedge = np.maximum(
            stripe(across, 0.0, 2.6 / 88.0, p.footprint / 88.0),
            stripe(bent[:, 1] / 64.0, 0.0, 2.6 / 64.0, p.footprint / 64.0),
        )[:, None]
        colour = colour * (1 + rows) * (1 - hedge) + np.array([0.10, 0.15, 0.05], dtype=np.float32) * hedge
        distance = np.maximum(np.abs(ground[:, 0]), np.abs(ground[:, 1])) - edge
        meadow = np.clip(1.0 - (distance + 5.0 * self._clouds.sample(ground * 2, p.footprint) - 26.0) / 3.0, 0, 1)[
            :, None
        ]
        colour = p.colour * meadow * 0.9 + colour * (1 - meadow)
        tone = self._speckle(ground, p.footprint, 0.11, 0.12) + 0.08 * self._clouds.sample(ground, p.footprint)[:, None]
        return colour * tone

    def _solar_panel(self, p: SurfacePoints) -> Albedo:
        w = p.footprint / 0.7
        grid = np.maximum(
            stripe(p.uv[:, 0] / 0.7, 0.0, 0.1, w), stripe(p.uv[:, 1] / 0.55, 0.0, 0.1, p.footprint / 0.55)
        )[:, None]
        return p.colour * (1 - grid) + p.accent * grid

    def _gravel(self, p: SurfacePoints) -> Albedo:
        return p.colour * self._speckle(p.own_uv, p.footprint, 0.17, 0.08)
