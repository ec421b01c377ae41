#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs inside a demo pod: answers PROTOCOL/PORT... with what it was sent, both families.
for server in "$@"; do
  port="${server#*/}"
  case "$server" in
    TCP/*) socat TCP6-LISTEN:"$port",ipv6only=0,reuseaddr,fork,backlog=64 PIPE 2> /dev/null & ;;
    UDP/*) socat UDP6-RECVFROM:"$port",ipv6only=0,reuseaddr,fork PIPE 2> /dev/null & ;;
  esac
done
trap 'exit 0' TERM
while :; do sleep 1000; done
