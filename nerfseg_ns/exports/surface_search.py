"""The surface of a map: the uppermost one below the cameras that the training views agree on.

Radiance fields have haze near cameras, which a vertical ray meets before the ground. A surface of haze is shown by the
one view that it was made for; others look through it, or do not have it in the picture, but show the ground below it.
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Bool, Float64

from nerfseg_ns.exports.observed_ground import ObservedGround, Sightings
from nerfseg_ns.exports.orthographic_view import GroundPixels, OrthographicView

CONFIRMED = 2
"""Views that show a surface for the search to end there."""
ROUNDS = 4
"""How often the search goes on below a surface that is not confirmed."""
STEP = 0.05
"""Where it goes on: so far below, as a share of the way from top to bottom."""


def find_surface(
    view: OrthographicView, ground: ObservedGround, places: Float64[np.ndarray, "rays 2"], minimum_views: int
) -> tuple[GroundPixels, Bool[np.ndarray, " rays"]]:
    """The first surface that :data:`CONFIRMED` views show; where there is none, the first that enough views show.

    Args:
        view: renders the vertical rays.
        ground: what the training views show.
        places: easting and northing.
        minimum_views: enough.

    Returns:
        What the rays met, and which of them have such a surface.
    """
    confirmed = max(CONFIRMED, minimum_views)
    found = view.render(places)
    seen = _sightings(ground, found)
    good = seen.agree(minimum_views)
    rows = np.flatnonzero(found.solid & ~seen.agree(confirmed))
    # pictures widen downwards: what is in none at the bottom is in none above it
    rays = view.rays(places[rows])
    rows = rows[ground.pictures(rays.origins + rays.directions * rays.fars).cpu().numpy()]
    last = found.height[rows]
    for _ in range(ROUNDS):
        below = last - STEP * (view.top - view.bottom)
        rows, below = rows[below > view.bottom], below[below > view.bottom]
        if len(rows) == 0:
            break
        further = view.render(places[rows], below)
        seen = _sightings(ground, further)
        sure = seen.agree(confirmed)
        better = sure | (seen.agree(minimum_views) & ~good[rows])
        found = found.with_rows(rows[better], further.rows(better))
        good[rows[better]] = True
        on = further.solid & ~sure
        rows, last = rows[on], further.height[on]
    return found, good


def _sightings(ground: ObservedGround, pixels: GroundPixels) -> Sightings:
    """Nobody shows what is no surface."""
    solid = torch.from_numpy(pixels.solid).to(pixels.surface.device)
    none = torch.zeros(len(solid), dtype=torch.long, device=solid.device)
    seen = Sightings(none, none.clone())
    if solid.any():
        there = ground.sightings(pixels.surface[solid])
        seen = replace(
            seen,
            showing=none.masked_scatter(solid, there.showing),
            looking_through=none.masked_scatter(solid, there.looking_through),
        )
    return seen
