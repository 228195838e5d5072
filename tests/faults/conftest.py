"""One real city with the shipped programme, made once; each test of a fault works on a copy."""

from tests.e2e.conftest import access, city, empty_city

__all__ = ["access", "city", "empty_city"]
