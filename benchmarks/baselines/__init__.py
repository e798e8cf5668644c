"""Frozen baselines, written as their best user would write them; they import nothing of ours."""
