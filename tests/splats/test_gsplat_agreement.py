"""The reference rasteriser's parts against those that gsplat itself keeps in plain torch, and what stops gsplat."""

import sys
from types import SimpleNamespace

import pytest
import torch

import nerfseg_ns.splats.rasteriser as rasteriser
from nerfseg_ns.core.input_error import InputError
from nerfseg_ns.core.pinhole import Pinhole
from nerfseg_ns.splats.gaussians import Gaussians
from nerfseg_ns.splats.projection import project


def scene(count: int = 400, degree: int = 3) -> Gaussians:
    """Gaussians of all shapes before, beside and behind a camera at the origin."""
    generator = torch.Generator().manual_seed(4)

    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    means = draw(count, 3) * torch.tensor([1.5, 1.0, 1.5]) - torch.tensor([0.0, 0.0, 1.5])
    return Gaussians(means, draw(count, 3) - 2.5, 3 * draw(count, 4), draw(count), draw(count, (degree + 1) ** 2, 3))


def turned_camera() -> Pinhole:
    turn = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(1)))[0]
    turn = turn * torch.linalg.det(turn)
    near = torch.matrix_exp(0.3 * (turn - turn.T))
    return Pinhole(torch.cat([near, torch.tensor([[0.2], [-0.1], [0.3]])], dim=1), 90.0, 110.0, 55.0, 41.0, (80, 120))


def test_projection_is_that_of_gsplat():
    theirs = pytest.importorskip("gsplat.cuda._torch_impl")
    gaussians, camera = scene(), turned_camera()
    ours = project(gaussians, camera)
    covariances, _ = theirs._quat_scale_to_covar_preci(gaussians.quaternions, gaussians.scales, compute_preci=False)
    torch.testing.assert_close(gaussians.covariances(), covariances, rtol=1e-4, atol=1e-6)
    intrinsics = torch.tensor([[[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]]])
    view = rasteriser.view_matrix(camera)[None]
    radii, centres, depths, conics, _ = theirs._fully_fused_projection(
        gaussians.means, covariances, view, intrinsics, 120, 80, near_plane=0.01
    )
    assert sorted(ours.index.tolist()) == radii[0].nonzero()[:, 0].tolist() and 50 < len(ours) < 400
    torch.testing.assert_close(ours.centres, centres[0, ours.index], rtol=1e-4, atol=1e-3)
    torch.testing.assert_close(ours.depths, depths[0, ours.index], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours.conics, conics[0, ours.index], rtol=1e-3, atol=1e-6)
    assert float((ours.radii - radii[0, ours.index]).abs().max()) <= 1.0  # both round up
    assert float((ours.radii == radii[0, ours.index]).float().mean()) > 0.98
    assert bool((ours.depths[1:] >= ours.depths[:-1]).all())


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_colours_are_those_of_gsplat(degree):
    theirs = pytest.importorskip("gsplat.cuda._torch_impl")
    gaussians, eye = scene(degree=degree), torch.tensor([0.4, -2.0, 1.0])
    wanted = (theirs._spherical_harmonics(degree, gaussians.means - eye, gaussians.harmonics) + 0.5).clamp(min=0.0)
    torch.testing.assert_close(gaussians.colours(eye), wanted, rtol=1e-4, atol=1e-5)
    assert float((wanted == 0).float().mean()) > 0.02  # the clamp takes part


@pytest.mark.parametrize(
    "backend, message",
    [(SimpleNamespace(_C=None), "cannot here: there is no nvcc; install the CUDA toolkit"), (None, "cannot here: ")],
)
def test_a_gpu_without_a_compiler_is_told_what_is_missing(monkeypatch, backend, message):
    import gsplat.cuda

    monkeypatch.delattr(gsplat.cuda, "_backend", raising=False)
    monkeypatch.setitem(sys.modules, "gsplat.cuda._backend", backend)  # None: importing it fails
    with pytest.raises(InputError, match=message):
        rasteriser.require_kernels()


def test_more_gaussians_than_the_memory_of_the_gpu_are_refused(monkeypatch):
    monkeypatch.setattr(rasteriser, "require_kernels", lambda: None)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (2**30, 2**34))
    rasteriser.make_rasteriser("cuda", 1_000_000)
    with pytest.raises(InputError, match="5,000,000 Gaussians take 2.8 GiB of GPU memory .* and 1.0 GiB are free"):
        rasteriser.make_rasteriser("cuda", 5_000_000)
