"""What is said of a provider's key, and of what stands in its place: Claude Code's own login, or nothing.

`auth` is the value of an `Auth`, as the running proxy tells it too; `variable` is the one that holds the key.
"""

from __future__ import annotations

from claude_proxy.core.types import Auth

OWN_LOGIN = "Claude Code's own login"
NOT_TRIED = f"it takes {OWN_LOGIN}, which comes with Claude Code's requests alone: there is no key to try"


def held(auth: str, variable: str) -> str:
    """Say where the key is."""
    return {Auth.CLIENT.value: OWN_LOGIN, Auth.NONE.value: "none needed"}.get(auth, f"in {variable}")


def refused(auth: str, variable: str) -> str:
    """Say in a few words what the provider did not take, and what to do."""
    match auth:
        case Auth.CLIENT.value:
            return f"{OWN_LOGIN} was rejected: log in again there, with /login"
        case Auth.NONE.value:
            return "it asks for a key, and is set to need none"
        case _:
            return f"the key in {variable} was rejected: mend it"


def mend(auth: str, variable: str) -> str:
    """Say in a sentence what the user has to do about a refusal."""
    match auth:
        case Auth.CLIENT.value:
            return "Log in again in Claude Code, with /login. The proxy keeps no copy of that login."
        case Auth.NONE.value:
            return 'Name the variable that holds its key in "api_key_env", and take out its "auth".'
        case _:
            return f"Write a key that is valid into {variable}, in .env or in the environment."
