"""The services of the platform, one folder each; `chassis` is what they share."""
