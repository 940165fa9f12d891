"""Gaussians along rays that are no pixels, and what exports see of them."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from nerfstudio.cameras.rays import RayBundle

from nerfseg_ns.core.georeference import MapProjection
from nerfseg_ns.core.scene_frame import SceneFrame
from nerfseg_ns.exports.orthographic_view import NO_HEIGHT, OrthographicView
from nerfseg_ns.exports.view_renderer import ViewRenderer
from nerfseg_ns.splats.gaussian_rays import contributions_of_rays, ray_outputs
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.harmonics import CONSTANT


def two_on_an_axis() -> Gaussians:
    """Round ones at z = 2 and z = 1, white and black, of opacity 0.6 and 0.5."""
    return Gaussians(
        torch.tensor([[0.0, 0.0, 2.0], [0.0, 0.0, 1.0]]),
        torch.full((2, 3), math.log(0.1)),
        torch.tensor([[1.0, 0.0, 0.0, 0.0]]).expand(2, 4),
        torch.logit(torch.tensor([0.6, 0.5])),
        torch.tensor([[[0.5 / CONSTANT] * 3], [[-0.5 / CONSTANT] * 3]]),
    )


def test_weights_along_a_ray_are_those_worked_out_by_hand():
    down, x = torch.tensor([[0.0, 0.0, -1.0]]), 0.15
    found = contributions_of_rays(two_on_an_axis(), torch.tensor([[x, 0.0, 3.0]]), down)
    falloff = math.exp(-0.5 * (x / 0.1) ** 2)
    first, second = 0.6 * falloff, 0.5 * falloff
    assert found.gaussians.tolist() == [0, 1] and found.pixels.tolist() == [0, 0]
    assert found.weights.tolist() == pytest.approx([first, (1 - first) * second], rel=1e-5)


@pytest.mark.parametrize("near, far, wanted", [(0.0, 1.5, [0]), (1.5, 9.0, [1]), (2.5, 9.0, []), (0.0, 0.5, [])])
def test_a_ray_meets_what_lies_between_its_ends(near, far, wanted):
    ends = torch.tensor([[near]]), torch.tensor([[far]])
    found = contributions_of_rays(
        two_on_an_axis(), torch.tensor([[0.0, 0.0, 3.0]]), torch.tensor([[0.0, 0.0, -1.0]]), *ends
    )
    assert found.gaussians.tolist() == wanted


def test_skipping_far_gaussians_changes_nothing(small_known):
    generator = torch.Generator().manual_seed(0)
    # no two at one height, so that rounding decides no order
    rough = small_known.gaussians.means + 0.01 * torch.randn(1500, 3, generator=generator)
    gaussians = replace(small_known.gaussians, means=rough)
    places = (torch.rand(700, 2, generator=generator) - 0.5) * 2
    origins = torch.cat([places, torch.full((700, 1), 1.0)], dim=1)
    down = torch.tensor([[0.0, 0.0, -1.0]]).expand(700, 3)
    results = []
    for ends in ((None, None), (torch.zeros(700, 1), torch.full((700, 1), 2.0))):
        found = contributions_of_rays(gaussians, origins, down, *ends)
        table = torch.zeros(700, 1500)
        table[found.pixels, found.gaussians] = found.weights
        results.append(table)
    assert int((results[0] > 0).sum()) > 2000
    torch.testing.assert_close(results[0], results[1], rtol=1e-3, atol=1e-5)


def test_no_rays_give_nothing(small_known):
    assert len(contributions_of_rays(small_known.gaussians, torch.zeros(0, 3), torch.zeros(0, 3)).weights) == 0


class OneModel:
    """As much of Splatfacto as rays need."""

    def __init__(self, gaussians: Gaussians) -> None:
        rest = torch.zeros(len(gaussians), 0, 3)
        parts = {"means": gaussians.means, "scales": gaussians.log_scales, "quats": gaussians.quaternions}
        self.gauss_params = {**parts, "opacities": gaussians.opacity_logits[:, None], "features_rest": rest}
        self.shs_0, self.device, self.training = gaussians.harmonics[:, 0], torch.device("cpu"), False
        self.config = type("Config", (), {"eval_num_rays_per_chunk": 64})

    def _get_background_color(self):
        return torch.zeros(3)

    def eval(self):
        return self

    def train(self, mode=True):
        return self


def test_a_map_shows_colours_and_heights_of_gaussians(known):
    # a ball of radius 0.2 around (0, 0, 0.2), red, on ground at height 0
    frame = SceneFrame(torch.eye(4)[:3], 1.0)
    view = OrthographicView(OneModel(known.gaussians), frame, MapProjection(None, None), (-0.5, 1.0))
    pixels = view.render(np.array([[0.0, 0.0], [-0.6, -0.6], [0.0, -0.7], [5.0, 5.0]]))
    assert pixels.height[0] == pytest.approx(0.4, abs=0.06)
    assert pixels.height[1] == pytest.approx(0.0, abs=0.03) and pixels.height[2] == pytest.approx(0.0, abs=0.03)
    assert pixels.height[3] == NO_HEIGHT and pixels.solid.tolist() == [True, True, True, False]
    assert pixels.rgb[0][0] > 180 and pixels.rgb[0][1] < 60
    assert pixels.rgb[1][1] > pixels.rgb[1][0]
    lower = view.render(np.array([[0.0, 0.0]]), np.array([0.1]))  # begins inside the ball
    assert lower.height[0] < 0.1


def test_rays_through_pixels_show_what_the_view_shows(small_known):
    from nerfseg_ns.splats.reference_rasteriser import ReferenceRasteriser

    camera, gaussians = small_known.cameras[0], small_known.gaussians
    image, alpha = ReferenceRasteriser().render(gaussians, gaussians.colours(camera.centre), camera)
    directions = camera.directions()[::7, ::7].reshape(-1, 3)
    ends = torch.zeros(len(directions), 1), torch.full((len(directions), 1), 9.0)
    rays = RayBundle(
        camera.centre.expand_as(directions), directions, torch.ones_like(ends[0]), nears=ends[0], fars=ends[1]
    )
    outputs = ray_outputs(OneModel(gaussians), rays)
    solid = alpha[::7, ::7].flatten() > 0.9
    difference = (outputs["rgb"] - image[::7, ::7].reshape(-1, 3)).abs().mean(dim=-1)[solid]
    assert float(difference.median()) < 0.02  # rays have no pixel's width


def test_the_depth_of_exports_is_the_distance_along_the_ray(small_known):
    """Splatfacto's is that along the viewing axis: its points would lie on a curved ground."""
    from nerfstudio.cameras.cameras import Cameras

    class Looks(OneModel):
        def get_outputs_for_camera(self, camera):
            ground = -self.pinhole.centre[2] / self.pinhole.directions()[..., 2]
            axis = (self.pinhole.directions() @ -self.pinhole.c2w[:, 2]) * ground
            ones = torch.ones_like(axis)[..., None]
            return {"rgb": ones.expand(*axis.shape, 3), "depth": axis[..., None], "accumulation": ones}

    pinhole = replace(small_known.cameras[0], size=(48, 64), cx=32.0, cy=24.0)
    model = Looks(small_known.gaussians)
    model.pinhole = pinhole
    camera = Cameras(pinhole.c2w[None], pinhole.fx, pinhole.fy, pinhole.cx, pinhole.cy, 64, 48)[0:1]
    depth = ViewRenderer(model, None).render(camera).depth
    points = pinhole.points(depth)
    assert float(points[..., 2].abs().max()) < 1e-4
