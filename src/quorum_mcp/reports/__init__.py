"""Reports over many calls: benchmarks of providers and models, and what was used by whom."""
