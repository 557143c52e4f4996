"""Builds the English text corpus of the quick start from Debian packages."""
