"""The journal: an append-only Merkle log, its projection, and an auditor that needs only the file and a public key."""
