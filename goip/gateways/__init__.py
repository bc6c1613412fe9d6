"""The makes of gateways: each module or folder decodes one make's language into `goip.models`."""
