"""Bad input by the thousand: no 5xx, no hang, and no neighbour who notices."""
