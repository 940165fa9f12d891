"""Objects in pictures of Gaussians, as the viewer shows them."""

from dataclasses import replace

import pytest
import torch

from nerfseg_ns.core.object_votes import ObjectVotes
from nerfseg_ns.selection.mask_votes import vote_with_masks
from nerfseg_ns.splats.gaussian_views import draw_without_cuda
from nerfseg_ns.splats.model_gaussians import set_gaussians
from nerfseg_ns.splats.reference_rasteriser import ReferenceRasteriser
from nerfseg_ns.viewer.selection_rendering import COLOUR_SHARE, GROUND, SelectionRendering, ShownObjects


def splatfacto():
    """Nerfstudio's own model, on a CPU."""
    from nerfstudio.data.scene_box import SceneBox
    from nerfstudio.models.splatfacto import SplatfactoModel, SplatfactoModelConfig

    from nerfseg_ns.nerf.perceptual_metric import no_lpips

    config = SplatfactoModelConfig(num_random=8, random_init=True, sh_degree=1, background_color="black")
    box = SceneBox(aabb=torch.tensor([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0]]))
    with no_lpips(SplatfactoModel.__module__):
        model = config.setup(scene_box=box, num_train_data=3, metadata={})
    draw_without_cuda(model)
    return model


@pytest.fixture(scope="module")
def model(known_module, small_known):
    model = splatfacto()
    padded = torch.nn.functional.pad(small_known.gaussians.harmonics, (0, 0, 0, 3))
    set_gaussians(model, replace(small_known.gaussians, harmonics=padded))
    return model.eval()


@pytest.fixture(scope="module")
def ball(known_module, small_known):
    scene = known_module.KnownScene(small_known, ReferenceRasteriser())
    with torch.no_grad():
        masks = {view: small_known.masks(ReferenceRasteriser(), view)[..., :1] for view in range(8)}
    return vote_with_masks(scene, masks, ["red"])[0]


@pytest.fixture
def picture(model, small_known, ball):
    """mode -> rgb of view 1."""
    from nerfstudio.cameras.cameras import Cameras

    view = small_known.cameras[1]
    height, width = view.size
    camera = Cameras(view.c2w[None], view.fx, view.fy, view.cx, view.cy, width, height)[0:1]
    shown = {}
    rendering = SelectionRendering(model, lambda: shown.get("now"))
    rendering.install()

    def draw(mode, objects=None):
        chosen = ((ball, (255, 255, 255)),) if objects is None else objects
        shown["now"] = None if mode is None else ShownObjects(mode, chosen)
        return model.get_outputs_for_camera(camera)["rgb"]

    yield draw
    rendering.uninstall()


@pytest.fixture(scope="module")
def mask(small_known):
    with torch.no_grad():
        return small_known.masks(ReferenceRasteriser(), 1)[..., 0]


def test_an_object_is_coloured(picture, mask):
    plain, coloured = picture(None), picture("highlight")
    wanted = plain * (1 - COLOUR_SHARE) + COLOUR_SHARE
    assert float((coloured - wanted)[mask].abs().mean()) < 0.05
    assert float((coloured - plain)[~mask].abs().mean()) < 0.02


def test_an_object_stands_alone_or_is_gone(picture, mask, model):
    plain, alone, rest = picture(None), picture("isolate"), picture("remove")
    inner = mask.clone()
    inner[1:-1, 1:-1] = mask[1:-1, 1:-1] & mask[:-2, 1:-1] & mask[2:, 1:-1] & mask[1:-1, :-2] & mask[1:-1, 2:]
    assert float((alone - plain)[inner].abs().mean()) < 0.06
    torch.testing.assert_close(alone[0, 0], torch.full((3,), GROUND), atol=1e-3, rtol=0)
    red = rest[..., 0] - rest[..., 1]  # of the ball; the ground is green
    assert float((red[inner] > 0.3).float().mean()) < 0.05 and float((plain[..., 0] - plain[..., 1])[inner].min()) > 0.3
    torch.testing.assert_close(picture(None), plain, rtol=0, atol=0)
    assert model.crop_box is None


def test_a_picture_without_any_gaussian_is_empty(picture, ball):
    votes = ObjectVotes(torch.zeros_like(ball.votes.inside), torch.ones_like(ball.votes.outside))
    alone = picture("isolate", ((replace(ball, votes=votes), (255, 0, 0)),))
    torch.testing.assert_close(alone, torch.full_like(alone, GROUND), atol=1e-3, rtol=0)
