"""Scores of translations, with their signatures."""
