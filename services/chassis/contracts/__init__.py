"""The published contracts: protos, event schemas, AsyncAPI and OpenAPI, all made from the Structs.

`python -m services.chassis.contracts write | check | release`.
"""
