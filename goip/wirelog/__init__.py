"""The wire log: the newest frames of each device, and of strangers, as they stood on the wire, without their secrets.

In memory only, and bounded. Whoever hears a gateway fills in an `Exchange`; `WireLog` keeps what became of it.
"""
