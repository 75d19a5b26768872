"""Why a request read less from a provider's prompt cache than it should have.

    the last request of a conversation ─► what should be read ─┐
    usage of the answer ────────────────► what was read ───────┴─► CacheFinding: how much was missed, why, what it cost

finding        the result: `CacheFinding`, and the reasons in words
prompt_pieces  what a provider got, in the order in which its cache reads it: tools, system, settings, messages
fingerprint    hashes of these pieces, without what makes no difference to a cache
comparison     two fingerprints: what they have in common, and where they part
doctor         what is remembered of each conversation, and the verdict: `CacheDoctor`
miss_cost      what the tokens that were missed cost more than reading them
"""
