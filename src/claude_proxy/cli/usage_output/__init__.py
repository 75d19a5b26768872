"""What `usage` shows, and how.

since.py    `--since`: from which moment on
report.py   what is shown: groups of requests, or reasons of cache misses
tables.py   for people: the overview, a row for each group, the cache misses
export.py   for programs: JSON and CSV
"""
