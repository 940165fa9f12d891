import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nerfseg_ns.core.georeference import Georeference, MapProjection
from nerfseg_ns.core.input_error import InputError

pytest.importorskip("pyproj")

HARBOUR = Georeference(46.84265666666667, -91.99400802469137, 151.09313405752553)


def geocentric(longitude: float, latitude: float, height: float) -> np.ndarray:
    """WGS84 to ECEF, written out: a = 6378137, f = 1 / 298.257223563."""
    a, f = 6378137.0, 1 / 298.257223563
    e2 = f * (2 - f)
    lon, lat = math.radians(longitude), math.radians(latitude)
    n = a / math.sqrt(1 - e2 * math.sin(lat) ** 2)
    horizontal = (n + height) * math.cos(lat)
    return np.array([horizontal * math.cos(lon), horizontal * math.sin(lon), (n * (1 - e2) + height) * math.sin(lat)])


def test_geodetic_places_against_the_ellipsoid_written_out() -> None:
    place = (-91.99, 46.845, 190.0)
    lon, lat = math.radians(HARBOUR.longitude), math.radians(HARBOUR.latitude)
    east = np.array([-math.sin(lon), math.cos(lon), 0.0])
    north = np.array([-math.sin(lat) * math.cos(lon), -math.sin(lat) * math.sin(lon), math.cos(lat)])
    up = np.array([math.cos(lat) * math.cos(lon), math.cos(lat) * math.sin(lon), math.sin(lat)])
    away = geocentric(*place) - geocentric(HARBOUR.longitude, HARBOUR.latitude, HARBOUR.altitude)
    expected = [away @ east, away @ north, away @ up]
    found = HARBOUR.from_geodetic(np.array([place]))[0]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(HARBOUR.to_geodetic(found[None])[0], place, atol=1e-9)


@given(
    st.floats(-89.0, 89.0),
    st.floats(-179.9, 179.9),
    st.floats(-100.0, 4000.0),
    st.tuples(*[st.floats(-2000.0, 2000.0)] * 3),
)
def test_there_and_back_anywhere(latitude: float, longitude: float, altitude: float, point: tuple) -> None:
    projection = MapProjection.of(Georeference(latitude, longitude, altitude))
    there = projection.to_map(np.array([point]))
    np.testing.assert_allclose(projection.from_map(there)[0], point, atol=1e-5)


def test_the_map_is_that_of_the_utm_zone() -> None:
    projection = MapProjection.of(HARBOUR)
    assert projection.crs == "EPSG:32615"
    origin, east = projection.to_map(np.array([[0.0, 0, 0], [1000.0, 0, 0]]))
    # UTM shrinks by 0.9996 at its central meridian (93 W) and by (x / R)^2 / 2 less beside it
    scale = 0.9996 * (1 + (origin[0] - 500_000) ** 2 / 2 / 6_378_000**2) * 6_378_000 / (6_378_000 + 151)
    assert np.hypot(*(east - origin)[:2]) == pytest.approx(1000 * scale, abs=0.05)
    # meridian convergence: (longitude - 93 W) * sin(latitude)
    convergence = (HARBOUR.longitude + 93) * math.sin(math.radians(HARBOUR.latitude))
    turned = math.degrees(math.atan2(east[1] - origin[1], east[0] - origin[0]))
    assert turned == pytest.approx(convergence, abs=0.01)


@pytest.mark.parametrize(
    "latitude, longitude, crs",
    [
        (0.0, 179.99, "EPSG:32660"),
        (-0.1, -180.0, "EPSG:32701"),
        (51.0, 180.0, "EPSG:32660"),
        (86.0, 10.0, "EPSG:32661"),
        (-85.0, 10.0, "EPSG:32761"),
    ],
)
def test_zones_at_their_ends(latitude: float, longitude: float, crs: str) -> None:
    assert MapProjection.of(Georeference(latitude, longitude, 0.0)).crs == crs


@pytest.mark.parametrize(
    "crs, reason",
    [
        ("EPSG:32633", "made for longitude 12 to 18"),
        ("EPSG:4326", "not a projected CRS in metres"),
        ("EPSG:2229", "not a projected CRS in metres"),  # feet
        ("nonsense", "not a coordinate reference system"),
        ("EPSG:32615+5773", "has heights of its own"),  # above the sea, which ours are not
        ("+proj=utm +zone=33 +datum=WGS84", "a metre is 1.3"),  # says not where it is made for
        ("+proj=gnom +lat_0=-46 +lon_0=88", "it has no coordinates for -91.99401, 46.84266"),  # the other side
    ],
)
def test_a_crs_that_does_not_fit_is_refused(crs: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as refused:
        MapProjection.of(HARBOUR, crs)
    assert "EPSG:32615 fits" in str(refused.value)


def test_a_crs_that_is_written_out_or_spelled_otherwise() -> None:
    own = "+proj=tmerc +lat_0=46.8 +lon_0=-92 +k=1 +datum=WGS84"
    assert MapProjection.of(HARBOUR, own).crs == own
    for spelling in ("32615", "epsg:32615", "urn:ogc:def:crs:EPSG::32615"):  # rasterio does not read the first
        assert MapProjection.of(HARBOUR, spelling).crs == "EPSG:32615"


def test_an_area_of_use_across_the_antimeridian() -> None:
    fiji = Georeference(-17.5, 179.5, 10.0)  # EPSG:3460, Fiji Map Grid: 176.81 E to 178.15 W
    assert MapProjection.of(fiji, "EPSG:3460").crs == "EPSG:3460"
    assert MapProjection.of(Georeference(-17.5, -179.0, 10.0), "EPSG:3460").crs == "EPSG:3460"
    with pytest.raises(InputError, match="made for"):
        MapProjection.of(Georeference(-17.5, 170.0, 10.0), "EPSG:3460")


def test_without_a_place_the_map_has_the_scenes_own_metres() -> None:
    projection = MapProjection.of(None)
    points = np.array([[1.0, 2.0, 3.0]])
    assert projection.crs is None
    np.testing.assert_array_equal(projection.to_map(points), points)
    np.testing.assert_array_equal(projection.from_map(points), points)
    with pytest.raises(InputError, match="--origin"):
        MapProjection.of(None, "EPSG:32615")


def test_records(tmp_path) -> None:
    path = tmp_path / "georeference.json"
    path.write_text(json.dumps(HARBOUR.record()))
    assert Georeference.from_json(path) == HARBOUR
    assert Georeference.from_record([46.84265666666667, -91.99400802469137, 151.09313405752553], "file") == HARBOUR
    for record in ([1.0, 2.0], {"latitude": 1.0}, "text", None, [91.0, 0.0, 0.0], [float("nan"), 0.0, 0.0]):
        with pytest.raises(InputError, match="some-file"):
            Georeference.from_record(record, "some-file")
    path.write_text("{")
    with pytest.raises(InputError, match="georeference.json"):
        Georeference.from_json(path)
