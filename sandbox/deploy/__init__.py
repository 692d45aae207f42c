"""The system as manifests of a Kubernetes cluster: values in, documents out. Nothing here speaks to a cluster.

terms      what an operator says: names, addresses, classes
objects    small makers of documents
network    who may reach whom, as one table, and the policies made from it
system     proxy, hub (with gate and carrier), portal, engine: pods, services, claims
pods       how each of these is put together
notebooks  the namespace of notebooks: what may be in it, and who may make it
admission  what the hub may make there, as the API server's own rule
manifests  all of it, as files
reference  the page that says what a cluster is told
"""
