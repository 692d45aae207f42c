#!/bin/sh
exec python -m sandbox "$@"
