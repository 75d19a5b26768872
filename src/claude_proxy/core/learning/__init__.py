"""What a provider teaches by refusing it.

    complaints.py       the body of an error, in anybody's form → what it complains of, in words
    sent.py             the request that was refused            → what really stood in it
    refusals.py         both, by what the words mean            → rules
    refused_fields.py   the same for fields, betas and marks; the names of what a request can be spared
    lesson.py           all of it                               → Lesson: the rules to send the request with once more
    learned.py           the rules that helped, by provider and model, with their date and an end

`patterns.py` holds how words are looked for. A name counts only where what it names was sent.
"""
