"""What is wrong with parallel text, told with counts and examples; `docs/check.md` has every fault."""
