"""What is kept on disk, all of it under one home folder.

home.py        where each file is
files.py       reading the user's files within limits, and writing files safely
own_files.py   opening files that are ours alone
lock.py        one process at a time
token.py       the installation's token, which clients of the proxy send
token_proof.py proves that a proxy holds the token, before it is sent there
running.py     the file that says where the running proxy is
state_file.py  what is remembered from one start to the next
log.py         proxy.log: a line for each exchange, rotated
log_line.py    what a line of it says
tail.py        reading proxy.log, also while it grows and rotates
usage_db/      the database of what each request cost
"""
