"""What an error says of an account that may be used, but has nothing left: in its words, or in its code.

It is read where the status alone would mean that the key is not allowed. What an account has (credit, a balance, a
quota) must stand beside a word for the lack of it; `not enough permissions` and `quota project` say something else.
"""

from __future__ import annotations

import re
from typing import Final

_FUNDS: Final = r"balances?|credits?|funds|quotas?|额度|余额|配额"
_LACK: Final = (
    r"insufficient|insufficient_user|not[ _]enough|too[ _]low|exhausted|depleted|used[ _]up"
    r"|r[au]n[ _]out|out[ _]of|negative|no[ _](?:more[ _])?|不足|用尽|用完|耗尽|失败|failed"
)
_GAP: Final = r"(?:[ _](?!permission|project)[^\s._]{1,20}){0,3}[ _]?"
_WITHOUT_FUNDS: Final = re.compile(
    rf"(?<![a-z])(?:{_LACK})(?:[ _](?!permission)\w{{1,20}}){{0,2}}[ _]?(?:{_FUNDS})(?![a-z])"
    rf"|(?<![a-z])(?:{_FUNDS}){_GAP}(?:{_LACK})(?![a-z])|arrears?|overdue|n't have enough (?:{_FUNDS})",
    re.IGNORECASE,
)
_BEYOND_QUOTA: Final = re.compile(
    r"(?:quota|limit)(?:[ _]\w{1,20}){0,3}[ _](?:exceeded|reached)|exceed\w{0,3} [^.]{0,30}quota"
    r"|free[ _]?tier[^.]{0,60}(?:exhausted|exceeded|only)|quota.{0,20}only",
    re.IGNORECASE,
)


def says_without_funds(text: str) -> bool:
    """Whether it says that an account has to be paid for first."""
    return _WITHOUT_FUNDS.search(text) is not None


def says_beyond_quota(text: str) -> bool:
    """Whether it says that a quota is used up, which may come back by itself."""
    return _BEYOND_QUOTA.search(text) is not None
