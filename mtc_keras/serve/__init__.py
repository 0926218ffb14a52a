"""Serves a run or an export over HTTP: `mtc-keras serve`.

Nothing is imported here, so that a worker starts without the server, and help without either.
"""
