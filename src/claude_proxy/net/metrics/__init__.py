"""`GET /metrics`: the state of the proxy in the formats that Prometheus reads.

service.py   the path; it loads the rest when it is first asked
families.py  from the proxy's state to the families of metrics; the only file that knows prometheus_client
quota.py     the labels of quota windows
"""
