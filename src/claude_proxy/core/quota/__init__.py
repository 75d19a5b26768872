"""What is left at a provider: the windows of a plan and the balance of an account.

quota_report    the values, as `status` shows them
reading         an answer of unknown shape → numbers, moments, windows; or why it says nothing
zai, minimax, kimi_code, deepseek, moonshot, openrouter, novita  the answer of one provider → Quota
answer_headers  the head of an answer of Anthropic's → Quota
sources         which provider is asked, at which path
quotas          readings → reports, notices, and cooldowns of providers whose plan is used up
"""
