"""What every published document says of the product itself."""

from __future__ import annotations

VERSION = "0.1.0"
"""Version of the contracts: raised with each release, its first number with a breaking one."""

CONTACT = {"name": "bizenv"}
"""Who answers for the contracts; the city that runs the platform names its own people in its documents."""
