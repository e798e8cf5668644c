"""The REST server: routes, bodies, JSON requests and answers."""
