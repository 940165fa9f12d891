"""Gaussian splats: scenes of 3D Gaussians, by the same two stages and the same clicks."""
