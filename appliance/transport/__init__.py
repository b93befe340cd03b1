"""The edges: text comes in, values go to the service floor, values go out as text. No rule lives here."""
