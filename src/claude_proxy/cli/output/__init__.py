"""What every command uses to speak to the user.

program      how this user calls the program, for hints
console      colour, tables, times, JSON
safe_console   shows no control character of the texts that it prints
quota_table  what is left of providers' plans and balances
readable_log   a line of proxy.log as people read it
exit_codes   the exit codes, and the error that the user sees
ownership    files that another user owns, and how to get them back
lazy_group   a group that imports only the command that is called
number_types   types of options, with errors in plain words
"""
