"""state/usage.db: what each request cost in tokens, time and money, in SQLite.

schema.py          the tables, and the named steps that bring an older file up to date
rows.py            the account of an exchange → its rows
database_errors.py what is wrong with the file, in words
opening.py         opens the file for writing: ours alone, whole, up to date
database.py        the open file: appends rows, and removes old ones in small steps
resilient.py       the same through failures: a full disk, a lock, damage
writer.py          the thread that writes: `UsageLedger`
reading.py         opens the file for reading, also while it is written
earlier.py         what was spent before this process began
queries.py         sums by period, provider, model, session, prompt and so on
requests.py        single requests with their attempts, and when providers failed
periods.py         days and months by the user's clock
"""
