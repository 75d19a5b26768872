"""What every command uses to speak to the user.

program      how this user calls the program, for hints
console      colour, tables, times, JSON
exit_codes   the exit codes, and the error that the user sees
lazy_group   a group that imports only the command that is called
number_types   types of options, with errors in plain words
"""
