"""Fuzzing of every decoder, guided by what the inputs reach in it."""

_ELSEWHERE = {"openvox": "forwarder"}


def folder_of(decoder: str) -> str:
    """The folder in `goip/gateways/` where a decoder is: `dinstar` of `dinstar-binary`."""
    return _ELSEWHERE.get(decoder, decoder.partition("-")[0])
