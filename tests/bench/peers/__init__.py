"""What a user would otherwise run, each a script of its own that runs in the peers' environment, not in ours.

Each prints one line of JSON: `records` it dealt with, and the CPU seconds of its work, its imports left out: what it
takes to start is not what it takes to sync. What is not here: syncd, whose imports count.
"""
