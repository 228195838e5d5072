"""One real city with the shipped programme, made once; each test of a fault works on a copy."""

from tests.e2e.conftest import access, cities, city, empty_city

__all__ = ["access", "cities", "city", "empty_city"]
