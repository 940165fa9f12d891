"""Labels that other programs drew: read into index PNGs that the dataparsers read."""
