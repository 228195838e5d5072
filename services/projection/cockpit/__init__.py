"""The cockpit 驾驶舱: server-rendered pages over the questions of projection. Chinese first, English second."""

from services.projection.cockpit.routes import cockpit_routes

__all__ = ["cockpit_routes"]
