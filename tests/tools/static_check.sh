#!/usr/bin/env bash
# Runs a statically linked express-server in a chroot that holds nothing but it and its configuration: `make static` calls it.
#
#   static_check.sh EXPRESS_SERVER EXPRESS_CALL
#
# EXPRESS_CALL is an ordinary build: a client from outside the chroot. Shown: no interpreter and no library is wanted, the health page
# answers, a token is made, a client logs in and publishes, another hears it, and SIGTERM ends the server with status 0. Needs root.
set -euo pipefail

server=${1:?usage: static_check.sh EXPRESS_SERVER EXPRESS_CALL}
client=${2:?usage: static_check.sh EXPRESS_SERVER EXPRESS_CALL}
speech=$(dirname "$0")/../speech/jfk_male.wav
fail() { echo "static_check: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "chroot needs root; run it with sudo"
if readelf --program-headers "$server" | grep -q INTERP; then fail "$server wants a dynamic loader"; fi
if readelf --dynamic "$server" | grep -q NEEDED; then fail "$server wants shared libraries"; fi

root=$(mktemp -d)
pids=()
cleanup() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$root"
}
trap cleanup EXIT

mkdir "$root/chroot"
cp "$server" "$root/chroot/express-server"
secret=$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
cat >"$root/chroot/server.toml" <<TOML
[http]
listen = "127.0.0.1:0"
[media]
udp = "127.0.0.1:0"
[[apps]]
id = 1
secret = "$secret"
TOML

: >"$root/ready"
chroot "$root/chroot" /express-server serve --config /server.toml >"$root/ready" 2>"$root/log" &
server_pid=$!
pids+=("$server_pid")
for _ in $(seq 100); do
  grep -q '^ready ' "$root/ready" && break
  kill -0 "$server_pid" 2>/dev/null || { cat "$root/log" >&2; fail "the server ended"; }
  sleep 0.1
done
url=$(awk '/^ready /{ print $2 }' "$root/ready")
[ -n "$url" ] || { cat "$root/log" >&2; fail "the server is not ready after 10 s"; }

curl --silent --fail --max-time 5 "$url/healthz" >/dev/null || fail "the health page does not answer"

token() { chroot "$root/chroot" /express-server token --app-id 1 --user "$1" --config /server.toml; }
both=(--server "${url/http:/ws:}" --script --wav "$speech" --loop)
env EXPRESS_TOKEN="$(token alice)" "$client" "${both[@]}" --user alice </dev/null >"$root/alice" 2>"$root/alice.log" &
pids+=($!)
mkdir "$root/heard"
env EXPRESS_TOKEN="$(token bob)" "$client" "${both[@]}" --user bob --seconds 6 --record "$root/heard" </dev/null >"$root/bob" 2>"$root/bob.log" ||
  { cat "$root/bob" "$root/bob.log" >&2; fail "bob cannot log in"; }
grep -q '"PLAYING"' "$root/bob" || { cat "$root/bob" >&2; fail "bob does not hear alice"; }
[ "$(stat -c %s "$root/heard/alice-voice.wav")" -gt 100000 ] || fail "what bob heard is too short"

kill -TERM "$server_pid"
wait "$server_pid" || fail "the server ended with status $?"
echo "static: $(du -h "$server" | cut -f1), runs alone in a chroot; health page, token, login and media are there"
