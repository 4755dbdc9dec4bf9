"""Outputs of public implementations on made-up weights, recorded so that tests need none of them.

``record.py`` writes ``tests/data/references/``; ``docs/testing.md`` tells how.
"""
