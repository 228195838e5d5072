"""Who is asking, what a role may do, and how a token proves it. The same at every door.

principals: roles, scopes, the principal · rights: the table role × command × scope · keys: the store's own
signing keys · tokens: signed, short-lived proof of who is asking · logins: one-time codes for a browser,
and sessions that were ended · access_place: where these two lie.
"""

from services.chassis.auth.access_place import AccessFile, AccessPlace, AccessSchema
from services.chassis.auth.keys import KeyFileError, signing_key
from services.chassis.auth.logins import EndedTokens, LoginCodes
from services.chassis.auth.principals import (
    ROLE_PURPOSES,
    ROLE_TITLES,
    UNIT_ROLES,
    Principal,
    Role,
    Scope,
    require_issuable,
    system,
)
from services.chassis.auth.rights import Rights, RightsError, authorise, no_right, require_unit
from services.chassis.auth.tokens import TokenIssuer, TokenVerifier

__all__ = [
    "ROLE_PURPOSES",
    "ROLE_TITLES",
    "UNIT_ROLES",
    "AccessFile",
    "AccessPlace",
    "AccessSchema",
    "EndedTokens",
    "KeyFileError",
    "LoginCodes",
    "Principal",
    "Rights",
    "RightsError",
    "Role",
    "Scope",
    "TokenIssuer",
    "TokenVerifier",
    "authorise",
    "no_right",
    "require_issuable",
    "require_unit",
    "signing_key",
    "system",
]
