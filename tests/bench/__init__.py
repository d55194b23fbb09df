"""The benchmark: syncd beside what a user would otherwise run, on the same work, in one run; ratios, not times.

`make bench` runs it in full, `make bench-quick` in two minutes. What depends on nothing but the code (requests, writes,
growth) is a test as well: `test_goals.py`.
"""
