"""The demo's page: two sandboxed vendors side by side, the live sync between them, and people to play.

What is not here: the console of a real installation. Everything on this page is read from the sandboxes' own books
(records, histories, request logs) and from syncd's store; nothing goes over the vendors' APIs.
"""
