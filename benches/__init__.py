"""Benchmarks. Each prints JSON with machine, versions and commit; run one at a time."""
