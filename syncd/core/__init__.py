"""The pure part: what records, maps, plans are, and every decision. No I/O, no clock, no log.

What is not here: anything that reads, writes or remembers.
"""
