"""What `top` shows, and how it reads keys.

screen.py    a report, as lines that fit into a terminal
columns.py   rows whose columns stand below each other, in as much width as there is
sections.py  the requests, the providers, the failovers, as rows
keys.py      key presses, one by one
"""
