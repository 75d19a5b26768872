"""The memory budget, and whether the largest request fits into it."""

from __future__ import annotations

from config.folder import Folder

RELAY = {"name": "relay", "base_url": "https://relay.example", "api_key_env": "MINIMAX_API_KEY", "models": {}}


def test_warns_of_a_memory_budget_in_which_the_largest_request_does_not_fit(home: Folder) -> None:
    (warning,) = home.loads({"providers": [RELAY], "max_body_mb": 4, "memory_budget_mb": 7.5}).warnings
    assert warning == (
        "config.json: memory_budget_mb: 7.5 is too little for a request of max_body_mb (4), "
        "which takes twice its size. Write 8 or more."
    )


def test_a_memory_budget_in_which_the_largest_request_fits_is_used(home: Folder) -> None:
    config = home.loads({"providers": [RELAY], "max_body_mb": 4, "memory_budget_mb": 8})
    assert (config.warnings, config.policy.memory_budget) == ((), 8 * 1024 * 1024)
