"""The rules by which a request is changed for one provider and model.

    rule.py             what a rule is: when it applies, what it does, how it is described
    ordered_rules.py    START HERE: all rules in their order; what they change, in words
    constraints.py      what one provider and model accept: traits + facts + learned rules
    draft.py            the request while it is changed, and the record of the changes

    safeguards.py       what auto mode tells Anthropic
    request_headers.py  the `anthropic-beta` header; the session's id
    fields.py           top-level fields that are rejected
    system_prompt.py    Claude Code's billing block; a notice for the model
    tools.py            fields of tools; server tools that the provider does not have
    tool_schemas.py     what is rejected in the schemas of tools
    tool_names.py       names of tools
    model_limits.py     `max_tokens`; a tool that the model is forced to use
    thinking_mode.py    `thinking` and `output_config.effort`
    conversation.py     the pass over the messages, for the next four
    blocks.py           images, documents and other blocks that cannot be read
    call_ids.py         ids of tool calls that another provider gave
    system_role.py      messages of the role `system`
    thinking_blocks.py  thinking that another provider signed
    cache_control.py    marks for the prompt cache

What becomes of a message depends on the message and its neighbours only, never on where the conversation stands: so
what a provider is sent in one turn is the beginning of what it is sent in the next, and its prompt cache hits. What has
another shape than a rule looks for is left alone: the provider may reject it.
"""
