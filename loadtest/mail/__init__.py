"""The messages of a load run: each with an identity and digests, of sizes that a model or a folder gives."""
