"""JobNimbus for syncd: contacts and jobs over the public api1.

What is not here: tasks, activities, files, estimates and invoices as kinds of their own.
"""

from syncd_jobnimbus.connector import JobNimbus

__all__ = ["JobNimbus"]
