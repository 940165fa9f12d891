import math

import pytest
import torch

from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.splats.contributions import light_before
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.reference_rasteriser import ReferenceRasteriser

SIZE = (24, 40)
FOCAL = 50.0


def camera() -> Pinhole:
    """At the origin, looking along -z."""
    return Pinhole(torch.eye(4)[:3], FOCAL, FOCAL, 20.5, 12.5, SIZE)  # the principal point is the centre of (12, 20)


def gaussians(*entries: tuple[tuple[float, float, float], float, float]) -> Gaussians:
    """Round ones: centre, standard deviation, opacity."""
    count = len(entries)
    return Gaussians(
        torch.tensor([centre for centre, *_ in entries]),
        torch.tensor([[math.log(size)] * 3 for _, size, _ in entries]),
        torch.tensor([[1.0, 0.0, 0.0, 0.0]] * count),
        torch.logit(torch.tensor([opacity for *_, opacity in entries])),
        torch.zeros(count, 1, 3),
    )


def random_scene(count: int, seed: int = 0) -> Gaussians:
    generator = torch.Generator().manual_seed(seed)
    means = torch.randn(count, 3, generator=generator) * torch.tensor([0.6, 0.4, 0.5]) - torch.tensor([0, 0, 2.5])
    return Gaussians(
        means,
        torch.randn(count, 3, generator=generator) * 0.5 - 2.5,
        torch.randn(count, 4, generator=generator),
        torch.randn(count, generator=generator) * 1.5,
        torch.zeros(count, 1, 3),
    )


def test_one_gaussian_on_the_axis_is_a_round_bump_of_its_projected_size():
    image, alpha = ReferenceRasteriser().render(
        gaussians(((0.0, 0.0, -2.0), 0.1, 0.8)), torch.tensor([[3.0, -1.0]]), camera()
    )
    variance = (FOCAL * 0.1 / 2.0) ** 2 + 0.3  # projected, and the blur of a pixel
    for row, column, squared in [(12, 20, 0.0), (12, 23, 9.0), (9, 20, 9.0), (10, 22, 8.0)]:
        wanted = 0.8 * math.exp(-0.5 * squared / variance)
        assert float(alpha[row, column]) == pytest.approx(wanted, abs=1e-6)
        assert image[row, column].tolist() == pytest.approx([3 * wanted, -wanted], abs=1e-5)
    assert float(alpha[12, 0]) == 0.0  # below 1/255


def test_x_goes_right_and_y_up():
    _, alpha = ReferenceRasteriser().render(gaussians(((0.2, 0.08, -2.0), 0.02, 0.9)), torch.zeros(1, 1), camera())
    row, column = divmod(int(alpha.argmax()), SIZE[1])
    assert (row, column) == (12 - 2, 20 + 5)  # 50 * 0.08 / 2 up, 50 * 0.2 / 2 to the right


def test_the_nearer_of_two_hides_the_other_whatever_their_order():
    near, far = ((0.0, 0.0, -2.0), 0.1, 0.6), ((0.0, 0.0, -3.0), 0.3, 0.5)
    for order, features in [((near, far), [[1.0], [10.0]]), ((far, near), [[10.0], [1.0]])]:
        image, alpha = ReferenceRasteriser().render(gaussians(*order), torch.tensor(features), camera())
        assert float(image[12, 20, 0]) == pytest.approx(0.6 * 1 + 0.4 * 0.5 * 10, abs=1e-5)
        assert float(alpha[12, 20]) == pytest.approx(0.6 + 0.4 * 0.5, abs=1e-6)


def test_nothing_behind_the_camera_or_beside_the_image_is_drawn():
    scene = gaussians(((0.0, 0.0, 2.0), 0.5, 0.9), ((0.0, 0.0, -0.005), 0.5, 0.9), ((9.0, 0.0, -2.0), 0.1, 0.9))
    image, alpha = ReferenceRasteriser().render(scene, torch.ones(3, 1), camera())
    assert not image.any() and not alpha.any()
    assert len(ReferenceRasteriser().contributions(scene, camera()).weights) == 0


def test_a_pixel_ends_when_its_light_is_used_up():
    # 0.05^4 is not above 1e-4: the fourth and the fifth add nothing, as in gsplat
    scene = gaussians(*(((0.0, 0.0, -2.0 - i), 0.2 + 0.1 * i, 0.95) for i in range(5)))
    found = ReferenceRasteriser().contributions(scene, camera())
    middle = found.pixels == 12 * SIZE[1] + 20
    assert found.gaussians[middle].tolist() == [0, 1, 2]
    assert found.weights[middle].tolist() == pytest.approx([0.95, 0.0475, 0.002375], rel=1e-4)


def test_contributions_are_what_render_composites():
    scene, features = random_scene(300), torch.randn(300, 4, generator=torch.Generator().manual_seed(2))
    image, alpha = ReferenceRasteriser().render(scene, features, camera())
    found = ReferenceRasteriser().contributions(scene, camera())
    assert bool((found.pixels[1:] >= found.pixels[:-1]).all())
    depth = -scene.means[found.gaussians, 2]
    same = found.pixels[1:] == found.pixels[:-1]
    assert bool((depth[1:] >= depth[:-1])[same].all())
    total = torch.zeros(SIZE[0] * SIZE[1], 4).index_add_(
        0, found.pixels, found.weights[:, None] * features[found.gaussians]
    )
    torch.testing.assert_close(total.reshape(*SIZE, 4), image, rtol=1e-4, atol=1e-5)
    opacity = torch.zeros(SIZE[0] * SIZE[1]).index_add_(0, found.pixels, found.weights)
    torch.testing.assert_close(opacity.reshape(SIZE), alpha, rtol=1e-5, atol=1e-6)


def test_gradients_reach_every_parameter_and_are_those_of_finite_differences():
    scene = random_scene(12, seed=3)
    scene = Gaussians(*(value.double() for value in vars(scene).values()))
    features = torch.randn(12, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights = torch.randn(*SIZE, 2, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    view = Pinhole(torch.eye(4, dtype=torch.float64)[:3], FOCAL, FOCAL, 20.5, 12.5, SIZE)
    names = ("means", "log_scales", "quaternions", "opacity_logits")

    def total(values):
        image, _ = ReferenceRasteriser().render(Gaussians(*values[:4], scene.harmonics), values[4], view)
        return (weights * image).sum()

    values = [getattr(scene, name).clone().requires_grad_() for name in names] + [features.requires_grad_()]
    gradients = torch.autograd.grad(total(values), values)
    for i, (name, gradient) in enumerate(zip((*names, "features"), gradients)):
        flat, step = int(gradient.abs().argmax()), 1e-6
        moved = []
        for sign in (1, -1):
            changed = [value.detach().clone() for value in values]
            changed[i].view(-1)[flat] += sign * step
            moved.append(float(total(changed)))
        difference = (moved[0] - moved[1]) / (2 * step)
        assert difference == pytest.approx(float(gradient.view(-1)[flat]), rel=1e-3), name


def test_the_light_that_is_left_is_counted_for_each_pixel():
    alpha, pixels = torch.tensor([0.5, 0.2, 0.9, 0.25, 0.5]), torch.tensor([3, 3, 3, 7, 7])
    assert light_before(alpha, pixels).tolist() == pytest.approx([1.0, 0.5, 0.4, 1.0, 0.75])


@pytest.mark.gpu
@pytest.mark.parametrize("count", [1, 400, 3000])
def test_gsplat_renders_the_same_on_a_gpu(count):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    from nerfseg_ns.splats.gsplat_rasteriser import GsplatRasteriser

    scene, features = random_scene(count), torch.randn(count, 40, generator=torch.Generator().manual_seed(2))
    view = Pinhole(torch.eye(4)[:3], 130.0, 128.0, 63.0, 65.5, (128, 120))
    cuda = Pinhole(view.c2w.cuda(), view.fx, view.fy, view.cx, view.cy, view.size)
    image, alpha = ReferenceRasteriser().render(scene, features, view)
    on_gpu, alpha_on_gpu = GsplatRasteriser().render(scene.to("cuda"), features.cuda(), cuda)
    # a pixel on the limit of 1/255 may fall on either side of it
    assert float((on_gpu.cpu() - image).abs().quantile(0.999)) < 1e-4
    assert float((alpha_on_gpu.cpu() - alpha).abs().max()) < 1e-2
    ours = ReferenceRasteriser().contributions(scene, view)
    theirs = GsplatRasteriser().contributions(scene.to("cuda"), cuda)

    def table(found):
        sums = torch.zeros(count, dtype=torch.float64)
        return sums.index_add_(0, found.gaussians.cpu(), found.weights.cpu().double())

    torch.testing.assert_close(table(theirs), table(ours), rtol=1e-2, atol=1e-2)


@pytest.mark.gpu
def test_gsplat_gives_the_same_gradients_on_a_gpu():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    from nerfseg_ns.splats.gsplat_rasteriser import GsplatRasteriser

    scene = random_scene(500, seed=5)
    masks = torch.rand(*SIZE, 3, generator=torch.Generator().manual_seed(0))
    results = []
    for rasteriser, device in ((ReferenceRasteriser(), "cpu"), (GsplatRasteriser(), "cuda")):
        features = torch.zeros(500, 3, device=device, requires_grad=True)
        view = camera()
        view = Pinhole(view.c2w.to(device), view.fx, view.fy, view.cx, view.cy, view.size)
        image, _ = rasteriser.render(scene.to(device), features, view)
        results.append(torch.autograd.grad((image * masks.to(device)).sum(), features)[0].cpu())
    torch.testing.assert_close(results[1], results[0], rtol=1e-2, atol=1e-2)
