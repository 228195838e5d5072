"""The JSON API: every command and query over HTTP, from the same tables as gRPC, and the event feed.

requests: what comes in · answers: what goes out · disconnects: who has gone · routes: the table of both.
"""

from services.chassis.http_api.disconnects import while_connected
from services.chassis.http_api.requests import SESSION_COOKIE, require_same_origin
from services.chassis.http_api.routes import api_routes

__all__ = ["SESSION_COOKIE", "api_routes", "require_same_origin", "while_connected"]
