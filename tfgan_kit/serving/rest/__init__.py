"""The REST side: routes, bodies, JSON in and out."""
