"""The shapes of the answers, a module for each matter: handlers make them, pages show them."""
