"""The HTTP API: who calls, what an error looks like, how a list is paged; `root` mounts the routers of the apps."""
