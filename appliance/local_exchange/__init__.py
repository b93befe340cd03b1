"""The local exchange: play money behind real exchanges' wires, on loopback, that misbehaves when asked to."""
