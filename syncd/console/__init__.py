"""The console: pages and a JSON API for admins, sales managers and operators, served by the daemon.

What is not here: anything that is done (`syncd.app` does it, for the command line as for the pages), and the port.
"""
