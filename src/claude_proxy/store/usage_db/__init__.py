"""state/usage.db: what each request cost in tokens, time and money, in SQLite.

schema.py      the tables, and the named steps that bring an older file up to date
rows.py        the account of an exchange → its rows
database.py    opens the file for writing, and appends rows; says in words what is wrong with it
writer.py      the thread that writes: `UsageLedger`
reading.py     opens the file for reading, also while it is written
queries.py     sums by period, provider, model, session, prompt and so on
periods.py     days and months by the user's clock
"""
