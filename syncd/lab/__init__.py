"""The lab: sandboxes on a stage, people, faults, and the laws they must not break.

What is not here: anything the daemon needs.
"""
