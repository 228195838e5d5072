"""A storm over the distributed form: real PostgreSQL, real Kafka, a process for each service.

schedule: which fault when, by seed · city: servers and processes · worker, serve: one process, restarted when it dies ·
jumping: its clock · strikes: doing it · happening: whether it was done · stray: a relay that should be quiet · load:
callers · check: what must be true afterwards · storm: the whole.
"""
