"""Recorded events for others: as a stream and in pages, in their published form, for those who may read them."""
