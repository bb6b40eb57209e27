#!/usr/bin/env bash
# A network of one machine behind a firewall, for tests: the machine is a network namespace, the firewall another one between it
# and this machine. What is blocked is dropped without a word, as firewalls do. Needs root, iproute2 and iptables.
#
#   netns.sh up NAME                    makes it; prints "OUTSIDE=10.211.N.1 INSIDE=10.211.N.10": this machine's address as seen
#                                       from inside, and that of the machine inside
#   netns.sh exec NAME COMMAND...       runs a command inside
#   netns.sh block NAME udp|tcp [PORT]  drops all of that protocol, or what goes to or comes from PORT out here
#   netns.sh one-way NAME in|out        drops all that goes inside, or all that comes from there
#   netns.sh unblock NAME               lets everything pass again
#   netns.sh cut NAME                   pulls the cable of the machine inside: no carrier; its address stays
#   netns.sh mend NAME                  puts it back
#   netns.sh address NAME N             takes the address inside away and gives it 10.211.*.N (N: 11 to 14) at once
#   netns.sh nat NAME                   the firewall hides the machine inside behind its own address; before anything connects
#   netns.sh rebind NAME                the firewall forgets its mappings: what comes from inside gets other ports
#   netns.sh down NAME                  ends what runs inside and removes it all; no error where it is not there
#
# NAME: up to 20 letters, digits and "-".
set -euo pipefail

usage() { sed -n 's/^#  *\(netns\.sh .*\)/\1/p' "$0" >&2; exit 2; }
[ $# -ge 2 ] || usage
action=$1 name=$2
shift 2
[[ $name =~ ^[a-zA-Z0-9-]{1,20}$ ]] || { echo "netns.sh: \"$name\" is no name (up to 20 letters, digits and -)" >&2; exit 2; }
inside=xa-$name firewall=xa-$name-fw

for need in ip:iproute2 iptables:iptables; do
  command -v "${need%:*}" >/dev/null || { echo "netns.sh: ${need%:*} is missing; Debian's package is ${need#*:}" >&2; exit 1; }
done

in_firewall() { ip netns exec "$firewall" "$@"; }

# Takes the first free N: the name of a link is there once.
outer_link() {
  for n in $(seq 1 250); do
    if ip link add "xa-out$n" type veth peer name xa-fw0 netns "$firewall" 2>/dev/null; then echo "$n"; return; fi
  done
  echo "netns.sh: no link could be made: are there 250 of them, or may this container not?" >&2
  exit 1
}

up() {
  if ! ip netns add "$firewall" || ! ip netns add "$inside"; then
    echo "netns.sh: no network namespace \"$name\" could be made: it needs root, and the name must be free" >&2
    exit 1
  fi
  local n net
  n=$(outer_link)
  net=10.211.$n
  ip addr add "$net.1/30" dev "xa-out$n"
  # Without IPv6 addresses of the links: these come a second late, and Chromium drops what it loads when an address comes.
  ip link set "xa-out$n" addrgenmode none
  ip link set "xa-out$n" up
  in_firewall ip addr add "$net.2/30" dev xa-fw0
  in_firewall ip link set xa-fw0 up
  ip -n "$firewall" link add xa-fw1 type veth peer name xa-in netns "$inside"
  in_firewall ip addr add "$net.9/29" dev xa-fw1
  in_firewall ip link set xa-fw1 up
  in_firewall sh -c 'echo 1 > /proc/sys/net/ipv4/ip_forward'
  ip -n "$inside" addr add "$net.10/29" dev xa-in
  ip -n "$inside" link set xa-in addrgenmode none
  ip -n "$inside" link set xa-in up
  ip -n "$inside" link set lo up
  ip -n "$inside" route add default via "$net.9"
  ip route add "$net.8/29" via "$net.2"
  echo "OUTSIDE=$net.1 INSIDE=$net.10"
}

block() {
  local protocol=${1:-} port=${2:-}
  [[ $protocol = udp || $protocol = tcp ]] || usage
  if [ -z "$port" ]; then
    in_firewall iptables -A FORWARD -p "$protocol" -j DROP
  else
    in_firewall iptables -A FORWARD -p "$protocol" -i xa-fw1 --dport "$port" -j DROP
    in_firewall iptables -A FORWARD -p "$protocol" -i xa-fw0 --sport "$port" -j DROP
  fi
}

one_way() {
  case "${1:-}" in
    in) in_firewall iptables -A FORWARD -i xa-fw0 -j DROP ;;
    out) in_firewall iptables -A FORWARD -i xa-fw1 -j DROP ;;
    *) usage ;;
  esac
}

# The first address of a link, as ADDRESS/LENGTH.
address_of() { ip -n "$1" -o -4 addr show dev "$2" | awk '{ print $4; exit }'; }

readdress() {
  [[ ${1:-} =~ ^1[1-4]$ ]] || usage
  local old net
  old=$(address_of "$inside" xa-in)
  net=${old%.*}
  # With the address go its routes.
  ip -n "$inside" addr del "$old" dev xa-in
  ip -n "$inside" addr add "$net.$1/29" dev xa-in
  ip -n "$inside" route add default via "$net.9"
}

# The kernel drops the mappings of a masquerading link that loses its address; the next ones get random ports.
rebind() {
  local address
  address=$(address_of "$firewall" xa-fw0)
  ip -n "$firewall" addr del "$address" dev xa-fw0
  ip -n "$firewall" addr add "$address" dev xa-fw0
}

down() {
  local space
  for space in "$inside" "$firewall"; do
    ip netns pids "$space" 2>/dev/null | xargs -r kill -KILL 2>/dev/null || true
    ip netns del "$space" 2>/dev/null || true
  done
}

case "$action" in
  up) up ;;
  exec) exec ip netns exec "$inside" "$@" ;;
  block) block "$@" ;;
  one-way) one_way "$@" ;;
  unblock) in_firewall iptables -F FORWARD ;;
  cut) ip -n "$firewall" link set xa-fw1 down ;;
  mend) ip -n "$firewall" link set xa-fw1 up ;;
  address) readdress "$@" ;;
  nat) in_firewall iptables -t nat -A POSTROUTING -o xa-fw0 -j MASQUERADE --random-fully ;;
  rebind) rebind ;;
  down) down ;;
  *) usage ;;
esac
