#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs inside a demo pod. Reads lines `PEER PROTOCOL PORT FAMILY ADDRESS`, tries them all at once and
# writes `PEER PROTOCOL PORT FAMILY open|closed` for each. Open means that an answer came back.
while read -r peer protocol port family address; do
  {
    [ "$family" = 6 ] && address="[$address]"
    case "$protocol" in
      TCP) target="TCP$family:$address:$port,connect-timeout=2" ;;
      UDP) target="UDP$family:$address:$port" ;;
    esac
    answer="$(echo hello | socat -t 1.5 - "$target" 2> /dev/null)"
    [ "$answer" = hello ] && verdict=open || verdict=closed
    echo "$peer $protocol $port $family $verdict"
  } &
done
wait
