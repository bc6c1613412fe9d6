"""DBL and HYBERTONE GoIP boxes, 1 to 32 lines, over the text protocol of their "SMS server" setting (UDP)."""
