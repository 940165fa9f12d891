"""Exports for other programs: ``nerfseg export``."""
