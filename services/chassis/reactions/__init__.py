"""How a service acts by itself: event → command tables, and the sink that carries them out."""
