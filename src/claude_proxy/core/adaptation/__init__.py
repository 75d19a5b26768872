"""The rules by which a request is made fit for one provider and model, a subject in each file.

    terms.py          traits + facts       → Terms: what this provider and model take
    draft.py          the request being changed: its top-level values, read and written one by one
    changes.py        what was changed, in words for a header and the log

    fields.py         top-level fields that are refused
    tools.py          fields of tools, server tools that are not there
    tool_choice.py    a tool that the model is forced to use
    thinking_mode.py  `thinking` and `output_config.effort`
    max_tokens.py     more output than the model can give
    system.py         Claude Code's billing block; a word about tools that were taken out

    conversation.py   which messages are looked at, and how they are put together again
    message.py        one message and its blocks
    thoughts.py       thinking of others
    blocks.py         images, documents and other blocks that can't be read
    reminders.py      messages of the role `system`
    call_ids.py       ids of tool calls that another provider gave
    marks.py          marks for the prompt cache

What becomes of a message depends on the message and its neighbours alone, never on where the conversation stands: so
what a provider is sent in one turn is the beginning of what it is sent in the next, and its cache serves. What has not
the shape that a rule looks for is left alone: it is the provider's to refuse.
"""
