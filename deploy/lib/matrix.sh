# SPDX-License-Identifier: Apache-2.0
# Sourced by deploy/demo: the connectivity matrix, expected beside observed.

probes=(TCP/80 TCP/443 UDP/443 TCP/3306 TCP/9100 UDP/53)
declare -A expected=() observed=()

expect() {
  local arguments=() probe from to protocol port verdict
  for probe in "${probes[@]}"; do arguments+=(--probe "$probe"); done
  "$bin/bulkhead" policy matrix "$work/etc/bulkhead/policies.d" --config "$work/etc/bulkhead/config.yaml" \
    "${arguments[@]}" --external 198.51.100.0/24 -o json > "$work/matrix.json" 2> "$work/matrix.log" ||
    die "policy matrix failed: $(cat "$work/matrix.log")"
  while read -r from to protocol port verdict; do
    expected["${from/198.51.100.0\/24/internet} ${to/198.51.100.0\/24/internet} $protocol/$port"]="$verdict"
  done < <(jq -r '.cells[] | "\(.from) \(.to) \(.protocol) \(.port) \(.verdict)"' "$work/matrix.json")
}

# The lines that pod_probe.sh reads, for one source.
targets_of() {
  local to probe family
  for probe in "${probes[@]}"; do
    for to in "${pods[@]}"; do
      [ "$to" = "$1" ] && continue
      for family in 4 6; do echo "$to ${probe%/*} ${probe#*/} $family ${pod_ip[$to,$family]}"; done
    done
    [ "$1" = internet ] && continue
    echo "internet ${probe%/*} ${probe#*/} 4 $internet_v4"
    echo "internet ${probe%/*} ${probe#*/} 6 $internet_v6"
  done
}

observe() {
  local from to protocol port family verdict
  start internet ip netns exec "$internet" sh "$here/lib/pod_serve.sh" "${servers[@]}"
  for from in "${pods[@]}" internet; do
    if [ "$from" = internet ]; then
      targets_of internet | ip netns exec "$internet" sh "$here/lib/pod_probe.sh" > "$work/observed.internet"
    else
      targets_of "$from" | in_pod "$from" sh "$(probe_program)" > "$work/observed.${from/\//-}"
    fi
    while read -r to protocol port family verdict; do
      observed["$from $to $protocol/$port $family"]="$verdict"
    done < "$work/observed.${from/\//-}"
  done
}

probe_program() { if [ "$runtime" = containerd ]; then echo /bin/pod-probe; else echo "$here/lib/pod_probe.sh"; fi; }

cell_of() { case "$1" in allow | open) printf '.' ;; deny | closed) printf 'X' ;; *) printf '?' ;; esac; }

# Prints one probe's block; adds to $tried and $wrong.
print_probe() {
  local probe="$1" label="$1" from to family grid4 grid6 grid mark seen
  for from in "${pods[@]}" internet; do
    grid='' grid4='' grid6=''
    for to in "${pods[@]}" internet; do
      if [ "$from" = "$to" ]; then
        grid+='  ' grid4+='  ' grid6+='  '
        continue
      fi
      mark="$(cell_of "${expected["$from $to $probe"]:-}")"
      grid+="$mark "
      for family in 4 6; do
        seen="$(cell_of "${observed["$from $to $probe $family"]:-}")"
        tried=$((tried + 1))
        if [ "$seen" != "$mark" ]; then
          wrong=$((wrong + 1))
          seen="$red!$plain"
        fi
        if [ $family = 4 ]; then grid4+="$seen "; else grid6+="$seen "; fi
      done
    done
    printf '   %-9s %-20s %s    %s    %s\n' "$label" "$from" "$grid" "$grid4" "$grid6"
    label=''
  done
}

show_matrix() {
  local probe tried=0 wrong=0 letters='w d p c b i '
  say ". = answered, X = nothing came back, ! = not as the policies say"
  say "columns: web, db, prober, client, box, internet"
  printf '   %-9s %-20s %-15s %-15s %s\n' '' from expected 'IPv4 seen' 'IPv6 seen'
  printf '   %-9s %-20s %s    %s    %s\n' '' '' "$letters" "$letters" "$letters"
  for probe in "${probes[@]}"; do
    print_probe "$probe"
  done
  if [ "$wrong" -eq 0 ]; then
    say "${green}$tried connections tried, all as the policies say$plain"
  else
    say "${red}$tried connections tried, $wrong not as the policies say$plain"
    failures=$((failures + 1))
  fi
}
