"""HTTP: the platform's API, health, metrics, and the playground."""
