"""Keeps fresh OAuth 2.0 access tokens in Kubernetes Secrets."""

__version__ = "0.1.0"
