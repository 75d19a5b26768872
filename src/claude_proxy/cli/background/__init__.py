"""The background process: found, started, asked and stopped.

lifecycle      finds, starts and waits for the one proxy of a home
unrecorded     finds one that could not write where it runs
admin_client   asks the running proxy over HTTP
plain_http     one HTTP request to this machine
processes      whether a process runs, waiting for it, ending it
port_owner     which program listens on a port
"""
