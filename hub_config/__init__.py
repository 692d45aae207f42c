"""JupyterHub's configuration: who may sign in, what is started for whom, and nothing that decides."""
