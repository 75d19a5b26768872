"""What is kept on disk, all of it under one home folder.

home     where each file lies, and how a private one is written
lock     one process at a time
token    the installation's token, which clients of the proxy show
running  where the running proxy is found
log      proxy.log: a line an exchange, rotated
tail     reading proxy.log, also while it grows and rotates
text     text from outside, made safe to print
"""
