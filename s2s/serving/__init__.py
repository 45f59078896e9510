"""A model behind HTTP: requests of many clients translated together, within limits, and a page to look at it."""
