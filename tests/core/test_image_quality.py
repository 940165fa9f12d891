import math

import pytest
import torch

from nerfseg_ns.core.image_quality import psnr, ssim


def test_psnr_by_hand():
    image = torch.zeros(16, 16, 3)
    assert psnr(image + 0.1, image) == pytest.approx(20.0, abs=1e-4)  # MSE 0.01
    half = image.clone()
    half[:8] = 0.2
    assert psnr(half, image) == pytest.approx(-10 * math.log10(0.02), abs=1e-4)


def test_equal_pictures_have_a_finite_psnr_and_ssim_1():
    image = torch.rand(16, 16, 3, generator=torch.Generator().manual_seed(0))
    assert psnr(image, image) == pytest.approx(100.0)
    assert ssim(image, image) == pytest.approx(1.0)


def test_overshoot_is_clipped_as_a_display_would():
    image = torch.ones(16, 16, 3)
    assert psnr(image + 0.5, image) == pytest.approx(100.0)


def test_ssim_of_two_flat_pictures_by_hand():
    # without variance SSIM is its luminance term (2 a b + c1) / (a^2 + b^2 + c1), c1 = (0.01 * range)^2, range 1
    a, b, c1 = 0.2, 0.6, 1e-4
    similarity = ssim(torch.full((16, 16, 3), a), torch.full((16, 16, 3), b))
    assert similarity == pytest.approx((2 * a * b + c1) / (a * a + b * b + c1), abs=1e-4)
