"""What every published document says of the product itself."""

from __future__ import annotations

VERSION = "1.0.0"
"""Version of the contracts: raised with each release, its first number with a breaking one."""

LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
CONTACT = {"name": "bizenv maintainers", "url": "https://bizenv.example/", "email": "maintainers@bizenv.example"}
