"""The world of a controller, simulated: an API server, a token endpoint and a clock, all on the event loop's time.

They hold state as the real ones do, and tests change that state; nothing in them knows what a test expects.
"""
