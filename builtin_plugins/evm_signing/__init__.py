"""What the signers with a local key share: strict reading, one way to sign, and a second look at what was signed.

It needs two libraries and no more, coincurve (libsecp256k1) and pycryptodome (Keccak-256, AES), because whatever is
loaded here shares its memory with a key. There is no slower replacement to fall back on: without libsecp256k1 nothing
is imported.
"""
