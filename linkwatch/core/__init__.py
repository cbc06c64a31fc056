"""The deciding floor: pure functions and frozen data; no asyncio, no clock, no I/O."""
