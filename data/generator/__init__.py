"""A small grammar of English and German that writes the bundled corpus."""
