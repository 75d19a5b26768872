"""Shell integration: the functions of a shell, and the variables that they set.

activation            the variables of a terminal's mode, as values: set, restored
saved                 what the variables held before, in two variables of the shell
quoting               statements for a shell, quoted
target                the running proxy as the target of a terminal
terminal              the options of the commands that a shell evaluates, and what they print
functions             the functions that `init` prints; the PowerShell module
profiles              the line in a profile that loads them
"""
