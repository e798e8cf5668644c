"""The gRPC side: ports, services, admission of calls."""
