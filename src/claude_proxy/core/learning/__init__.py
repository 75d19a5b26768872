"""What a provider's errors teach: rules to send its requests with.

    proposals.py        START HERE: an error + the request that was sent → ProposedRules
    error_texts.py      the body of an error, in any form → what it says, as short texts; how such texts are searched
    sent_request.py     the request that was rejected → what is in it
    rule_inference.py   a text + what was sent, by what the words mean → rules
    unreadable_content.py  what is said of images and documents that a model does not read
    field_paths.py      the path of a field, whichever way it is written
    refused_fields.py   the same for fields, betas and marks; which of them a request can do without
    refused_tools.py    the same for names and schemas of tools; which tool an error is about
    body_size.py        a request that was too large → the size that the provider takes
    learned_rules.py    the rules that helped, by upstream and model, with the time at which they expire

A name in an error counts only if what it names was sent.
"""
