"""The configuration: schema with all options, presets, and the strict reader."""
