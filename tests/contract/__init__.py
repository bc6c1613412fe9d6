"""The contract, held from outside: a real server, stock clients, and nothing known of the code."""
