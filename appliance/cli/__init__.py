"""The command line. `readytrader mcp` beside a running daemon never gets here: see `appliance.__main__`."""
