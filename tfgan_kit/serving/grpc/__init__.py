"""The gRPC server: ports, services, admission of calls."""
