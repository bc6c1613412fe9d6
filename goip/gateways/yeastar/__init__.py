"""Yeastar TG (NeoGate TG) boxes: they wait to be dialled, on the port of their SMS API (TCP 5038).

The language is that of Asterisk's manager with the vendor's own events; its paper is "How to Use TG SMS API".
"""
