import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nerfseg_ns.core.lens import Lens, trusted_reach


def test_a_point_by_hand() -> None:
    lens = Lens((0.1, 0.2, 0.0, 0.0), (0.01, 0.02), reach=2.0)
    # r^2 = 0.25: stretch 1 + 0.1 * 0.25 + 0.2 * 0.0625 = 1.0375
    x = 0.3 * 1.0375 + 2 * 0.01 * 0.3 * 0.4 + 0.02 * (0.25 + 2 * 0.09)
    y = 0.4 * 1.0375 + 2 * 0.02 * 0.3 * 0.4 + 0.01 * (0.25 + 2 * 0.16)
    assert lens.distort(torch.tensor([0.3, 0.4])).tolist() == pytest.approx([x, y], abs=1e-6)


@given(
    st.floats(-0.15, 0.15), st.floats(-0.03, 0.05), st.floats(-0.003, 0.003), st.floats(-0.003, 0.003),
    st.floats(-0.8, 0.8), st.floats(-0.8, 0.8),
)  # fmt: skip
def test_there_and_back(k1: float, k2: float, p1: float, p2: float, x: float, y: float) -> None:
    lens = Lens((k1, k2, 0.0, 0.0), (p1, p2), reach=1.7)
    point = torch.tensor([x, y], dtype=torch.float64)
    torch.testing.assert_close(lens.undistort(lens.distort(point)), point, atol=1e-5, rtol=0)


def test_nothing_beside_the_image_is_folded_into_it() -> None:
    barrel = Lens((-0.3, 0.0, 0.0, 0.0), (0.0, 0.0), reach=1.0)  # 1 - 0.3 r^2 is 0 at r = 1.8
    far = torch.stack([torch.linspace(1.0, 50.0, 200), torch.zeros(200)], dim=-1)
    found = barrel.distort(far)[:, 0]
    assert bool((found.diff() > 0).all()) and found[0] == pytest.approx(0.7)


@pytest.mark.parametrize("radial", [(-0.3, 0.0, 0.0, 0.0), (-0.5, 0.1, -0.02, 0.0), (-0.1, 0.0, 0.0, 0.0)])
def test_the_trusted_part_of_a_barrel_ends_before_it_turns_back(radial: tuple[float, float, float, float]) -> None:
    limit = 1.17  # half as far again as the corner of a drone's image
    barrel = Lens(radial, (0.0, 0.0), trusted_reach(radial, limit))
    far = torch.stack([torch.linspace(0.0, 10.0, 4000), torch.zeros(4000)], dim=-1)
    assert bool((barrel.distort(far)[:, 0].diff() > 0).all())


def test_how_far_a_lens_is_trusted() -> None:
    assert trusted_reach((-0.3, 0.0, 0.0, 0.0), 5.0) == pytest.approx((1 / 0.9) ** 0.5, abs=0.005)  # 1 - 0.9 r^2 = 0
    assert trusted_reach((0.1, 0.0, 0.0, 0.0), 5.0) == 5.0 and trusted_reach((-0.1, 0.0, 0.0, 0.0), 1.5) == 1.5
