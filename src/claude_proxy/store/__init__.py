"""What is kept on disk, all of it under one home folder.

home.py        where each file is
files.py       reading files within limits, and writing them safely
lock.py        one process at a time
token.py       the installation's token, which clients of the proxy send
running.py     the file that says where the running proxy is
state_file.py  what is remembered from one start to the next
log.py         proxy.log: a line for each exchange, rotated
tail.py        reading proxy.log, also while it grows and rotates
"""
