"""The load tester: `python -m tfgan_kit_client.load`."""
