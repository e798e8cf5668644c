"""Verification of a version: its certificate, other kernels, its files, its answers when served."""
