"""The demonstration city: a procedural scene, rendered from the air with exact labels."""
