"A nested field is found in whichever way an error writes its path, and `metadata.user_id` whatever its value lacks."

from __future__ import annotations

import json
from typing import Any

import pytest

from core.refused_requests import PLAIN, anthropic_error, rules_from, sent_request

USER_ID = [
    (
        "Invalid 'user_id': string does not match pattern. Expected a string that matches the pattern "
        "'^[a-zA-Z0-9_-]+$'."
    ),
    "metadata.user_id: String should match pattern '^[a-zA-Z0-9_-]+$'",
    "metadata.user_id: String should have at most 256 characters",
    "metadata[user_id]: invalid",
    "metadata['user_id'] must be a string of letters",
    '/metadata/user_id must match pattern "^x$"',
    "#/metadata/user_id: does not match",
    "$.metadata.user_id: too long",
    "body -> metadata -> user_id: string does not match regex",
    "['body', 'metadata', 'user_id']: String should match pattern",
    '["metadata","user_id"] is invalid',
    '"metadata"."user_id" has an invalid format',
    "request.metadata.user_id is not valid",
    "user_id 格式不合法",
    "The value of `user_id` exceeds the length limit",
    "metadata > user_id: invalid",
    (
        "Invalid 'metadata.user_id': string too long. Expected a string with maximum length 64, but got "
        "a string with length 200 instead."
    ),
]


@pytest.mark.parametrize("words", USER_ID)
def test_a_user_id_that_does_not_fit_is_left_out(words: str) -> None:
    assert rules_from(anthropic_error(words)) == ["field:metadata.user_id"]
    assert rules_from(anthropic_error(words), sent_request(PLAIN, betas="")) == []


BODIES: list[Any] = [
    {
        "detail": [
            {
                "loc": ["body", "metadata", "user_id"],
                "msg": "String should match pattern '^x$'",
                "type": "string_pattern_mismatch",
            }
        ]
    },
    {"errors": [{"instancePath": "/metadata/user_id", "message": "must match pattern"}]},
    {"error": {"issues": 1, "message": "must match pattern", "path": ["metadata", "user_id"]}},
    {"error": {"message": "does not match pattern", "param": "metadata.user_id"}},
    {"error": {"message": "Invalid string: must match pattern", "field": "metadata[user_id]"}},
    {"errors": [{"pointer": "#/metadata/user_id", "detail": "x", "message": "invalid"}]},
]


@pytest.mark.parametrize("body", BODIES)
def test_finds_the_path_in_a_key_of_its_own(body: Any) -> None:
    assert rules_from(json.dumps(body).encode()) == ["field:metadata.user_id"]


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("output_config[effort]: Extra inputs are not permitted", "field:output_config.effort"),
        ("/output_config/effort: unknown field", "field:output_config.effort"),
        ("Unknown parameter: 'output_config[effort]'.", "field:output_config.effort"),
        ("['thinking', 'display']: Extra inputs are not permitted", "field:thinking.display"),
        ("$.context_management.edits[0]: not supported", "field:context_management"),
        (
            ("messages[0]['content'][0]['cache_control']['scope']: Extra inputs are not permitted"),
            "mark:cache_control.scope",
        ),
        ("tools -> 1 -> defer_loading: extra_forbidden", "tool_field:defer_loading"),
        ("/system/0/cache_control/ttl: not allowed", "mark:cache_control.ttl"),
    ],
)
def test_finds_other_nested_fields_too(words: str, rule: str) -> None:
    assert rules_from(anthropic_error(words)) == [rule]


@pytest.mark.parametrize(
    "words",
    [
        "temperature: must be between 0 and 1",
        "metadata: x",
        "see https://docs.example/metadata/user_id for help",
        "my_user_id is invalid",
        "user_id was not found",
        "(a, b) and [1, 2] and /tmp/x are not supported",
    ],
)
def test_takes_nothing_else_for_a_path(words: str) -> None:
    assert rules_from(anthropic_error(words)) == []
