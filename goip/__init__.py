"""goip: a server for fleets of GSM gateways, with live device rooms."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("goip")
except PackageNotFoundError:  # a checkout that was never installed
    __version__ = "0+unknown"
