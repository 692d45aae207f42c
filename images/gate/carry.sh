#!/bin/bash
# Two carriers; when one dies the container ends, so that a half-open gate is never taken for an open one.
#   in:  the gate service → /gate/in.sock → the notebook's server on its loopback
#   out: the notebook's loopback → /gate/out.sock → the gate service
set -eu
socat UNIX-LISTEN:/gate/in.sock,fork,unlink-early,mode=666 TCP:127.0.0.1:8888 &
socat TCP-LISTEN:8081,bind=127.0.0.1,reuseaddr,fork UNIX-CONNECT:/gate/out.sock &
wait -n
exit 1
