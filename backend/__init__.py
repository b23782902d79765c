"""The demo target.

A stock tracker's API in one process. It shares no code with loadtest, so its counts can witness the tests.
"""
