"""What `usage` shows, and how.

since.py    `--since`: from which moment on
report.py   what is shown: groups of requests, or reasons of cache misses
overview.py for people: a column for each period
tables.py   for people: a row for each group, the cache misses
export.py   for programs: JSON and CSV
"""
