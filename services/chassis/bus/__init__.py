"""Topics as a consumer sees them, its turns, and what it takes of them: each fact once and in its order."""
