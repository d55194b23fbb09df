"""The store: tables, statements, schema upgrade. The only SQL in the house.

What is not here: what rows mean to the engine.
"""
